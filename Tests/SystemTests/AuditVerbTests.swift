import BackupCore
@testable import BackupRuntime
import Foundation
import TestSupport
import Testing

/// `audit`, and what the runs say, against a real server.
@Suite struct AuditVerbTests {
    private static let archon = [
        "settings", "sources", "crawled_pages", "code_examples", "projects", "tasks", "project_sources",
        "document_versions", "migrations", "prompts", "page_metadata",
    ]
    private static let expect =
        #""expect": {"tables": {"public.archon_*": 11}, "extensions": ["pg_trgm"], "schemas": ["public"], "owner": "postgres"}"#
    private static let none = #""expect": {"tables": {"public.archon_*": 0}}"#

    /// Each test has databases of its own on the one server.
    private func fill(_ host: TestHost, _ mark: String) async throws {
        try FileManager.default.createDirectory(atPath: host.storage, withIntermediateDirectories: true)
        let tables = Self.archon.map { "create table archon_\($0) (id int);" }.joined()
        try await host.server.create(
            "audited \(mark)", "create extension pg_trgm; \(tables) create table others (id int);")
        try await host.server.create(
            "shared \(mark)", "create table others (id int); create view archon_v as select 1 as one;")
        try host.write(
            """
            "audited": {"database": "audited \(mark)", \(VerbTests.often), \(Self.expect)},
            "shared": {"database": "shared \(mark)", \(VerbTests.often), \(Self.none)},
            "more": {"database": "shared \(mark)", \(VerbTests.often)}
            """
        )
    }

    private struct Answer: Decodable {
        struct Line: Decodable {
            var kind: String
            var name: String
            var expected: String
            var found: String
            var met: Bool?
            var tables: [String]
        }
        var job: String
        var database: String
        var place: String
        var met: Bool?
        var error: String?
        var note: String?
        var lines: [Line]
    }

    private func audit(_ host: TestHost, _ jobs: String..., status: Int32) async throws -> [Answer] {
        let said = try await run(
            TestHost.binary, ["audit", "--json"] + jobs, environment: ["ARCHON_BACKUPD_CONFIG": host.config])
        #expect(said.status == status, "\(said.error)")
        return try JSONDecoder().decode([Answer].self, from: Data(said.output.utf8))
    }

    @Test func `live databases and newest dumps are held to what is expected`() async throws {
        try await withHost { host in
            try await fill(host, "once")
            let early = try await audit(host, status: 0)
            #expect(early.map(\.job) == ["audited", "audited", "shared", "shared"])
            #expect(early.map(\.place) == ["live", "dump", "live", "dump"], "\(early)")
            #expect(
                early.map(\.met) == [true, nil, true, nil]
                    && early.map(\.note) == [nil, "no dump yet", nil, "no dump yet"])
            #expect(try await host.call("audit").output.contains("no dump yet"))
            for job in ["audited", "shared"] { #expect(try await host.call("backup", job).status == 0) }
            let good = try await audit(host, status: 0)
            #expect(good.count == 4 && good.allSatisfy { $0.met == true }, "\(good)")
            #expect(good.first?.lines.first?.tables.count == 11)
            // An application that writes into the wrong database, and an extension that is gone.
            try await host.server.psql("shared once", "create table archon_settings (id int)")
            try await host.server.psql("audited once", "drop extension pg_trgm")
            let drifted = try await audit(host, status: 1)
            #expect(drifted.map(\.met) == [false, true, false, true], "\(drifted)")
            #expect(drifted[2].lines.map(\.tables) == [["public.archon_settings"]])
            let said = try await host.call("audit", "shared")
            #expect(said.status == 1 && said.output.contains("DIFFERS"), "\(said.output)")
            #expect(
                said.error.contains(
                    "shared, live: 1 table public.archon_* where 0 are expected: public.archon_settings"))
            for name in ["audited once", "shared once"] { try await host.server.drop(name) }
        }
    }

    @Test func `what is asked for wrongly, and a database that is not there`() async throws {
        try await withHost { host in
            try host.write("\"audited\": {\(VerbTests.often), \(Self.expect)}, \"more\": {\(VerbTests.often)}")
            let idle = try await host.call("audit", "more")
            #expect(idle.status == 64 && idle.error.contains("the job more expects nothing"), "\(idle.error)")
            let unknown = try await host.call("audit", "nobody")
            #expect(unknown.status == 64 && unknown.error.contains("its jobs are") == false, "\(unknown.error)")
            try FileManager.default.createDirectory(atPath: host.storage, withIntermediateDirectories: true)
            let gone = try await audit(host, status: 69)
            #expect(gone.map(\.place) == ["live", "dump"] && gone.allSatisfy { $0.met == nil }, "\(gone)")
            #expect(gone[0].error?.contains("audited") == true && gone[1].note == "no dump yet", "\(gone)")
            try host.write("\"more\": {\(VerbTests.often)}")
            let nothing = try await host.call("audit")
            #expect(nothing.status == 78 && nothing.error.contains("expects anything"), "\(nothing.error)")
        }
    }

    @Test func `a difference ends it with 1 also when another server is down, whose fault is told as well`()
        async throws
    {
        try await withHost { host in
            var host = host
            host.servers = """
                "scratch": {"connection": "\(host.server.connection)"},
                "gone": {"connection": "host=/nowhere user=postgres"}
                """
            try await host.server.create("shared thrice", "create table archon_tasks (id int)")
            try host.write(
                """
                "first": {"server": "gone", \(VerbTests.often), \(Self.none)},
                "shared": {"server": "scratch", "database": "shared thrice", \(VerbTests.often), \(Self.none)}
                """)
            try FileManager.default.createDirectory(atPath: host.storage, withIntermediateDirectories: true)
            let answers = try await audit(host, status: 1)
            #expect(answers.map(\.met) == [nil, nil, false, nil] && answers[0].error != nil, "\(answers)")
            let said = try await host.call("audit")
            #expect(said.status == 1 && said.error.contains("not as expected: shared (live)"), "\(said.error)")
            #expect(said.error.contains("first, live: no connection to database first"), "\(said.error)")
            try await host.server.drop("shared thrice")
        }
    }

    @Test func `a dump whose manifest does not say what it holds is told as one that nothing can be said of`()
        async throws
    {
        try await withHost { host in
            try await host.server.create("audited old", "create extension pg_trgm")
            try host.write(
                #""audited": {"database": "audited old", \#(VerbTests.often), "expect": {"extensions": ["pg_trgm"]}}"#)
            #expect(try await host.call("backup", "audited").status == 0)
            let schedule = try ScheduleFile.load(host.config)
            let folder = JobFolder(job: try #require(schedule.job(named: "audited")), root: host.storage)
            var manifest = try #require(try folder.newest())
            manifest.contents = nil
            try folder.rewrite(manifest)
            let answers = try await audit(host, status: 0)
            #expect(
                answers.map(\.place) == ["live", manifest.dump] && answers.map(\.met) == [true, nil], "\(answers)")
            #expect(answers.last?.note?.contains("does not say what it holds") == true, "\(answers)")
            try await host.server.drop("audited old")
        }
    }

    @Test func `a run tells that a database drifts, and that it no longer does, and fails for neither`() async throws {
        try await withHost { host in
            try await fill(host, "twice")
            try await host.withDaemon(clock: instant("2026-11-24T00:30:00Z")) { daemon in
                try await daemon.says("shared: backup_shared_")
                #expect(daemon.lines(with: "not as expected").isEmpty)
                try await host.server.psql("shared twice", "create table archon_tasks (id int)")
                let run = try await daemon.call("backup", "shared")
                #expect(
                    run.status == 0 && run.error.contains("shared twice is not as expected: 1 table"), "\(run.error)")
                try await until("STATUS says so: \(daemon.notify.statuses.suffix(3))") {
                    try await daemon.reload()
                    return daemon.notify.statuses.last?.contains("shared drifts: 1 table public.archon_*") == true
                }
                let check = try await daemon.call("status", "--check")
                #expect(check.status == 1 && check.error.contains("shared: drifts: 1 table"), "\(check.error)")
                try await host.server.psql("shared twice", "drop table archon_tasks")
                let again = try await daemon.call("backup", "shared")
                #expect(
                    again.status == 0 && again.error.contains("shared twice is as expected again"), "\(again.error)")
                try await until("STATUS is calm") {
                    try await daemon.reload()
                    return daemon.notify.statuses.last?.contains("drifts") == false
                }
                #expect(try await daemon.stop() == 0)
            }
            for name in ["audited twice", "shared twice"] { try await host.server.drop(name) }
        }
    }
}
