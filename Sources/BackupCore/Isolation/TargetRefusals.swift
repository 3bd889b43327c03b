extension Isolation {
    /// Of the target's tables and rows. Those that are there already are looked at in any case; what the schema file may mend is
    /// passed over before it is applied.
    func targetRefusals(afterSchema: Bool) -> [String] {
        facts.tables.flatMap { refusals(of: $0, afterSchema: afterSchema) } + (plan.copyRows ? rowRefusals : [])
    }

    private func refusals(of table: IsolatedTable, afterSchema: Bool) -> [String] {
        let database = facts.target.database
        guard let there = facts.counterpart(of: table) else {
            if afterSchema { return ["\(database) has no \(table.shown), also after the schema file"] }
            return plan.schemaFile == nil
                ? ["\(database) has no \(table.shown), and the plan has no \"schemaFile\""] : []
        }
        guard plan.copyRows else { return [] }
        var refusals: [String] = []
        if there.isPartitioned != table.isPartitioned {
            refusals.append("\(table.shown) is partitioned in one of the two databases and not in the other")
        }
        guard afterSchema || schemaState != .toDo else { return refusals }
        let lacking = table.columns.filter { !there.columns.contains($0) && !there.generated.contains($0) }
        if !lacking.isEmpty {
            refusals.append("\(table.shown) of \(database) has no column \(lacking.joined(separator: ", "))")
        }
        for (columns, one, other) in [
            (table.generated.filter(there.columns.contains), facts.source.database, database),
            (table.columns.filter(there.generated.contains), database, facts.source.database),
        ] where !columns.isEmpty {
            let names = columns.joined(separator: ", ")
            refusals.append(
                "\(names) of \(table.shown) is generated in \(one) and not in \(other): the copy would lose what it holds"
            )
        }
        return refusals
    }

    /// Rows of the target that the copy must not remove.
    private var rowRefusals: [String] {
        guard facts.rows?.state == .different, plan.targetRows != .overwrite else { return [] }
        let (source, database) = (facts.source.database, facts.target.database)
        let overwrite = "write \"targetRows\": \"overwrite\""
        let since = usedSince
        if !since.isEmpty {
            return [
                "\(database) has rows that were written since isolate looked after them, and that the copy would remove (\(since.joined(separator: ", "))): bring them into \(source), or \(overwrite)"
            ]
        }
        if !madeAnew.isEmpty {
            return [
                "the rows of \(database) come from earlier tables than \(source) has now (\(madeAnew.joined(separator: ", "))): drop what was made anew there, or \(overwrite)"
            ]
        }
        if facts.hasMark, facts.mark == nil {
            return [
                "the comment on the schema \(TargetMark.schema) of \(database) is not as isolate has written it, so that nobody knows whether its rows may go: \(overwrite) if they may"
            ]
        }
        if isOwnCopy { return [] }
        let full = filled.map { "\($0.shown) \(Plural.rows(targetRows($0)))" }.joined(separator: ", ")
        guard plan.targetRows == .replace else {
            return [
                "\(database) has rows that are not those of \(source) (\(full)): empty its tables, or write \"targetRows\": \"replace\""
            ]
        }
        let fuller = filled.filter { targetRows($0) > facts.rows?.source[$0.shown] ?? 0 }.map {
            "\($0.shown) \(targetRows($0)) where the source has \(facts.rows?.source[$0.shown] ?? 0)"
        }
        guard !fuller.isEmpty else { return [] }
        return [
            "\(database) has more rows than \(source) (\(fuller.joined(separator: ", "))): empty its tables, or \(overwrite)"
        ]
    }

    private func targetRows(_ table: IsolatedTable) -> Int { facts.rows?.target[table.shown] ?? 0 }

    /// The target's tables that have rows.
    private var filled: [IsolatedTable] { copied.filter { targetRows($0) > 0 } }

    private func entry(_ table: IsolatedTable) -> TargetMark.Entry? { facts.mark?.tables[table.shown] }

    /// Tables with rows of the target that are not as a run has left them.
    private var usedSince: [String] {
        filled.filter { entry($0) != nil && !facts.unchanged.contains($0.shown) }.map(\.shown)
    }

    /// Tables of the source in whose place there were others when the target's rows were copied.
    private var madeAnew: [String] {
        filled.filter { table in entry(table).map { $0.source == plan.source && $0.oid != table.oid } ?? false }
            .map(\.shown)
    }

    /// All rows of the target are copies out of these tables: an earlier run has come that far.
    private var isOwnCopy: Bool {
        filled.allSatisfy { facts.unchanged.contains($0.shown) && entry($0)?.source == plan.source }
    }
}
