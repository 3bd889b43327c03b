extension Isolation {
    /// Why the plan cannot be carried out, before anything is changed; what a step will mend is none. Empty when it can.
    package var refusals: [String] {
        if isMoved { return placeRefusals }
        return sourceRefusals + targetRefusals(afterSchema: false)
    }

    /// The same once the schema file is applied: then the target must have everything.
    package var refusalsAfterSchema: [String] { sourceRefusals + targetRefusals(afterSchema: true) }

    private var sourceRefusals: [String] { placeRefusals + tableRefusals + tieRefusals + archiveRefusals }

    private var placeRefusals: [String] {
        if facts.isOneDatabase {
            return ["\(plan.source) and \(plan.target) are one database, \(facts.source.database)"]
        }
        return [facts.source, facts.target].filter { $0.expected == nil }.map {
            "the job \($0.job) expects nothing, so that nobody could tell whether the move was right: give it \"expect\" in the schedule"
        }
    }

    private var tableRefusals: [String] {
        let patterns = plan.tables.map(\.source).joined(separator: ", ")
        guard !facts.tables.isEmpty else { return ["no table of \(facts.source.database) is called \(patterns)"] }
        let twice = Dictionary(grouping: facts.tables, by: \.name).values.filter { $0.count > 1 }
        return twice.map { tables in
            "\(tables.map(\.shown).sorted().joined(separator: " and ")) would have one name in \(plan.archiveSchema)"
        }.sorted()
    }

    private var tieRefusals: [String] {
        facts.ties.compactMap { tie in
            switch tie.kind {
            case .foreignKeyIn where !plan.allowForeignKeys:
                "the foreign key \(tie.object) references \(tie.table): drop it, or write \"allowForeignKeys\": true"
            case .foreignKeyAction where !plan.allowForeignKeys:
                "the foreign key \(tie.object), would change rows of \(tie.table) in the archive: drop it, or write \"allowForeignKeys\": true"
            case .writingView where !plan.allowViews:
                "\(tie.object) writes through to \(tie.table), and would write into the archive: drop it, or write \"allowViews\": true"
            case .subscription:
                "the subscription \(tie.object) fills \(tie.table), and would fill it in the archive: take the table out of it first"
            case .largeObjects where plan.copyRows:
                "\(tie.object) of \(tie.table) numbers large objects, which a copy of the rows leaves behind: move them into a bytea column first"
            case .partition: "\(tie.object) and \(tie.table) are one table: name both or neither"
            case .foreignKeyIn, .foreignKeyOut, .foreignKeyAction, .writingView, .largeObjects, .sequence,
                .sequenceUser, .policy, .policyElsewhere, .trigger, .grant,
                .publication, .publicationOfSchema, .view, .column, .function, .functionText:
                nil
            }
        }
    }

    private var archiveRefusals: [String] {
        if facts.archive != nil, !facts.tables.isEmpty {
            return [
                "the schema \(plan.archiveSchema) exists already in \(facts.source.database)"
                    + (mark.map { ", from a move at \($0.moved)" } ?? "") + ": write another \"archiveSchema\""
            ]
        }
        guard let expected = facts.source.expected, !facts.tables.isEmpty else { return [] }
        let drift = Audit(expected, contentsAfterwards, database: facts.source.database).drift
        return drift.map { ["\(facts.source.database) would not be as expected afterwards: \($0)"] } ?? []
    }

    /// Of the source, once the tables have moved.
    private var contentsAfterwards: DatabaseContents {
        var contents = facts.source.contents
        contents.schemas?.insert(plan.archiveSchema)
        contents.tables = contents.tables?.map { table in
            guard plan.moves(schema: table.schema, table: table.name) else { return table }
            return DatabaseContents.Table(schema: plan.archiveSchema, name: table.name)
        }
        return contents
    }

    /// Tables that are there already are looked at in any case.
    private func targetRefusals(afterSchema: Bool) -> [String] {
        var refusals: [String] = []
        for table in facts.tables {
            guard let there = facts.counterpart(of: table) else {
                if afterSchema {
                    refusals.append("\(facts.target.database) has no \(table.shown), also after the schema file")
                } else if plan.schemaFile == nil {
                    refusals.append(
                        "\(facts.target.database) has no \(table.shown), and the plan has no \"schemaFile\"")
                }
                continue
            }
            guard plan.copyRows else { continue }
            if there.isPartitioned != table.isPartitioned {
                refusals.append("\(table.shown) is partitioned in one of the two databases and not in the other")
            }
            // The schema file may add it.
            guard afterSchema || schemaState != .toDo else { continue }
            let lacking = table.columns.filter { !there.columns.contains($0) }
            if !lacking.isEmpty {
                refusals.append(
                    "\(table.shown) of \(facts.target.database) has no column \(lacking.joined(separator: ", "))")
            }
            let plain = table.generated.filter(there.columns.contains)
            if !plain.isEmpty {
                refusals.append(
                    "\(plain.joined(separator: ", ")) of \(table.shown) is generated in \(facts.source.database) and not in \(facts.target.database), where it would stay empty: generate it there too"
                )
            }
        }
        guard plan.copyRows, plan.targetRows == .refuse, facts.rows?.state == .different else {
            return refusals
        }
        let full = (facts.rows?.target ?? [:]).filter { $0.value > 0 }.sorted { $0.key < $1.key }
        let list = full.map { "\($0.key) \(Plural.rows($0.value))" }.joined(separator: ", ")
        refusals.append(
            "\(facts.target.database) has rows that are not those of \(facts.source.database) (\(list)): empty its tables, or write \"targetRows\": \"replace\""
        )
        return refusals
    }
}
