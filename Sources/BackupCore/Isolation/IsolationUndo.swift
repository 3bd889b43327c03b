/// The way back: the archived tables into the schemas that they came from. The target is left as it is, and not asked: it may be
/// lost.
package struct IsolationUndo: Sendable, Equatable {
    package let plan: IsolationPlan
    package let source: IsolationFacts.Side
    /// Of the target's job.
    package let targetDatabase: String
    /// Those of the source that match the plan.
    package let tables: [IsolatedTable]
    package let archive: IsolationFacts.Archive?

    package init(
        _ plan: IsolationPlan, source: IsolationFacts.Side, targetDatabase: String, tables: [IsolatedTable],
        archive: IsolationFacts.Archive?
    ) {
        self.plan = plan
        self.source = source
        self.targetDatabase = targetDatabase
        self.tables = tables
        self.archive = archive
    }

    private var mark: ArchiveMark? {
        guard let mark = archive?.mark, mark.source == plan.source, mark.target == plan.target else { return nil }
        return mark
    }

    /// The tables are where they were: nothing is left to be done.
    package var isDone: Bool {
        guard !tables.isEmpty else { return false }
        guard let archive else { return true }
        // One that has more in it stays, without its comment. Who has lost that comment has the old tables there still.
        return archive.mark == nil && !archive.tables.contains { old in tables.contains { $0.name == old.name } }
    }

    /// Those of the archive, each with the schema that it came from.
    package var returning: [(table: IsolatedTable, schema: String)] {
        (archive?.tables ?? []).compactMap { table in mark?.tables[table.name].map { (table, $0) } }
    }

    package var statements: [String] {
        guard let archive, mark != nil else { return [] }
        let schema = SQL.identifier(plan.archiveSchema)
        let isEmptied = returning.count == archive.tables.count && !archive.hasMore
        return returning.map { "ALTER TABLE \($0.table.qualified) SET SCHEMA \(SQL.identifier($0.schema))" }
            + [isEmptied ? "DROP SCHEMA \(schema)" : "COMMENT ON SCHEMA \(schema) IS NULL"]
    }

    package var refusals: [String] {
        if isDone { return [] }
        guard archive != nil else {
            return ["there is no schema \(plan.archiveSchema) in \(source.database): nothing was moved there"]
        }
        guard mark != nil else {
            return [
                "the schema \(plan.archiveSchema) of \(source.database) does not say that this plan's tables were moved there"
            ]
        }
        let taken = returning.filter { back in
            source.contents.tables?.contains { $0.schema == back.schema && $0.name == back.table.name } ?? false
        }
        return taken.map { "\($0.schema).\($0.table.name) exists again in \(source.database)" }
            + (returning.isEmpty ? ["none of the tables that were moved is left in \(plan.archiveSchema)"] : [])
    }

    /// What does not come back, and what stays.
    package var notes: [String] {
        guard let archive, let mark else { return [] }
        let gone = mark.tables.keys.filter { name in !archive.tables.contains { $0.name == name } }.sorted()
        let stays = archive.hasMore || returning.count < archive.tables.count
        return gone.map { "\(plan.archiveSchema).\($0) was dropped, and does not come back" }
            + (stays ? ["the schema \(plan.archiveSchema) stays: it has more than what was moved there"] : [])
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
    /// Worth knowing, and in nobody's way.
    package var notes: [String] = []
    package var steps: [IsolationStep]
    /// By table, as far as rows were copied.
    package var rows: [String: Int] = [:]
    /// The names of the dumps that step 1 has made.
    package var dumps: [String] = []
    /// What removes the archive for good: without CASCADE, so that the server tells what still depends on it.
    package var drop: [String] = []

    package init(_ isolation: Isolation) {
        let (plan, facts) = (isolation.plan, isolation.facts)
        self.init(plan, from: facts.source.database, to: facts.target.database, work: "isolate")
        let moved = isolation.isMoved ? isolation.mark?.tables : nil
        tables = moved.map { $0.map { IsolatedTable.shown($0.value, $0.key) }.sorted() } ?? facts.tables.map(\.shown)
        ties = facts.ties
        let archive = SQL.identifier(plan.archiveSchema)
        let names = isolation.isMoved ? (isolation.mark?.tables.keys.sorted() ?? []) : facts.tables.map(\.name)
        let list = names.map { "\(archive).\(SQL.identifier($0))" }.joined(separator: ", ")
        drop = ["DROP TABLE \(list)", "DROP SCHEMA \(archive)"]
        refusals = isolation.refusals
        notes = isolation.notes
        steps = isolation.steps
    }

    package init(_ undo: IsolationUndo) {
        self.init(undo.plan, from: undo.source.database, to: undo.targetDatabase, work: "undo")
        tables = undo.returning.map { "\($0.schema).\($0.table.name)" }
        refusals = undo.refusals
        notes = undo.notes
        let changes =
            "\(Plural.tables(tables.count)) of \(undo.source.database) back where they were: \(tables.joined(separator: ", "))"
        steps = [
            IsolationStep(
                number: 1, kind: .moveBack, state: undo.isDone ? .done : .toDo, sql: undo.statements,
                changes: undo.isDone ? [] : [changes])
        ]
    }

    /// All that was to do has been done.
    package mutating func finish() {
        performed = true
        for index in steps.indices where steps[index].state == .toDo { steps[index].state = .done }
    }

    private init(_ plan: IsolationPlan, from sourceDatabase: String, to targetDatabase: String, work: String) {
        source = plan.source
        self.sourceDatabase = sourceDatabase
        target = plan.target
        self.targetDatabase = targetDatabase
        archiveSchema = plan.archiveSchema
        self.work = work
        (tables, refusals, steps) = ([], [], [])
    }
}
