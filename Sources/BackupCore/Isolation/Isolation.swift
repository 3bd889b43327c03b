import Foundation

/// One step of a plan, and how it stands.
package struct IsolationStep: Sendable, Equatable, Encodable {
    package enum Kind: String, Sendable, Encodable {
        case backUp = "back-up"
        case applySchema = "apply-schema"
        case copyRows = "copy-rows"
        case expectTarget = "expect-target"
        case moveTables = "move-tables"
        case expectBoth = "expect-both"
        /// Of `--undo`, alone.
        case moveBack = "move-back"

        package static let order: [Kind] = [
            .backUp, .applySchema, .copyRows, .expectTarget, .moveTables, .expectBoth,
        ]
        package var number: Int { (Self.order.firstIndex(of: self) ?? 0) + 1 }

        package var title: String {
            switch self {
            case .backUp: "back up both databases"
            case .applySchema: "apply the schema file"
            case .copyRows: "copy the rows"
            case .expectTarget: "hold the target to what is expected"
            case .moveTables: "move the old tables into the archive"
            case .expectBoth: "hold both to what is expected"
            case .moveBack: "move the old tables back"
            }
        }
    }
    package enum State: String, Sendable, Encodable {
        case toDo = "to-do"
        case done
        /// The plan does not ask for it.
        case notAsked = "not-asked"
    }

    package var number: Int
    package var kind: Kind
    package var state: State
    package var sql: [String]
    /// What would be different afterwards, for people.
    package var changes: [String]

    package init(number: Int, kind: Kind, state: State, sql: [String], changes: [String]) {
        self.number = number
        self.kind = kind
        self.state = state
        self.sql = sql
        self.changes = changes
    }
}

/// What is to be done for a plan, given what the live databases say. The same question after each step: what has been done is
/// told by the databases, not by a memory of ours.
package struct Isolation: Sendable, Equatable {
    package let plan: IsolationPlan
    package let facts: IsolationFacts
    private let moved: String

    /// `moved` is the time that the archive's comment will have.
    package init(_ plan: IsolationPlan, _ facts: IsolationFacts, moved: String) {
        self.plan = plan
        self.facts = facts
        self.moved = moved
    }

    /// Nothing is left to be moved: a second run only looks.
    package var isMoved: Bool { facts.tables.isEmpty && mark != nil }

    /// Of this plan's own archive.
    package var mark: ArchiveMark? {
        guard let mark = facts.archive?.mark, mark.source == plan.source, mark.target == plan.target else { return nil }
        return mark
    }

    /// The tables that hold the rows.
    package var copied: [IsolatedTable] { facts.tables.filter { !$0.isPartitioned } }

    private var missing: [IsolatedTable] { facts.tables.filter { facts.counterpart(of: $0) == nil } }

    package var steps: [IsolationStep] {
        [
            step(.backUp, isMoved ? .done : .toDo, [], backUpChanges),
            step(.applySchema, schemaState, schemaSQL, schemaChanges),
            step(
                .copyRows, rowsState, isMoved ? [] : (rowsState == .toDo ? copySQL : []) + markSQL + [Self.markLine],
                isMoved ? [] : rowsChanges + [markChange]),
            step(.expectTarget, isMoved ? .done : .toDo, [], expectChanges([facts.target])),
            step(.moveTables, isMoved ? .done : .toDo, moveStatements, moveChanges),
            step(.expectBoth, .toDo, [], expectChanges([facts.source, facts.target])),
        ]
    }

    private func step(_ kind: IsolationStep.Kind, _ state: IsolationStep.State, _ sql: [String], _ changes: [String])
        -> IsolationStep
    {
        IsolationStep(
            number: kind.number, kind: kind, state: state, sql: sql, changes: state == .done ? [] : changes)
    }

    private var backUpChanges: [String] {
        [
            "a dump of each, equal to its source: archon-backupd backup \(ShellCommand.word(plan.source)) \(ShellCommand.word(plan.target))"
        ]
    }

    /// Done when the target says that it has this very file, has every table and is as expected.
    package var schemaState: IsolationStep.State {
        guard plan.schemaFile != nil else { return .notAsked }
        let isApplied =
            facts.schemaFile != nil
            && facts.tables.allSatisfy { facts.mark?.tables[$0.shown]?.schemaFile == facts.schemaFile }
        return isMoved || (isApplied && missing.isEmpty && facts.target.drift == nil) ? .done : .toDo
    }

    private var schemaSQL: [String] {
        guard let file = plan.schemaFile, schemaState == .toDo else { return [] }
        return ["BEGIN", "\\i \(file)"] + (seedNote.isEmpty ? [] : [Self.markLine]) + ["COMMIT"]
    }

    /// What stands in the comment is known only when the rows are there.
    private static let markLine = "COMMENT ON SCHEMA \(SQL.identifier(TargetMark.schema)) IS …"

    private var schemaChanges: [String] {
        guard let file = plan.schemaFile else { return [] }
        let names = missing.map(\.shown).joined(separator: ", ")
        return [
            "\(file) in \(facts.target.database), in one transaction"
                + (missing.isEmpty ? "" : "; missing there: \(names)")
        ]
    }

    package var rowsState: IsolationStep.State {
        guard plan.copyRows else { return .notAsked }
        return isMoved || facts.rows?.state == .equal ? .done : .toDo
    }

    /// Of both databases, in their order.
    private var copySQL: [String] {
        let sequences = ["-- ALTER SEQUENCE … RESTART WITH …, of each that is behind the source's"]
        guard facts.rows?.state != .sequencesBehind else { return Self.locking(facts.tables) + sequences }
        return Self.locking(facts.tables) + ["-- ALTER TABLE … DISABLE TRIGGER …, of each trigger of the target's"]
            + truncateSQL + ["SET CONSTRAINTS ALL DEFERRED"] + copied.flatMap { [Self.copyOut($0), Self.copyIn($0)] }
            + ["SET CONSTRAINTS ALL IMMEDIATE", "-- ALTER TABLE … ENABLE TRIGGER …"] + sequences
    }

    private static func locking(_ tables: [IsolatedTable]) -> [String] {
        guard !tables.isEmpty else { return [] }
        return [lockSource(tables), lockTarget(tables)]
    }

    /// Keeps writers out.
    package static func lockSource(_ tables: [IsolatedTable]) -> String { lock(tables, "SHARE") }

    /// Keeps writers out who would write beside us.
    package static func lockTarget(_ tables: [IsolatedTable]) -> String { lock(tables, "SHARE ROW EXCLUSIVE") }

    /// Keeps out who would make them anew.
    package static func lockReading(_ tables: [IsolatedTable]) -> String { lock(tables, "ACCESS SHARE") }

    private static func lock(_ tables: [IsolatedTable], _ mode: String) -> String {
        "LOCK TABLE \(tables.map { "ONLY \($0.qualified)" }.joined(separator: ", ")) IN \(mode) MODE"
    }

    private var truncateSQL: [String] {
        if !filled.isEmpty { return [truncation] }
        return schemaState == .toDo ? ["-- \(truncation), where the schema file has put rows in"] : []
    }

    /// Empties the target's tables. ONLY: what inherits from such a table is somebody else's; of a partitioned one all partitions
    /// go, those too that reference each other.
    package var truncation: String {
        "TRUNCATE "
            + facts.tables.map { $0.isPartitioned ? $0.qualified : "ONLY \($0.qualified)" }.joined(separator: ", ")
    }

    private var markSQL: [String] { facts.hasMark ? [] : ["CREATE SCHEMA \(SQL.identifier(TargetMark.schema))"] }

    private var markChange: String {
        "\(facts.target.database) notes which rows these are, in the comment on the schema \(TargetMark.schema)"
    }

    /// Notes in the target which rows it has of us: by table its contents, or nil for "whatever there is".
    package func markStatements(_ contents: [String: TargetMark.Content]) -> [String] {
        let mark = mark { table, _ in
            TargetMark.Entry(
                source: plan.source, oid: table.oid, noted: moved, schemaFile: facts.schemaFile, copied: plan.copyRows,
                content: contents[table.shown])
        }
        guard mark.withoutTimes != facts.mark?.withoutTimes else { return [] }
        return markSQL + ["COMMENT ON SCHEMA \(SQL.identifier(TargetMark.schema)) IS \(SQL.literal(mark.comment))"]
    }

    /// For the end of the schema file's transaction: notes the rows that are there by then, which are the file's and ours of before.
    /// Empty where they may be somebody's.
    package var seedNote: String {
        guard plan.copyRows, isClean else { return "" }
        return mark { table, before in
            let isCopy = before.map { $0.copied && ($0.content?.rows ?? 0) > 0 } ?? false
            return TargetMark.Entry(
                source: plan.source, oid: isCopy ? before?.oid ?? table.oid : table.oid, noted: moved,
                schemaFile: facts.schemaFile, copied: isCopy, content: nil)
        }.noting(facts.tables)
    }

    private func mark(_ entry: (IsolatedTable, TargetMark.Entry?) -> TargetMark.Entry) -> TargetMark {
        var mark = facts.mark ?? TargetMark(tables: [:])
        for table in facts.tables { mark.tables[table.shown] = entry(table, mark.tables[table.shown]) }
        return mark
    }

    /// What is worth knowing, and in nobody's way.
    package var notes: [String] {
        guard isMoved else {
            return facts.materializedViews.map {
                "the materialized view \($0) of \(facts.target.database) does not have the rows that are copied: REFRESH MATERIALIZED VIEW \($0)"
            }
        }
        guard let file = plan.schemaFile, let now = facts.schemaFile else { return [] }
        let entries = (mark?.tables ?? [:]).compactMap {
            facts.mark?.tables[IsolatedTable.shown($0.value, $0.key)]
        }
        guard let entry = entries.first(where: { $0.schemaFile != nil && $0.schemaFile != now }) else { return [] }
        return [
            "\(file) is not the file that was applied at \(entry.noted), and is not applied any more: what is new in it is yours to apply to \(facts.target.database)"
        ]
    }

    package static func copyOut(_ table: IsolatedTable) -> String {
        "COPY \(table.qualified) \(table.columnList) TO STDOUT"
    }

    package static func copyIn(_ table: IsolatedTable) -> String {
        "COPY \(table.qualified) \(table.columnList) FROM STDIN"
    }

    private var rowsChanges: [String] {
        guard plan.copyRows else { return [] }
        return copied.map { table in
            let from = facts.rows?.source[table.shown].map { Plural.rows($0) } ?? "rows"
            guard let there = facts.rows?.target[table.shown], there > 0 else { return "\(table.shown): \(from)" }
            return "\(table.shown): \(from) in place of the \(Plural.rows(there)) that \(facts.target.database) has"
        }
    }

    private func expectChanges(_ sides: [IsolationFacts.Side]) -> [String] {
        sides.map { "\($0.database): " + ($0.drift.map { "not yet: \($0)" } ?? "as expected now") }
    }

    package var moveStatements: [String] {
        guard !facts.tables.isEmpty else { return [] }
        let archive = SQL.identifier(plan.archiveSchema)
        let mark = ArchiveMark(
            source: plan.source, database: facts.source.database, target: plan.target,
            targetDatabase: facts.target.database, moved: moved,
            tables: Dictionary(facts.tables.map { ($0.name, $0.schema) }) { first, _ in first }, copied: plan.copyRows)
        return ["CREATE SCHEMA \(archive)"]
            + facts.tables.map { "ALTER TABLE \($0.qualified) SET SCHEMA \(archive)" }
            + ["COMMENT ON SCHEMA \(archive) IS \(SQL.literal(mark.comment))"]
    }

    private var moveChanges: [String] {
        let names = facts.tables.map(\.shown).joined(separator: ", ")
        return [
            "\(Plural.tables(facts.tables.count)) of \(facts.source.database), with indexes and owned sequences, into the schema \(plan.archiveSchema): \(names)"
        ]
    }
}
