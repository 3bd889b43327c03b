import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

/// With ten thousand jobs in a storage, pruning one costs what that one has: nothing is done in any other job's folder.
@Suite struct PruneReachTests {
    private static let others = ["app 2", "ap", "zebra"]

    /// A job `app`, and others around it by name, in both formats, that nobody runs but the test; all of one small database.
    private func write(_ host: TestHost, _ database: String, _ app: String) throws {
        let others = Self.others.enumerated().map { index, name in
            "\"\(name)\": {\"database\": \"\(database)\", \(VerbTests.often), \"enabled\": false, \"format\": \"\(index == 0 ? "directory" : "custom")\"}"
        }
        try host.write(
            (["\"app\": {\"database\": \"\(database)\", \(app)}"] + others).joined(separator: ", "),
            top: "\"defaults\": {\"drill\": {\"enabled\": false}},")
    }

    private func fill(_ host: TestHost, _ database: String) async throws {
        try await host.server.create(database, "create table t as select generate_series(1, 100) g")
        try write(host, database, VerbTests.often)
        for job in Self.others + ["app", "app", "app"] {
            let said = try await host.call("backup", job)
            try #require(said.status == 0, "\(said.error)")
        }
    }

    private func folders(_ host: TestHost, _ jobs: [String]) -> [String] { jobs.map { "\(host.storage)/\($0)" } }

    private func dumps(_ host: TestHost) throws -> Int {
        // Not by a look through the whole storage: that would be seen.
        try FileManager.default.contentsOfDirectory(atPath: "\(host.storage)/app").count { $0.hasSuffix(".dump") }
    }

    @Test func `prune of one job touches only that job's folder`() async throws {
        try await withHost { host in
            try await fill(host, "reach")
            try write(host, "reach", "\(VerbTests.often), \"retention\": {\"keepLast\": 2}")
            let others = try FolderEvents(folders(host, Self.others))
            let own = try FolderEvents(folders(host, ["app"]))
            for (arguments, left) in [(["--dry-run"], 3), ([], 2), (["--accept"], 2)] {
                let said = try await run(
                    TestHost.binary, ["prune", "app"] + arguments, environment: ["ARCHON_BACKUPD_CONFIG": host.config])
                #expect(said.status == 0, "\(said.error)")
                #expect(try dumps(host) == left)
                #expect(try !own.taken().isEmpty)
                #expect(try others.taken() == [], "prune app \(arguments)")
            }
            // One dump more than the policy keeps, and a run that prunes.
            #expect(try await host.call("backup", "app").status == 0)
            #expect(try dumps(host) == 2)
            #expect(try others.taken() == [], "backup app")
            // The watch sees what it is there for.
            #expect(try await host.call("prune", "zebra", "--dry-run").status == 0)
            #expect(try others.taken().contains { $0.hasPrefix("\(host.storage)/zebra ") })
            try await host.server.drop("reach")
        }
    }

    @Test func `the daemon prunes after a run of one job and touches only that job's folder`() async throws {
        try await withHost { host in
            try await fill(host, "reach_daemon")
            try write(host, "reach_daemon", "\"calendar\": \"*:*:*\", \"retention\": {\"keepLast\": 2}")
            let sweep = try FolderEvents(folders(host, Self.others))
            try await host.withDaemon { daemon in
                // A start looks through every folder once, and holds its lock for so long: IN_CLOSE_WRITE.
                var swept: Set<String> = []
                try await until("all folders are swept: \(swept)") {
                    let closed = try sweep.taken().filter { $0.hasSuffix("/.lock 8") }
                    swept.formUnion(closed)
                    return swept.count == Self.others.count
                }
                let others = try FolderEvents(folders(host, Self.others))
                let before = daemon.lines(with: ", pruned 1").count
                try await daemon.says(", pruned 1", times: before + 3)
                #expect(try others.taken() == [])
                #expect(try await daemon.stop() == 0)
            }
            #expect(try host.files().count { $0.hasSuffix(".json") } == 2 + Self.others.count)
            try await host.server.drop("reach_daemon")
        }
    }
}
