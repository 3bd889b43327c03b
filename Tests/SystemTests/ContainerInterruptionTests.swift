import BackupCore
import Foundation
import TestSupport
import Testing

/// Runs that are ended from our side: pg_dump inside ends with them, and its backend and its locks.
@Suite(.withEngine) struct ContainerInterruptionTests {
    private static let often = #""calendar": "*-*-* 02:00:00""#

    private func withJob(
        _ prefix: String, _ options: String = "", image: TestEngine.Image = .debian,
        _ body: (TestHost, TestContainer) async throws -> Void
    ) async throws {
        try await withContainerHost(prefix, image) { host, container in
            try await container.create(
                "app", "create table t as select generate_series(1, 100) g; create table other (id int)")
            try host.write("\"app\": {\"lockTimeout\": \"10min\", \(options) \(Self.often)}")
            try await container.withMigration("app") { try await body(host, container) }
        }
    }

    /// Either pg_dump or, with a proof by the source, the psql that takes the snapshot stands still for the lock.
    private func untilWaiting(_ container: TestContainer, _ running: Running) async throws {
        try await until("it waits for the lock: \(running.said)") {
            try await container.backends("archon-backupd/app").contains { $0.contains("LOCK TABLE") }
        }
    }

    @Test(arguments: [
        ("\"proof\": \"read\",", TestEngine.Image.debian), ("", .debian), ("\"proof\": \"read\",", .busybox),
    ])
    func `a run that takes too long`(proof: String, image: TestEngine.Image) async throws {
        try await withJob("timeout", "\"timeout\": \"4s\", \(proof)", image: image) { host, container in
            let said = try await host.call("backup", "app")
            #expect(said.status == 1 && said.error.contains("longer than its timeout of 4s"), "\(said.error)")
            try await container.untilClean("after a timeout")
            #expect(try host.files().isEmpty)
        }
    }

    @Test(arguments: ["\"proof\": \"read\",", ""])
    func `an interrupted command`(proof: String) async throws {
        try await withJob("interrupted", proof) { host, container in
            let running = try await host.start("backup", "app")
            try await untilWaiting(container, running)
            running.signal(SIGINT)
            try await until("the command ends: \(running.said)", seconds: 60) { running.hasEnded }
            #expect(try await running.end() == 128 + SIGINT)
            try await container.untilClean("after an interruption")
            #expect(try await host.history().map(\.outcome) == ["interrupted"])
        }
    }

    @Test(arguments: [
        (SIGTERM, "\"proof\": \"read\","), (SIGTERM, ""), (SIGKILL, "\"proof\": \"read\","), (SIGKILL, ""),
    ])
    func `a daemon that is stopped, and one that is killed`(signal: Int32, proof: String) async throws {
        try await withJob("daemon", proof) { host, container in
            try await host.withDaemon { daemon in
                try await untilWaiting(container, daemon.running)
                daemon.signal(signal)
                try await until("the daemon ends: \(daemon.running.said)", seconds: 60) { daemon.running.hasEnded }
                #expect(try await daemon.running.end() == (signal == SIGKILL ? 128 + SIGKILL : 0))
            }
            try await container.untilClean("after signal \(signal) to the daemon")
            let locks =
                "select count(*) from pg_locks l join pg_stat_activity using (pid) where application_name like 'archon%'"
            #expect(try await container.sql("app", locks) == "0")
            try await container.endMigration("app")
            #expect(try await host.call("backup", "app").status == 0)
            #expect(try await run("find", [host.storage, "-name", ".partial*"]).output.isEmpty)
        }
    }
}
