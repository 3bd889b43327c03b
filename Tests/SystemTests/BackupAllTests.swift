import BackupCore
import Foundation
import TestSupport
import Testing

/// `backup --all`: every job of one server or of all, written and found.
@Suite struct BackupAllTests {
    private struct Outcome: Decodable {
        var job: String
        var server: String
        var outcome: String
        var dump: String?
        var error: String?
    }

    private func outcomes(_ said: Said) throws -> [String: Outcome] {
        let all = try JSONDecoder().decode([Outcome].self, from: Data(said.output.utf8))
        return Dictionary(all.map { ("\($0.server)/\($0.job)", $0) }) { first, _ in first }
    }

    /// Two servers with discovery, the second at the same place as the first or at none.
    private func write(_ host: TestHost, second: String, hook: String = "") throws {
        let discover = "\"discover\": {\"exclude\": [\"left_out\"], \"as\": {\(hook) \"calendar\": \"daily\"}}"
        let text = """
            {"version": 1, "storage": {"root": "\(host.storage)", "state": "\(host.folder)/state", "minimumFree": "0B"},
             "concurrency": 8,
             "servers": {"one": {"connection": "\(host.server.connection)", "concurrency": 2, \(discover)},
                         "two": {"connection": "\(second)", \(discover)}},
             "databases": {"written": {"server": "one", "database": "app", "calendar": "daily"},
                           "off": {"server": "one", "calendar": "daily", "enabled": false},
                           "missing": {"server": "two", "calendar": "daily"}}}
            """
        try Data(text.utf8).write(to: URL(fileURLWithPath: host.config), options: .atomic)
    }

    @Test func `one server's jobs, found without a daemon, with a table, and the code of the worst`() async throws {
        try await withOwnServer { host in
            for name in ["app", "other", "left_out", "shut"] {
                try await host.server.create(name, "create table t (n int)")
            }
            try await host.server.psql("postgres", "alter database shut allow_connections false")
            try write(host, second: "host=/nowhere user=nobody")
            let said = try await host.call("backup", "--all", "--server", "one", "--json")
            #expect(said.status == 0, "\(said.error)")
            let first = try outcomes(said)
            #expect(
                first.mapValues(\.outcome) == [
                    "one/written": "succeeded", "one/other": "succeeded", "one/postgres": "succeeded",
                    "one/shut": "closed",
                ])
            #expect(first["one/written"]?.dump?.hasPrefix("backup_written_") == true)
            let lines = try #require(try JSONSerialization.jsonObject(with: Data(said.output.utf8)) as? [[String: Any]])
            #expect(
                lines.first?.keys.sorted().joined(separator: " ")
                    == "bytes database dump job outcome rows seconds server")
            // What was found stays known, without a look at the server.
            #expect(try await host.call("list").lines.count == 4)
            // The other server is not there: its written job fails, and so does the search for others.
            let all = try await host.call("backup", "--all")
            #expect(all.status == 69, "\(all.error)")
            #expect(all.lines.first?.hasPrefix("SERVER  JOB") == true)
            #expect(all.lines.count { $0.contains(" succeeded ") } == 3, "\(all.output)")
            #expect(all.lines.contains { $0.hasPrefix("two     missing   failed") }, "\(all.output)")
            #expect(all.error.contains("no connection to database") && !all.output.contains("off"), "\(all.error)")
            for (arguments, hint) in [
                (["backup", "--server", "one"], "--all"), (["backup", "other", "--server", "one"], "--all"),
                (["backup", "--all", "--server", "three"], "one, two"),
            ] {
                let wrong = try await run(
                    TestHost.binary, arguments, environment: ["ARCHON_BACKUPD_CONFIG": host.config])
                #expect(wrong.status == 64 && wrong.error.contains(hint), "\(wrong.error)")
            }
        }
    }

    @Test func `no more at once than the server may have, and each server has its own`() async throws {
        try await withOwnServer { host in
            for number in 1...5 { try await host.server.create("db\(number)") }
            let log = "\(host.folder)/log"
            let hook =
                "\"hooks\": {\"before\": [\"/bin/sh\", \"-c\", \"echo + $ARCHON_JOB >> \(log); sleep 0.3\"], \"after\": [\"/bin/sh\", \"-c\", \"echo - $ARCHON_JOB >> \(log)\"]},"
            try write(host, second: host.server.connection, hook: hook)
            let said = try await host.call("backup", "--all", "--json")
            #expect(said.status == 69, "\(said.error)")
            let outcomes = try outcomes(said)
            #expect(outcomes.count == 14 && outcomes.values.count { $0.outcome == "succeeded" } == 12, "\(said.output)")
            var running: [Substring: Int] = [:]
            var most: [Substring: Int] = [:]
            for line in try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n") {
                // The databases of the second server have the names that are left.
                let server: Substring = line.dropFirst(2).hasPrefix("two-") ? "two" : "one"
                running[server, default: 0] += line.first == "+" ? 1 : -1
                most[server] = max(most[server] ?? 0, running[server] ?? 0)
            }
            #expect(most["one"] == 2 && most["two"] == 1, "\(most)")
        }
    }

    @Test func `a failure's kind that is worse goes before one that came earlier`() {
        let all = [Failure(.busy, "a"), Failure(.failed, "b"), Failure(.damaged, "c"), Failure(.unavailable, "d")]
        #expect(Failure.worst(all)?.kind == .damaged && Failure.worst(Array(all.prefix(2)))?.kind == .failed)
        #expect(Failure.worst([]) == nil && Failure.worst([all[3], Failure(.unavailable, "e")])?.message == "d")
        #expect(Failure.worst([Failure(.usage, "f"), all[3]])?.kind == .unavailable)
        for kind in Failure.Kind.allCases { #expect(Failure.worst([Failure(kind, "x")])?.kind == kind) }
    }
}
