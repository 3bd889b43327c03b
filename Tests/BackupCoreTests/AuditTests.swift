import BackupCore
import Foundation
import TestSupport
import Testing

/// What is expected beside what there is.
@Suite struct AuditTests {
    @Test(arguments: [
        ("public.archon_*", "public", "archon_settings", true), ("public.archon_*", "public", "archon_", true),
        ("public.archon_*", "public", "my_archon_x", false), ("public.archon_*", "other", "archon_x", false),
        ("*.archon_*", "other", "archon_x", true), ("Public.ARCHON_?", "public", "archon_x", true),
        ("public.archon_?", "public", "archon_", false), ("public.\"Odd.*name\"", "public", "Odd.*name", true),
        ("public.\"Odd.*name\"", "public", "Odd.xname", false), ("\"a\"\"b\".c", "a\"b", "c", true),
        ("public.*a*b", "public", "xaxxabxb", true), ("public.*a*b", "public", "xaxxabx", false),
        ("public.a.*", "public", "ab", false), ("*.*", "s", "", true), ("public.\"[a%+]\"", "public", "[a%+]", true),
    ])
    func `a pattern is one of psql's`(source: String, schema: String, table: String, matches: Bool) throws {
        // Three parts are none.
        guard let pattern = TablePattern(source) else {
            #expect(source == "public.a.*")
            return
        }
        #expect(pattern.matches(schema: schema, table: table) == matches)
    }

    @Test(arguments: [
        "", "a", ".", "a.", ".b", "a.\"b", "a.b.c", "\"a.b\"", "public.archon_%", "public.[a-z]", "public.a+", "a%.b",
    ])
    func `what is no schema and table is no pattern`(source: String) { #expect(TablePattern(source) == nil) }

    /// Against Foundation's own wildcards, which are the file system's.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func `wildcards are those of fnmatch`(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<20_000 {
            let text = String(
                (0..<Int.random(in: 0...8, using: &random)).map { _ in "ab".randomElement(using: &random)! })
            let glob = String(
                (0..<Int.random(in: 1...7, using: &random)).map { _ in "ab*?*".randomElement(using: &random)! })
            let pattern = try #require(TablePattern("s.\(glob)"))
            #expect(pattern.matches(schema: "s", table: text) == (fnmatch(glob, text, 0) == 0), "\(glob) \(text)")
        }
    }

    private var expected: ExpectedContents {
        get throws {
            var expected = ExpectedContents()
            expected.tables = [
                .init(pattern: try #require(TablePattern("public.archon_*")), count: 2),
                .init(pattern: try #require(TablePattern("public.n8n_*")), count: 0),
            ]
            expected.extensions = ["vector"]
            expected.schemas = ["public", "archon"]
            expected.owner = "app"
            return expected
        }
    }

    @Test func `all that differs is named, and nothing else`() throws {
        var found = DatabaseContents(
            tables: ["archon_b", "archon_a", "others"].map { .init(schema: "public", name: $0) },
            extensions: ["vector", "plpgsql"], schemas: ["public", "archon"], owner: "app")
        let good = Audit(try expected, found, database: "archon_db")
        #expect(good.isMet && good.drift == nil && good.lines.count == 6)
        #expect(good.lines.first?.tables == ["public.archon_a", "public.archon_b"])
        found.tables? += ["n8n_x", "archon_c"].map { .init(schema: "public", name: $0) }
        found.extensions = []
        found.schemas = ["public"]
        found.owner = "postgres"
        #expect(
            Audit(try expected, found, database: "archon_db").drift
                == "3 tables public.archon_* where 2 are expected; 1 table public.n8n_* where 0 are expected: public.n8n_x; the extension vector is missing; the schema archon is missing; it is owned by postgres where app is expected"
        )
    }

    @Test func `what a dump leaves out on purpose is no difference, nor what nobody knows`() throws {
        let found = DatabaseContents(tables: nil, extensions: ["vector"], schemas: nil, owner: nil)
        let audit = Audit(try expected, found, database: "archon_db")
        #expect(audit.isMet && audit.drift == nil)
        #expect(audit.lines.map(\.met) == [nil, nil, true, nil, nil, nil])
    }

    @Test func `what nobody can look at takes nothing from what was known`() throws {
        let expected = try expected
        let partial = Audit(
            expected, DatabaseContents(tables: nil, extensions: ["vector"], schemas: nil, owner: nil), database: "app")
        var contents = DatabaseContents(
            tables: [.init(schema: "public", name: "archon_a")], extensions: [], schemas: ["public", "archon"],
            owner: "app")
        let all = Audit(expected, contents, database: "app")
        let (one, vector) = ("1 table public.archon_* where 2 are expected", "the extension vector is missing")
        let known = try #require(all.noted(after: nil))
        #expect(known.text == "\(one); \(vector)")
        #expect(partial.isPartial && !all.isPartial && partial.noted(after: nil) == nil)
        #expect(partial.noted(after: known) == known)
        // What is seen to differ stands beside what cannot be seen, and in the place of what can.
        contents.tables = nil
        contents.extensions = []
        contents.owner = "else"
        let other = Audit(expected, contents, database: "app").noted(after: known)
        #expect(other?.text == "\(vector); it is owned by else where app is expected; \(one)")
        // The dump and the live database: what both know, the dump says.
        let completed = partial.completed(by: all)
        #expect(completed.noted(after: known)?.text == one && !completed.isPartial && !completed.isMet)
        contents.tables = ["archon_a", "archon_b"].map { .init(schema: "public", name: $0) }
        contents.owner = "app"
        #expect(partial.completed(by: Audit(expected, contents, database: "app")).noted(after: known) == nil)
    }

    private func manifest(_ contents: [String: [String]]?) -> Manifest {
        var manifest = ManifestTests.plain
        manifest.contents = contents
        return manifest
    }

    @Test func `a manifest says what its dump holds, odd names too`() throws {
        let job = Job(
            name: "app", server: "main", database: "app", trigger: .cron(try CronExpression("@daily")), zone: .utc)
        let contents = [
            "TABLE": ["public a app", "public b c app", "my schema t app", "my d app"],
            "SCHEMA": ["- my schema app", "- my app"], "EXTENSION": ["- vector "],
        ]
        let found = try #require(DatabaseContents(manifest(contents), of: job))
        #expect(
            found.tables
                == [
                    .init(schema: "public", name: "a"), .init(schema: "public", name: "b c"),
                    .init(schema: "my schema", name: "t"), .init(schema: "my", name: "d"),
                ])
        #expect(found.schemas == ["public", "my", "my schema"] && found.extensions.contains("vector"))
        #expect(found.undumpedSchemas == nil)
        #expect(DatabaseContents(manifest(nil), of: job) == nil)
        var part = job
        part.excludeTables = ["public.x"]
        #expect(DatabaseContents(manifest(contents), of: part)?.tables == nil)
        part.schemas = ["my"]
        #expect(DatabaseContents(manifest(contents), of: part)?.schemas == nil)
    }

    /// Of a run's dump the roles are known, of an adopted one not.
    @Test(arguments: [["postgres", "two words", "Odd \"Role"], nil])
    func `owners with spaces do not spoil the names`(roles: [String]?) throws {
        let job = Job(
            name: "app", server: "main", database: "app", trigger: .cron(try CronExpression("@daily")), zone: .utc)
        var manifest = manifest([
            "TABLE": [
                "Odd Schema t Odd \"Role", "public u two words", "public plain postgres", "public a b two words",
                "Odd Schema parent Odd \"Role",
            ],
            "TABLE DATA": [
                "Odd Schema t Odd \"Role", "public u two words", "public plain postgres", "public a b two words",
            ],
            "SCHEMA": ["- Odd Schema Odd \"Role"],
        ])
        manifest.roles = roles
        manifest.rows = ["\"Odd Schema\".t": 1, "public.u": 1, "public.plain": 1, "public.\"a b\"": 1, "public.a": 1]
        let found = try #require(DatabaseContents(manifest, of: job))
        #expect(found.schemas == ["public", "Odd Schema"])
        #expect(
            found.tables
                == [
                    .init(schema: "Odd Schema", name: "t"), .init(schema: "public", name: "u"),
                    .init(schema: "public", name: "plain"), .init(schema: "public", name: "a b"),
                    .init(schema: "Odd Schema", name: "parent"),
                ])
    }

    @Test func `schemas on which a dump is silent are unknown, and missing where it would speak of them`() throws {
        let job = Job(
            name: "app", server: "main", database: "app", trigger: .cron(try CronExpression("@daily")), zone: .utc)
        var expected = ExpectedContents()
        expected.schemas = ["cron", "pg_catalog", "information_schema", "gone"]
        func met(_ manifest: Manifest) throws -> [Bool?] {
            Audit(expected, try #require(DatabaseContents(manifest, of: job)), database: "app").lines.map(\.met)
        }
        var manifest = manifest(["EXTENSION": ["- pg_cron "]])
        manifest.extensions = [
            .init(name: "plpgsql", version: "1.0", schema: "pg_catalog", schemas: []),
            .init(name: "pg_cron", version: "1.6", schema: "pg_catalog", schemas: ["cron"]),
        ]
        #expect(try met(manifest) == [nil, nil, nil, false])
        // Nobody asked the older program's, or an adopted one's, for their schemas.
        manifest.extensions[1].schemas = nil
        #expect(try met(manifest) == [nil, nil, nil, nil])
        manifest.extensions = []
        #expect(try met(manifest) == [nil, nil, nil, nil])
        manifest.contents = [:]
        manifest.extensions = [.init(name: "plpgsql", version: "1.0", schema: "pg_catalog")]
        #expect(try met(manifest) == [false, nil, nil, false])
    }
}
