extension Isolation {
    /// Of the target's tables and rows. Those that are there already are looked at in any case; what the schema file may mend is
    /// passed over before it is applied.
    func targetRefusals(afterSchema: Bool) -> [String] {
        let owner = facts.markOwner.map {
            "the schema \(TargetMark.schema) of \(facts.target.database) belongs to \($0): run it as that role, or drop the schema"
        }
        return facts.tables.flatMap { refusals(of: $0, afterSchema: afterSchema) } + (owner.map { [$0] } ?? [])
            + (plan.copyRows ? rowRefusals : [])
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

    /// Rows of the target that the copy must not remove, and what keeps it from removing those that it may.
    private var rowRefusals: [String] {
        let database = facts.target.database
        let extra = facts.extraPartitions.joined(separator: ", ")
        if !extra.isEmpty {
            return ["\(extra) of \(database) is a partition that \(facts.source.database) lacks, with rows"]
        }
        guard facts.rows?.state != .equal, facts.rows?.state != .sequencesBehind, !filled.isEmpty else { return [] }
        return facts.targetKeys.map {
            "the foreign key \($0) of \(database) keeps its rows from being replaced: drop it"
        }
            + (plan.targetRows == .overwrite ? [] : strangerRefusals)
    }

    /// Rows that are not known to be ours.
    private var strangerRefusals: [String] {
        let (source, database) = (facts.source.database, facts.target.database)
        let overwrite = "write \"targetRows\": \"overwrite\""
        if !changed.isEmpty {
            return [
                "the rows of \(database) are not as isolate has left them (\(list(changed))), and the copy would undo what was done there: bring it into \(source), or \(overwrite)"
            ]
        }
        if !madeAnew.isEmpty {
            return [
                "the rows of \(database) come from earlier tables than \(source) has now (\(list(madeAnew))): restored, or made anew? If those of now are to replace them, \(overwrite)"
            ]
        }
        let unknown = filled.filter { entry($0) == nil }
        if !unknown.isEmpty {
            return [
                "\(database) has rows that isolate has not put there (\(list(unknown))): empty its tables, or \(overwrite)"
            ]
        }
        let seeds = filled.filter { entry($0)?.copied == false }
        guard plan.targetRows == .refuse, !seeds.isEmpty else { return [] }
        return [
            "the schema file has put rows into \(database) (\(list(seeds))), which the copy would remove: write \"targetRows\": \"replace\""
        ]
    }

    private func list(_ tables: [IsolatedTable]) -> String {
        tables.map { "\($0.shown) \(Plural.rows(targetRows($0)))" }.joined(separator: ", ")
    }

    private func targetRows(_ table: IsolatedTable) -> Int { facts.rows?.target[table.shown] ?? 0 }

    /// The target's tables that have rows.
    var filled: [IsolatedTable] { copied.filter { targetRows($0) > 0 } }

    /// What a run of this plan's source has noted.
    private func entry(_ table: IsolatedTable) -> TargetMark.Entry? {
        facts.mark?.tables[table.shown].flatMap { $0.source == plan.source ? $0 : nil }
    }

    /// All rows of the target are as a run has left them: what a schema file adds to them is the file's.
    package var isClean: Bool {
        filled.allSatisfy { entry($0) != nil } && changed.isEmpty
    }

    /// Tables whose rows are not as a run has left them; emptied ones too.
    private var changed: [IsolatedTable] {
        copied.filter { table in
            guard let entry = entry(table), !facts.unchanged.contains(table.shown) else { return false }
            return targetRows(table) > 0 || (entry.content?.rows ?? 0) > 0
        }
    }

    /// Tables of the source in whose place there were others when the target's rows were copied.
    private var madeAnew: [IsolatedTable] {
        filled.filter { table in entry(table).map { $0.copied && $0.oid != table.oid } ?? false }
    }
}
