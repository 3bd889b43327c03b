extension Isolation {
    /// Why the plan cannot be carried out, before anything is changed; what a step will mend is none. Empty when it can.
    package var refusals: [String] {
        if isMoved { return placeRefusals + movedRefusals }
        return sourceRefusals + targetRefusals(afterSchema: false)
    }

    /// The same once the schema file is applied: then the target must have everything.
    package var refusalsAfterSchema: [String] { sourceRefusals + targetRefusals(afterSchema: true) }

    private var sourceRefusals: [String] {
        placeRefusals + tableRefusals + tieRefusals + archiveRefusals + facts.lacks
    }

    /// The plan names other tables than were moved, or asks for rows that have stayed behind.
    private var movedRefusals: [String] {
        guard let mark else { return [] }
        let strange = plan.tables.filter { pattern in
            !mark.tables.contains { pattern.matches(schema: $0.value, table: $0.key) }
        }
        guard strange.isEmpty else {
            return strange.map {
                "no table of \(facts.source.database) is called \($0.source), and none of those that were moved at \(mark.moved) was"
            }
        }
        guard plan.copyRows, mark.copied == false else { return [] }
        return [
            "the tables were moved at \(mark.moved) without their rows, which \"copyRows\" asks for now: move them back first, with --undo --yes"
        ]
    }

    private var placeRefusals: [String] {
        if facts.isOneDatabase {
            return [
                "the jobs \(plan.source) and \(plan.target) are one database, \(facts.source.database): name as \"target\" the job of the database that the tables are to move into"
            ]
        }
        return [facts.source, facts.target].filter { $0.expected == nil }.map {
            "the job \($0.job) expects nothing, so that nobody could tell whether the move was right: give it \"expect\" in the schedule"
        }
    }

    private var tableRefusals: [String] {
        let strange = plan.tables.filter { pattern in
            !facts.tables.contains { pattern.matches(schema: $0.schema, table: $0.name) }
        }.map(\.source)
        guard strange.isEmpty else {
            return ["no table of \(facts.source.database) is called \(strange.joined(separator: ", "))"]
        }
        return facts.namesakes.map {
            "\($0.joined(separator: " and ")) would have one name in \(plan.archiveSchema): rename one of them first"
        }
    }

    private var tieRefusals: [String] {
        facts.ties.compactMap { tie in
            switch tie.kind {
            case .foreignKeyIn where !plan.allowForeignKeys:
                "the foreign key \(tie.object) references \(tie.table): drop it, or write \"allowForeignKeys\": true"
            case .foreignKeyAction where !plan.allowForeignKeys:
                "the foreign key \(tie.object), would change rows of \(tie.table) in the archive: drop it, or write \"allowForeignKeys\": true"
            case .writingView where !plan.allowViews:
                "\(tie.object) may write through to \(tie.table), into the archive then: drop it, or write \"allowViews\": true"
            case .boundFunction where !plan.allowViews:
                "the body of \(tie.object) is bound to \(tie.table), and may write into the archive then: drop it, or write \"allowViews\": true"
            case .subscription:
                "the subscription \(tie.object) fills \(tie.table), and would fill it in the archive: take the table out of it first"
            case .largeObjects where plan.copyRows:
                "\(tie.object) of \(tie.table) numbers large objects, which a copy of the rows leaves behind: move them into a bytea column first"
            case .partition: "\(tie.object) and \(tie.table) are one table: name both or neither"
            case .foreignKeyIn, .foreignKeyOut, .foreignKeyAction, .writingView, .largeObjects, .sequence,
                .sequenceUser, .policy, .policyElsewhere, .trigger, .grant,
                .publication, .publicationOfSchema, .view, .column, .boundFunction, .function, .functionText:
                nil
            }
        }
    }

    private var archiveRefusals: [String] {
        if facts.archive != nil, !facts.tables.isEmpty {
            let exists = "the schema \(plan.archiveSchema) exists already in \(facts.source.database)"
            guard let mark else { return ["\(exists): write another \"archiveSchema\""] }
            let anew = facts.tables.filter { mark.tables[$0.name] == $0.schema }.map(\.shown).joined(separator: ", ")
            let advice =
                anew.isEmpty
                ? "write another \"archiveSchema\""
                : "\(anew) was made anew since. Who still uses \(facts.source.database)? Point it to \(facts.target.database), and drop what it has made"
            return ["\(exists), from a move at \(mark.moved): \(advice)"]
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
}
