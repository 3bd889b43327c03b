import BackupCore
import Foundation
import TestSupport
import Testing

/// What the built daemon does about a dump that does not restore to what it should be.
@Suite struct DrillFailureTests {
    private typealias Daemon = DrillDaemonTests

    private func expectRenewed(_ daemon: DaemonUnderTest, job: String, reason: String) async throws {
        try await daemon.says("FAILED: ")
        try await daemon.says("\(job): run began, attempt 2")
        try await daemon.says("read back in full", times: 2)
        // Once, and not again.
        for _ in 1...2 { try await daemon.reload() }
        #expect(daemon.lines(with: "run began").count == 2 && daemon.lines(with: "FAILED: ").count == 1)
        let failed = try #require(daemon.lines(with: "FAILED: ").first)
        #expect(failed.contains(reason), "\(failed)")

        let list = try await daemon.call("list").lines
        #expect(list.count == 3 && list[1].contains("DAMAGED: its drill failed"), "\(list)")
        #expect(list[2].hasSuffix("read"), "\(list)")
        let status = try await daemon.call("status", "--check")
        #expect(status.status == 1 && status.error.contains("\(job): drill failed: "), "\(status.error)")
        #expect(status.error.contains(reason), "\(status.error)")
        try await until("STATUS says so: \(daemon.notify.statuses)") {
            daemon.notify.statuses.last?.hasPrefix("\(job) drill failed: ") == true
        }
    }

    /// keepLast 1 keeps the newest good dump alone; the refuted one is beside it and stays.
    private func expectKept(_ daemon: DaemonUnderTest, job: String) async throws {
        try await Daemon.pass(instant("2026-11-23T02:00:00Z"), daemon)
        try await daemon.says("read back in full", times: 3)
        try await daemon.says("\(job): pruned ")
        let list = try await daemon.call("list").lines
        #expect(list.count == 3 && list[1].contains("DAMAGED"), "\(list)")
        #expect(list[2].contains("backup_\(job)_20261123T02"), "\(list)")
        let prune = try await daemon.call("prune", "--dry-run")
        #expect(prune.output.contains("not proven: never removed, never counted"), "\(prune.output)")
    }

    @Test func `a flipped bit in the archive is found, the dump counts no more, and the job is dumped again once`()
        async throws
    {
        try await withHost { host in
            try await host.server.create(
                "flipped drill", "create table t as select g, md5(g::text) v from generate_series(1, 5000) g")
            try host.write(
                "\"flipped\": {\"database\": \"flipped drill\", \(Daemon.weekly), \(Daemon.drill()), \"retention\": {\"keepLast\": 1}}"
            )
            try await host.withDaemon(clock: Daemon.sunday) { daemon in
                try await daemon.says("flipped: backup_flipped_")
                let dump = try #require(try host.files().first { $0.hasSuffix(".dump") })
                let url = URL(fileURLWithPath: "\(host.storage)/\(dump)")
                var bytes = try Data(contentsOf: url)
                bytes[bytes.count / 2] ^= 1
                try bytes.write(to: url)
                try await Daemon.pass(instant("2026-11-22T05:00:00Z"), daemon)
                try await expectRenewed(daemon, job: "flipped", reason: "is damaged")
                try await expectKept(daemon, job: "flipped")
                // The next drill proves the newest, and all is well again.
                let drill = try await daemon.call("drill", "flipped")
                #expect(drill.status == 0, "\(drill.error)")
                #expect(try await daemon.call("status", "--check").status == 0)
                try await daemon.reload()
                try await until("STATUS is calm") { daemon.notify.statuses.last?.hasPrefix("1 job, next ") == true }
                #expect(try await daemon.stop() == 0)
            }
            let runs = try await host.history()
            #expect(runs.map(\.outcome) == ["succeeded", "succeeded", "succeeded"])
            #expect(runs.map(\.attempt) == [1, 2, 1] && runs[0].slot == runs[1].slot)
            try await host.server.drop("flipped drill")
        }
    }

    @Test
    func `an assertion that is not true refutes the dump, and a failed attempt after it is not made at once again`()
        async throws
    {
        try await withHost { host in
            try await host.server.create("untrue drill", "create table t (id int)")
            let assertions = #""assertions": ["SELECT 1 = 1", "SELECT count(*) > 0 FROM t"]"#
            try host.write(
                "\"untrue\": {\"database\": \"untrue drill\", \(Daemon.weekly), \(Daemon.drill(assertions)), \"retry\": {\"attempts\": 2, \"delay\": \"1h\"}}"
            )
            try await host.withDaemon(clock: Daemon.sunday) { daemon in
                try await daemon.says("untrue: backup_untrue_")
                try await host.server.drop("untrue drill")
                try await Daemon.pass(instant("2026-11-22T05:00:00Z"), daemon)
                try await daemon.says("assertion 2 is not true but f: SELECT count(*) > 0 FROM t")
                try await daemon.says("untrue: run failed")
                for _ in 1...2 { try await daemon.reload() }
                #expect(daemon.lines(with: "run began").count == 2)
                // There is no good dump now, and nobody says there is.
                let status = try await daemon.call("status", "--check")
                #expect(status.status == 1, "\(status.error)")
                let table = try await daemon.call("status").output
                #expect(table.contains("never") && table.contains("failing"), "\(table)")
                let restore = try await daemon.call("restore", "untrue")
                #expect(restore.status == 1 && restore.error.contains("no good dump"), "\(restore.error)")
                #expect(try await daemon.stop() == 0)
            }
            #expect(try host.files().contains { $0.hasSuffix(".dump") })
        }
    }
}
