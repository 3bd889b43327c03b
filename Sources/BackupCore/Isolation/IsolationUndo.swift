/// The way back: the archived tables into the schemas that they came from. The target is left as it is.
package struct IsolationUndo: Sendable, Equatable {
    package let plan: IsolationPlan
    package let facts: IsolationFacts

    package init(_ plan: IsolationPlan, _ facts: IsolationFacts) {
        self.plan = plan
        self.facts = facts
    }

    private var mark: ArchiveMark? {
        guard let mark = facts.archive?.mark, mark.source == plan.source, mark.target == plan.target else { return nil }
        return mark
    }

    /// The tables are where they were: nothing is left to be done.
    package var isDone: Bool { facts.archive == nil && !facts.tables.isEmpty }

    /// Those of the archive, each with the schema that it came from.
    package var returning: [(table: IsolatedTable, schema: String)] {
        (facts.archive?.tables ?? []).compactMap { table in mark?.tables[table.name].map { (table, $0) } }
    }

    package var statements: [String] {
        guard let archive = facts.archive, mark != nil else { return [] }
        let schema = SQL.identifier(plan.archiveSchema)
        let isEmptied = returning.count == archive.tables.count
        return returning.map { "ALTER TABLE \($0.table.qualified) SET SCHEMA \(SQL.identifier($0.schema))" }
            + [isEmptied ? "DROP SCHEMA \(schema)" : "COMMENT ON SCHEMA \(schema) IS NULL"]
    }

    package var refusals: [String] {
        if isDone { return [] }
        guard let archive = facts.archive else {
            return ["there is no schema \(plan.archiveSchema) in \(facts.source.database): nothing was moved there"]
        }
        guard let mark else {
            return [
                "the schema \(plan.archiveSchema) of \(facts.source.database) does not say that this plan's tables were moved there"
            ]
        }
        let taken = returning.filter { back in
            facts.source.contents.tables?.contains { $0.schema == back.schema && $0.name == back.table.name } ?? false
        }
        let gone = mark.tables.keys.filter { name in !archive.tables.contains { $0.name == name } }.sorted()
        return taken.map { "\($0.schema).\($0.table.name) exists again in \(facts.source.database)" }
            + gone.map { "\(plan.archiveSchema).\($0) is gone" }
    }
}

/// What `isolate` answers: what it found, and what it did or would do. Its keys are a promise.
package struct IsolationReport: Sendable, Equatable, Encodable {
    package var source: String
    package var sourceDatabase: String
    package var target: String
    package var targetDatabase: String
    package var archiveSchema: String
    /// `isolate` or `undo`.
    package var work: String
    /// False for a dry run.
    package var performed = false
    /// Those that move, or have moved, as `schema.table`.
    package var tables: [String]
    package var ties: [IsolationTie] = []
    package var refusals: [String]
    package var steps: [IsolationStep]
    /// By table, as far as rows were copied.
    package var rows: [String: Int] = [:]
    /// The names of the dumps that step 1 has made.
    package var dumps: [String] = []
    /// What removes the archive for good: without CASCADE, so that the server tells what still depends on it.
    package var drop: [String] = []

    package init(_ isolation: Isolation) {
        let (plan, facts) = (isolation.plan, isolation.facts)
        self.init(plan, facts, work: "isolate")
        let moved = isolation.isMoved ? isolation.mark?.tables : nil
        tables = moved.map { $0.map { "\($0.value).\($0.key)" }.sorted() } ?? facts.tables.map(\.shown)
        ties = facts.ties
        let archive = SQL.identifier(plan.archiveSchema)
        let names = isolation.isMoved ? (isolation.mark?.tables.keys.sorted() ?? []) : facts.tables.map(\.name)
        let list = names.map { "\(archive).\(SQL.identifier($0))" }.joined(separator: ", ")
        drop = ["DROP TABLE \(list)", "DROP SCHEMA \(archive)"]
        refusals = isolation.refusals
        steps = isolation.steps
    }

    package init(_ undo: IsolationUndo) {
        self.init(undo.plan, undo.facts, work: "undo")
        tables = undo.returning.map { "\($0.schema).\($0.table.name)" }
        refusals = undo.refusals
        let changes =
            "\(Plural.tables(tables.count)) of \(undo.facts.source.database) back where they were: \(tables.joined(separator: ", "))"
        steps = [
            IsolationStep(
                number: 1, kind: .moveBack, state: undo.isDone ? .done : .toDo, sql: undo.statements,
                changes: undo.isDone ? [] : [changes])
        ]
    }

    private init(_ plan: IsolationPlan, _ facts: IsolationFacts, work: String) {
        source = plan.source
        sourceDatabase = facts.source.database
        target = plan.target
        targetDatabase = facts.target.database
        archiveSchema = plan.archiveSchema
        self.work = work
        (tables, refusals, steps) = ([], [], [])
    }
}
