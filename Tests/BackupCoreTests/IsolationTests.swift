import BackupCore
import Foundation
import TestSupport
import Testing

/// What is to be done for a plan, given what the databases say.
@Suite struct IsolationTests {
    private let plan: IsolationPlan

    init() throws {
        plan = IsolationPlan(
            source: "postgres", target: "archon_db", tables: [try #require(TablePattern("public.archon_*"))],
            copyRows: true)
    }

    private static func table(_ name: String, schema: String = "public", columns: [String] = ["id"]) -> IsolatedTable {
        IsolatedTable(schema: schema, name: name, oid: "1", columns: columns)
    }

    private func side(_ job: String, _ count: Int, _ tables: [IsolatedTable]) throws -> IsolationFacts.Side {
        var expected = ExpectedContents()
        expected.tables = [.init(pattern: try #require(TablePattern("*.archon_*")), count: count)]
        return IsolationFacts.Side(
            job: job, database: job, expected: expected,
            contents: DatabaseContents(
                tables: tables.map { .init(schema: $0.schema, name: $0.name) }, extensions: [], schemas: ["public"],
                owner: nil))
    }

    private func facts(_ source: [IsolatedTable], _ target: [IsolatedTable]) throws -> IsolationFacts {
        IsolationFacts(
            source: try side("postgres", 2, source), target: try side("archon_db", 2, target),
            tables: source.filter { $0.schema == "public" }, targetTables: target, archive: nil, ties: [],
            rows: IsolationFacts.Rows(.empty))
    }

    private static let content = TargetMark.Content(rows: 7, hash: "-7")

    /// What a run leaves in the target that has copied these tables' rows.
    private static func mark(_ facts: IsolationFacts, file: String?) throws -> TargetMark {
        TargetMark(
            tables: Dictionary(
                uniqueKeysWithValues: facts.tables.map {
                    (
                        $0.shown,
                        .init(
                            source: "postgres", oid: "1", noted: "then", schemaFile: file, copied: true,
                            content: content)
                    )
                }))
    }

    private func both() throws -> IsolationFacts {
        let tables = [Self.table("archon_settings"), Self.table("archon_tasks")]
        return try facts(tables, tables)
    }

    private func isolation(_ facts: IsolationFacts, _ plan: IsolationPlan? = nil) -> Isolation {
        Isolation(plan ?? self.plan, facts, moved: "2026-11-26T02:00:00Z")
    }

    @Test func `steps, their SQL and how they stand`() throws {
        let first = isolation(try both())
        #expect(first.refusals.isEmpty && !first.isMoved)
        #expect(first.steps.map(\.state) == [.toDo, .notAsked, .toDo, .toDo, .toDo, .toDo])
        let statements = first.moveStatements
        #expect(
            Array(statements.dropLast()) == [
                "CREATE SCHEMA \"archon_legacy_archive\"",
                "ALTER TABLE \"public\".\"archon_settings\" SET SCHEMA \"archon_legacy_archive\"",
                "ALTER TABLE \"public\".\"archon_tasks\" SET SCHEMA \"archon_legacy_archive\"",
            ])
        #expect(
            statements.last?.hasPrefix("COMMENT ON SCHEMA \"archon_legacy_archive\" IS 'Old tables of archon_db")
                == true)
        let names = "ONLY \"public\".\"archon_settings\", ONLY \"public\".\"archon_tasks\""
        #expect(
            first.steps[2].sql.filter { !$0.hasPrefix("--") } == [
                "LOCK TABLE \(names) IN SHARE MODE", "LOCK TABLE \(names) IN SHARE ROW EXCLUSIVE MODE",
                "SET CONSTRAINTS ALL DEFERRED", "COPY \"public\".\"archon_settings\" (\"id\") TO STDOUT",
                "COPY \"public\".\"archon_settings\" (\"id\") FROM STDIN",
                "COPY \"public\".\"archon_tasks\" (\"id\") TO STDOUT",
                "COPY \"public\".\"archon_tasks\" (\"id\") FROM STDIN", "SET CONSTRAINTS ALL IMMEDIATE",
                "CREATE SCHEMA \"archon_backupd_isolate\"", "COMMENT ON SCHEMA \"archon_backupd_isolate\" IS …",
            ])
        var facts = try both()
        facts.rows = IsolationFacts.Rows(.different, target: ["public.archon_tasks": 1])
        #expect(isolation(facts).steps[2].sql.contains("TRUNCATE \(names)"))
        facts.rows = IsolationFacts.Rows(.equal)
        #expect(isolation(facts).steps[2].state == .done)
        var file = plan
        file.schemaFile = "archon.sql"
        // Having all tables says nothing of what else is in the file.
        #expect(isolation(facts, file).schemaState == .toDo)
        facts.schemaFile = "5a"
        let noting = isolation(facts, file).markStatements([:])
        #expect(noting.first == "CREATE SCHEMA \"archon_backupd_isolate\"" && noting.count == 2)
        facts.hasMark = true
        facts.mark = try Self.mark(facts, file: "5a")
        #expect(isolation(facts, file).schemaState == .done)
        let contents = ["public.archon_settings": Self.content, "public.archon_tasks": Self.content]
        #expect(isolation(facts, file).markStatements(contents).isEmpty)
        facts.schemaFile = "5b"
        #expect(isolation(facts, file).schemaState == .toDo)
        facts.schemaFile = "5a"
        facts.targetTables.removeLast()
        #expect(isolation(facts, file).schemaState == .toDo && isolation(facts, file).refusals.isEmpty)
        #expect(
            isolation(facts, file).refusalsAfterSchema == [
                "archon_db has no public.archon_tasks, also after the schema file"
            ])
        file.copyRows = false
        #expect(isolation(facts, file).rowsState == .notAsked)
    }

    @Test func `rows of the target are told apart: copied, of the schema file, changed, of other tables, of somebody`()
        throws
    {
        var facts = try both()
        facts.rows = .init(
            .different, source: ["public.archon_settings": 7, "public.archon_tasks": 7],
            target: ["public.archon_settings": 7, "public.archon_tasks": 0])
        func refusal(_ rows: IsolationPlan.TargetRows, _ facts: IsolationFacts) -> String {
            var plan = plan
            plan.targetRows = rows
            return isolation(facts, plan).refusals.joined(separator: "\n")
        }
        func refuses(_ message: String, _ facts: IsolationFacts, line: Int = #line) {
            for rows in [IsolationPlan.TargetRows.refuse, .replace] {
                #expect(refusal(rows, facts).contains(message), "\(line): \(refusal(rows, facts))")
                #expect(refusal(rows, facts).contains("\"targetRows\": \"overwrite\""))
            }
            #expect(refusal(.overwrite, facts).isEmpty)
        }
        refuses("rows that isolate has not put there (public.archon_settings 7 rows)", facts)
        #expect(!isolation(facts).isClean)
        // Those that a run has copied go for those of now, those that the schema file has put in where the plan says so.
        facts.hasMark = true
        facts.mark = try Self.mark(facts, file: nil)
        facts.mark?.tables["public.archon_tasks"]?.content?.rows = 0
        facts.unchanged = ["public.archon_settings", "public.archon_tasks"]
        #expect(refusal(.refuse, facts).isEmpty && refusal(.replace, facts).isEmpty && isolation(facts).isClean)
        let copied = facts
        facts.mark?.tables["public.archon_settings"]?.copied = false
        #expect(
            refusal(.refuse, facts).contains(
                "the schema file has put rows into archon_db (public.archon_settings 7 rows)"))
        #expect(refusal(.replace, facts).isEmpty)
        facts.tables[0].oid = "2"
        #expect(refusal(.replace, facts).isEmpty)
        // Written to, looked at by nobody, emptied while others have rows.
        for change in [
            { $0.unchanged = [] },
            {
                $0.unchanged = ["public.archon_settings"];
                $0.mark?.tables["public.archon_tasks"]?.content = Self.content
            },
        ] as [(inout IsolationFacts) -> Void] {
            facts = copied
            change(&facts)
            refuses("not as isolate has left them", facts)
            #expect(!isolation(facts).isClean)
        }
        facts = copied
        facts.unchanged = ["public.archon_tasks"]
        facts.mark?.tables["public.archon_settings"]?.content = nil
        refuses("not as isolate has left them", facts)
        facts = copied
        facts.tables[0].oid = "2"
        refuses("earlier tables than postgres has now (public.archon_settings 7 rows)", facts)
        facts = copied
        facts.mark = nil
        refuses("rows that isolate has not put there", facts)
        facts = copied
        facts.mark?.tables["public.archon_settings"]?.source = "other"
        refuses("rows that isolate has not put there", facts)
        // What keeps them from going, whatever the plan says.
        facts = copied
        facts.targetKeys = ["k of public.notes to public.archon_tasks"]
        #expect(refusal(.overwrite, facts).contains("k of public.notes to public.archon_tasks of archon_db keeps"))
        facts = copied
        facts.extraPartitions = ["public.archon_p_2"]
        #expect(
            refusal(.overwrite, facts).contains("public.archon_p_2 of archon_db is a partition that postgres lacks"))
        facts = copied
        facts.markOwner = "somebody"
        #expect(refusal(.overwrite, facts).contains("belongs to somebody"))
        let mark = try Self.mark(copied, file: "5a")
        #expect(TargetMark(comment: mark.comment) == mark)
        for other in [nil, "", "a comment", mark.comment + "\n-", String(mark.comment.dropLast())] {
            #expect(TargetMark(comment: other) == nil)
        }
    }

    @Test func `what has moved is told by the archive's comment, and by it alone`() throws {
        let mark = ArchiveMark(
            source: "postgres", database: "postgres", target: "archon_db", targetDatabase: "archon_db",
            moved: "2026-11-26T02:00:00Z", tables: ["archon_settings": "public", "odd 'name\\": "my \"schema"])
        #expect(ArchiveMark(comment: mark.comment) == mark)
        for other in [nil, "", "a comment", mark.comment + "\nand more", String(mark.comment.dropLast())] {
            #expect(ArchiveMark(comment: other) == nil)
        }
        let archived = [Self.table("archon_settings", schema: "archon_legacy_archive")]
        var facts = try self.facts(archived, [Self.table("archon_settings")])
        facts.archive = .init(mark: mark, tables: archived)
        let moved = isolation(facts)
        #expect(moved.isMoved && moved.refusals.isEmpty)
        #expect(moved.steps.map(\.state) == [.done, .notAsked, .done, .done, .done, .toDo])
        facts.archive?.mark = nil
        #expect(isolation(facts).refusals == ["no table of postgres is called public.archon_*"])
        facts.archive?.mark = mark
        facts.archive?.mark?.target = "other"
        #expect(!isolation(facts).isMoved)
        // The application has made a table anew.
        facts.archive?.mark = mark
        facts.tables = [Self.table("archon_settings")]
        #expect(isolation(facts).refusals.contains { $0.contains("exists already in postgres, from a move at 2026") })
    }

    @Test func `what is in the way is named, all at once`() throws {
        func refusals(_ plan: IsolationPlan? = nil, _ change: (inout IsolationFacts) -> Void) throws -> String {
            var facts = try both()
            change(&facts)
            return isolation(facts, plan).refusals.joined(separator: "\n")
        }
        let key = IsolationTie(kind: .foreignKeyIn, object: "k of public.u", table: "public.archon_tasks")
        #expect(try refusals { $0.ties = [key] }.contains("k of public.u references public.archon_tasks"))
        var allowing = plan
        allowing.allowForeignKeys = true
        #expect(try refusals(allowing) { $0.ties = [key] }.isEmpty)
        #expect(
            try refusals { $0.ties = [.init(kind: .partition, object: "p", table: "t")] }
                == "p and t are one table: name both or neither")
        #expect(try refusals { $0.isOneDatabase = true }.contains("are one database, postgres: name as \"target\""))
        #expect(try refusals { $0.target.expected = nil }.contains("the job archon_db expects nothing"))
        #expect(
            try refusals { $0.namesakes = [["private.archon_tasks", "public.archon_tasks"]] }.contains(
                "private.archon_tasks and public.archon_tasks would have one name"))
        #expect(try refusals { $0.lacks = ["a right is missing"] } == "a right is missing")
        #expect(
            try refusals { $0.source.expected?.tables[0].count = 0 }.contains(
                "postgres would not be as expected afterwards: 2 tables *.archon_*"))
        #expect(
            try refusals { $0.rows = .init(.different, target: ["public.archon_tasks": 7]) }.contains(
                "rows that isolate has not put there (public.archon_tasks 7 rows)"))
        var replacing = plan
        replacing.targetRows = .overwrite
        #expect(try refusals(replacing) { $0.rows = .init(.different) }.isEmpty)
        #expect(try refusals { $0.tables[1].columns.append("x") }.contains("archon_db has no column x"))
        #expect(try refusals { $0.tables[1].isPartitioned = true }.contains("partitioned in one"))
        let all = try refusals {
            $0.ties = [key]
            $0.targetTables = []
        }
        #expect(all.split(separator: "\n").count == 3)
    }

    @Test func `the way back, and what stands in it`() throws {
        let archived = [Self.table("archon_settings", schema: "archon_legacy_archive")]
        var facts = try self.facts(archived, [])
        func undo() -> IsolationUndo {
            IsolationUndo(
                plan, source: facts.source, targetDatabase: "archon_db", tables: facts.tables, archive: facts.archive)
        }
        #expect(undo().refusals.first?.contains("nothing was moved there") == true)
        facts.archive = .init(mark: nil, tables: archived)
        #expect(undo().refusals.count == 1 && undo().statements.isEmpty)
        facts.archive?.mark = ArchiveMark(
            source: "postgres", database: "postgres", target: "archon_db", targetDatabase: "archon_db", moved: "",
            tables: ["archon_settings": "public"])
        #expect(
            undo().refusals.isEmpty
                && undo().statements == [
                    "ALTER TABLE \"archon_legacy_archive\".\"archon_settings\" SET SCHEMA \"public\"",
                    "DROP SCHEMA \"archon_legacy_archive\"",
                ])
        // Somebody keeps more in there.
        facts.archive?.tables.append(Self.table("mine", schema: "archon_legacy_archive"))
        #expect(undo().statements.last == "COMMENT ON SCHEMA \"archon_legacy_archive\" IS NULL")
        facts.source.contents.tables?.append(.init(schema: "public", name: "archon_settings"))
        #expect(undo().refusals == ["public.archon_settings exists again in postgres"])
        facts.source.contents.tables?.removeLast()
        #expect(undo().notes == ["the schema archon_legacy_archive stays: it has more than what was moved there"])
        facts.archive?.tables.removeLast()
        #expect(undo().notes.isEmpty && undo().statements.last?.hasPrefix("DROP") == true)
        facts.archive?.hasMore = true
        #expect(undo().statements.last?.hasPrefix("COMMENT") == true)
        facts.archive?.mark?.tables["archon_tasks"] = "public"
        #expect(
            undo().refusals.isEmpty
                && undo().notes[0] == "archon_legacy_archive.archon_tasks was dropped, and does not come back")
        facts.archive?.tables = []
        #expect(undo().refusals == ["none of the tables that were moved is left in archon_legacy_archive"])
    }

    @Test func `tables come after those that they reference`() {
        let tables = ["a", "b", "c", "d"].map { Self.table($0, schema: "s") }
        let needs = ["s.a": ["s.c", "s.a"], "s.c": ["s.d"], "s.b": ["s.a"]].mapValues(Set.init)
        #expect(IsolatedTable.inOrder(tables, needs: needs).map(\.name) == ["d", "c", "a", "b"])
        let circle = ["s.a": ["s.b"], "s.b": ["s.a"]].mapValues(Set.init)
        #expect(Set(IsolatedTable.inOrder(tables, needs: circle).map(\.name)) == ["a", "b", "c", "d"])
        // First what the circle needs, then the circle, then who needs it.
        let outside = ["s.a": ["s.b"], "s.b": ["s.c", "s.d"], "s.c": ["s.b"]].mapValues(Set.init)
        #expect(IsolatedTable.inOrder(tables, needs: outside).map(\.name) == ["d", "b", "a", "c"])
    }
}
