import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

/// A proof that cries wolf is switched off: on a database that changes all the time every verdict is proven.
@Suite struct FalseAlarmTests {
    /// Most drills are on the server itself, which is quicker; every twentieth is on a throwaway.
    private static let rounds = 200

    @Test func `200 dumps and drills under pgbench's full load, every one proven`() async throws {
        try await withOwnServer { host in
            let server = host.server
            try await server.create("bench")
            let connection = ["-h", "\(server.folder)/pg", "-U", "postgres"]
            let made = try await run("\(server.bin)/pgbench", connection + ["-i", "-q", "-s", "1", "bench"])
            try #require(made.status == 0, "\(made.error)")
            // So that a round takes a second; pgbench goes on asking for those that are gone.
            try await server.psql("bench", "delete from pgbench_accounts where aid > 10000")
            let job =
                "\"database\": \"bench\", \"proof\": \"source-content\", \"calendar\": \"Mon *-*-* 02:00:00\", \"retention\": {\"keepLast\": 2}"
            try host.write(
                "\"here\": {\(job), \"drill\": {\"calendar\": \"Sun 05:00\", \"on\": \"scratch\", \"assertions\": [\"SELECT count(*) = 10000 FROM pgbench_accounts\"]}}, \"apart\": {\(job)}"
            )
            let load = Task {
                try await run(
                    "\(server.bin)/pgbench", connection + ["-n", "-c", "2", "-T", "100000", "bench"])
            }
            defer { load.cancel() }
            var transactions = 0
            for round in 1...Self.rounds {
                let name = round.isMultiple(of: 20) ? "apart" : "here"
                let dumped = try await host.call("backup", name, "--json")
                try #require(dumped.status == 0, "dump \(round): \(dumped.error)")
                #expect(dumped.output.contains("\"matched\" : \"content\""), "dump \(round): \(dumped.output)")
                let drilled = try await host.call("drill", name)
                try #require(
                    drilled.status == 0
                        && drilled.output.contains("proven on \(name == "here" ? "scratch" : "throwaway")"),
                    "drill \(round): \(drilled)")
                if round.isMultiple(of: 10) {
                    // The load has gone on all the time; its history must not grow beyond all bounds.
                    let count = try await server.psql(
                        "bench", "select count(*) from pgbench_history; truncate pgbench_history")
                    transactions += Int(count) ?? 0
                    #expect(Int(count) ?? 0 > 0, "after round \(round)")
                }
            }
            #expect(transactions > 10 * Self.rounds)
            let status = try await host.call("status", "--check")
            #expect(status.status == 0, "\(status)")
            let verdicts = try await host.call("list", "--json")
            #expect(verdicts.output.contains("drilled") && !verdicts.output.contains("fault"), "\(verdicts.output)")
        }
    }
}
