import BackupCore
import Foundation
import TestSupport
import Testing

/// The built daemon and its drills, on a clock that the test moves.
@Suite struct DrillDaemonTests {
    /// Dumped at night, drilled on Sundays at 05:00; the clock begins on a Sunday.
    static let weekly = #""calendar": "*-*-* 02:00:00""#
    static let sunday = instant("2026-11-22T04:00:00Z")
    private static let slot = instant("2026-11-22T05:00:00Z")
    /// Holds a drill up for as long as a test may take.
    private static let long = #"["SELECT pg_sleep(600)::text = ''"]"#

    static func drill(_ more: String = "") -> String {
        #""drill": {"calendar": "Sun *-*-* 05:00:00"\#(more.isEmpty ? "" : ", " + more)}"#
    }

    /// Moves the clock to just before `date` and lets the daemon see it.
    static func pass(_ date: Date, _ daemon: DaemonUnderTest) async throws {
        try daemon.setClock(date.addingTimeInterval(-0.05))
        try await daemon.reload()
    }

    @Test func `a weekly drill is held at its slot, once, and says what was proven`() async throws {
        try await withHost { host in
            try await host.server.create("weekly drill", "create table t as select generate_series(1, 500) g")
            let assertions = #""assertions": ["SELECT count(*) = 500 FROM t"]"#
            try host.write("\"weekly\": {\"database\": \"weekly drill\", \(Self.weekly), \(Self.drill(assertions))}")
            try await host.withDaemon(clock: Self.sunday) { daemon in
                try await daemon.says("weekly: backup_weekly_")
                #expect(try await daemon.call("status").output.contains("not run"))
                #expect(daemon.lines(with: "drill of").isEmpty)
                try await Self.pass(Self.slot, daemon)
                try await daemon.says("weekly: drill of backup_weekly_20261122T04")
                try await daemon.says("proven, 500 rows equal, 1 assertion true, restored in")
                #expect(daemon.notify.statuses.contains { $0.contains("drilling weekly") })
                let status = try await daemon.call("status", "--check")
                #expect(status.status == 0 && status.output.contains("proven (now)"), "\(status.error)")
                #expect(try await daemon.call("list").output.contains("drilled"))
                try await daemon.reload()
                // The next one a week later; the dump it proved is by then not the newest.
                try await Self.pass(instant("2026-11-23T02:00:00Z"), daemon)
                try await daemon.says("weekly: backup_weekly_20261123T02")
                #expect(try await daemon.call("status").output.contains("stale"))
                #expect(daemon.lines(with: "drill of").count == 2)
                #expect(try await daemon.stop() == 0)
            }
            try await host.server.drop("weekly drill")
        }
    }

    @Test func `SIGTERM ends a drill within seconds, and it is made again at the next start`() async throws {
        try await withHost { host in
            try await host.server.create("stopped drill", "create table t (id int)")
            func write(_ more: String) throws {
                try host.write("\"ended\": {\"database\": \"stopped drill\", \(Self.weekly), \(Self.drill(more))}")
            }
            try write("\"assertions\": \(Self.long)")
            try await host.withDaemon(clock: Self.sunday) { daemon in
                try await daemon.says("ended: backup_ended_")
                try await Self.pass(Self.slot, daemon)
                try await daemon.says("ended: drill of")
                let folder = try await Self.throwaway(of: daemon, host)
                // A verb has to come again later.
                let busy = try await daemon.call("drill", "ended")
                #expect(busy.status == 75 && busy.error.contains("another drill is in progress"), "\(busy.error)")
                #expect(try await daemon.call("status").output.contains("drilling"))
                let began = ContinuousClock.now
                #expect(try await daemon.stop() == 0)
                #expect(began.duration(to: .now) < .seconds(60))
                #expect(daemon.lines(with: "ended: drill interrupted").count == 1)
                #expect(!FileManager.default.fileExists(atPath: folder))
            }
            try write("")
            try await host.withDaemon(clock: Self.slot.addingTimeInterval(120)) { daemon in
                try await daemon.says("proven, 0 rows equal")
                #expect(try await daemon.call("status").output.contains("drilling") == false)
                #expect(try await daemon.stop() == 0)
            }
            #expect(try await host.history().map(\.outcome) == ["succeeded"])
            try await host.server.drop("stopped drill")
        }
    }

    @Test func `after kill -9 in a drill the next start removes its server and folder, and makes it again`()
        async throws
    {
        try await withHost { host in
            try await host.server.create("killed drill", "create table t (id int)")
            func write(_ more: String) throws {
                try host.write("\"slain\": {\"database\": \"killed drill\", \(Self.weekly), \(Self.drill(more))}")
            }
            try write("\"assertions\": \(Self.long)")
            let folder = try await host.withDaemon(clock: Self.sunday) { daemon in
                try await daemon.says("slain: backup_slain_")
                try await Self.pass(Self.slot, daemon)
                try await daemon.says("slain: drill of")
                let folder = try await Self.throwaway(of: daemon, host)
                daemon.signal(SIGKILL)
                _ = try await daemon.running.end()
                return folder
            }
            // What was killed is not shown as in progress.
            #expect(try await host.call("status").output.contains("drilling") == false)
            try write("")
            try await host.withDaemon(clock: Self.slot.addingTimeInterval(120)) { daemon in
                // Another daemon of these tests may be the one that sweeps it.
                try await until("\(folder) is gone") { !FileManager.default.fileExists(atPath: folder) }
                try await daemon.says("proven, 0 rows equal")
                #expect(Self.servers(in: folder).isEmpty)
                #expect(try await daemon.stop() == 0)
            }
            try await host.server.drop("killed drill")
        }
    }

    @Test func `a scratch database on a server is dropped after the drill, and after kill -9 at the next start`()
        async throws
    {
        try await withHost { host in
            try await host.server.create("scratch drill", "create table t (id int)")
            func write(_ more: String) throws {
                let drill = Self.drill("\"on\": \"scratch\"\(more)")
                try host.write("\"beside\": {\"database\": \"scratch drill\", \(Self.weekly), \(drill)}")
            }
            func scratch() async throws -> String {
                try await host.server.psql(
                    "postgres",
                    "select count(*) from pg_database where datname like 'archon\\_drill\\_%' and shobj_description(oid, 'pg_database') like '%\(host.folder)/state:%'"
                )
            }
            try write(", \"assertions\": \(Self.long)")
            try await host.withDaemon(clock: Self.sunday) { daemon in
                try await daemon.says("beside: backup_beside_")
                try await Self.pass(Self.slot, daemon)
                try await until("the scratch database is there") { try await scratch() == "1" }
                daemon.signal(SIGKILL)
                _ = try await daemon.running.end()
            }
            #expect(try await scratch() == "1")
            try write("")
            try await host.withDaemon(clock: Self.slot.addingTimeInterval(120)) { daemon in
                try await daemon.says("what a drill had left was removed: archon_drill_")
                try await daemon.says("proven, 0 rows equal")
                #expect(try await scratch() == "0")
                #expect(try await daemon.stop() == 0)
            }
            try await host.server.drop("scratch drill")
        }
    }

    @Test func `a dump that is due while its server is drilled waits, and runs then`() async throws {
        try await withHost { host in
            try await host.server.create("waiting drill", "create table t (id int)")
            let held = #""on": "scratch", "assertions": ["SELECT pg_sleep(8)::text = ''"]"#
            try host.write(
                "\"first\": {\"database\": \"waiting drill\", \(Self.weekly), \(Self.drill(held))}, \"second\": {\"database\": \"waiting drill\", \"calendar\": \"*-*-* 06:00:00\", \"drill\": {\"enabled\": false}}"
            )
            try await host.withDaemon(clock: Self.sunday) { daemon in
                try await daemon.says("read back in full", times: 2)
                try await Self.pass(Self.slot, daemon)
                try await daemon.says("first: drill of")
                try await Self.pass(instant("2026-11-22T06:00:00Z"), daemon)
                try await daemon.says("second: backup_second_20261122T06")
                let log = daemon.running.said.split(separator: "\n")
                let proven = try #require(log.firstIndex { $0.contains("first: drill of") && $0.contains("proven") })
                let began = try #require(log.lastIndex { $0.contains("second: run began") })
                #expect(proven < began, "\(daemon.running.said)")
                #expect(try await daemon.stop() == 0)
            }
            try await host.server.drop("waiting drill")
        }
    }

    @Test func `a reload that takes the drilled job away leaves its drill to end, and begins no other beside it`()
        async throws
    {
        try await withHost { host in
            try await host.server.create("reloaded drill", "create table t (id int)")
            let held = #""on": "scratch", "assertions": ["SELECT pg_sleep(8)::text = ''"]"#
            let other = "\"other\": {\"database\": \"reloaded drill\", \(Self.weekly), \(Self.drill())}"
            try host.write(
                "\"gone\": {\"database\": \"reloaded drill\", \(Self.weekly), \(Self.drill(held))}, \(other)")
            try await host.withDaemon(clock: Self.sunday) { daemon in
                try await daemon.says("read back in full", times: 2)
                try await Self.pass(Self.slot, daemon)
                try await daemon.says("gone: drill of")
                try host.write(other)
                try await daemon.reload()
                try await daemon.says("other: drill of", times: 2)
                let log = daemon.lines(with: "drill of")
                #expect(log.map { $0.contains("gone: ") } == [true, true, false, false], "\(log)")
                #expect(log.allSatisfy { !$0.contains("FAILED") && !$0.contains("could not") }, "\(log)")
                #expect(try await daemon.stop() == 0)
            }
            try await host.server.drop("reloaded drill")
        }
    }

    @Test func `a slot that passes during a drill, after the clock has come back from years ahead, is not lost`()
        async throws
    {
        try await withHost { host in
            try await host.server.create("back drill", "create table t (id int)")
            let held = #""on": "scratch", "assertions": ["SELECT pg_sleep(8)::text = ''"]"#
            try host.write("\"back\": {\"database\": \"back drill\", \(Self.weekly), \(Self.drill(held))}")
            try await host.withDaemon(clock: Self.sunday) { daemon in
                try await daemon.says("back: backup_back_20261122T04")
                try await Self.pass(instant("2031-01-05T05:00:00Z"), daemon)
                try await daemon.says("back: drill of")
                try await Self.pass(instant("2026-11-23T01:00:00Z"), daemon)
                try await Self.pass(instant("2026-11-23T02:00:00Z"), daemon)
                try await daemon.says("back: backup_back_20261123T02")
                #expect(daemon.lines(with: "run began").count == 3, "\(daemon.running.said)")
                #expect(try await daemon.stop() == 0)
            }
            try await host.server.drop("back drill")
        }
    }

    // MARK: what is under /var/tmp

    /// The folder of the server that this daemon drills on, with a server in it.
    private static func throwaway(of daemon: DaemonUnderTest, _ host: TestHost) async throws -> String {
        var found: String?
        try await until("the throwaway is there: \(daemon.running.said)") {
            found = ["/var/tmp", "/tmp", "\(host.folder)/state", host.storage].lazy.flatMap { base in
                names(in: base).filter { $0.hasPrefix("archon-backupd-drill-") }.map { "\(base)/\($0)" }
            }.first { folder in
                let holder = FileManager.default.contents(atPath: "\(folder)/.lock")
                return holder == Data("\(daemon.running.pid)\n".utf8) && !servers(in: folder).isEmpty
            }
            return found != nil
        }
        return try #require(found)
    }

    private static func names(in folder: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []  // another's folder may go meanwhile
    }

    /// The processes that work in the data folder of a throwaway.
    private static func servers(in folder: String) -> [String] {
        names(in: "/proc").filter { pid in
            guard pid.allSatisfy(\.isNumber) else { return false }
            let place = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/cwd")  // it may end
            return place?.hasPrefix("\(folder)/data") == true
        }
    }
}
