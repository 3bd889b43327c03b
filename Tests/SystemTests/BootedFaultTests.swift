import BackupCore
import Foundation
import TestSupport
import Testing

/// What goes wrong on a real host: the service is stopped or killed amid a dump, wedged, or given a broken schedule.
@Suite(.enabled(if: getuid() == 0, "a host in a box needs root")) struct BootedFaultTests {
    private static let daily = #""calendar": "*-*-* 02:00:00", "drill": {"enabled": false}"#

    /// A host whose daemon is amid a dump that a lock holds up; `release` lets it go on.
    private func withHeldDump(_ body: (BootedHost) async throws -> Void) async throws {
        try await withBootedHost { host in
            try await host.psql("postgres", "CREATE DATABASE held")
            try await host.psql("held", "CREATE TABLE t AS SELECT g FROM generate_series(1, 1000) g")
            try host.schedule("\"held\": {\(Self.daily), \"lockTimeout\": \"5min\"}")
            try await hold(host)
            try await host.start()
            try await untilWaiting(host)
            try await body(host)
        }
    }

    private func hold(_ host: BootedHost) async throws {
        try await host.box.must(
            """
            systemd-run --quiet --unit=holder --uid=postgres psql -X -d held -c \
              "BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)"
            """)
        try await until("the table is locked") {
            try await host.psql("postgres", "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock'") != "0"
        }
    }

    private func release(_ host: BootedHost) async throws {
        try await host.psql(
            "postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'BEGIN; LOCK%'")
    }

    private func untilWaiting(_ host: BootedHost) async throws {
        try await until("pg_dump waits for the lock") {
            try await host.psql(
                "postgres",
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = 'archon-backup'")
                != "0"
        }
    }

    private func backends(_ host: BootedHost) async throws -> String {
        try await host.psql(
            "postgres", "SELECT count(*) FROM pg_stat_activity WHERE usename = 'archon-backup'")
    }

    /// Everything below the job's folder but its lock.
    private func files(_ host: BootedHost) async throws -> [String] {
        try await host.box.must("find /backups/supabase-ai/held -mindepth 1 ! -name .lock -printf '%f\\n'")
            .split(separator: "\n").map(String.init)
    }

    @Test func `STATUS follows a dump, and a stop amid it leaves nothing behind`() async throws {
        try await withHeldDump { host in
            try await until("STATUS tells that it runs") {
                try await host.property("StatusText").contains("running held")
            }
            #expect(try await host.box.run("systemctl", "stop", "archon-backupd").status == 0)
            #expect(try await host.property("Result") == "success")
            #expect(try await host.journal("run-interrupted").count == 1)
            try await until("no backend of ours is left") { try await backends(host) == "0" }
            #expect(try await host.box.must("archon-backupd list --json | tr -d ' \\n'") == "[]")
            try await release(host)
            try await host.start()
            try await host.waitFor("run-succeeded")
            try await until("STATUS tells that it is over") {
                try await host.property("StatusText").hasPrefix("1 job, next held ")
            }
            let left = try await files(host)
            #expect(left.count == 3 && left.allSatisfy { $0.hasPrefix("backup_held_") }, "\(left)")
        }
    }

    @Test func `killed amid a dump it comes back, leaves nothing behind, and makes up for it`() async throws {
        try await withHeldDump { host in
            try await host.dropIn("soon", "[Service]\nRestartSec=100ms")
            try await host.box.must("systemctl kill --kill-who=main --signal=KILL archon-backupd")
            try await until("systemd has begun it again") { try await host.property("NRestarts") == "1" }
            try await release(host)
            try await host.waitFor("run-succeeded")
            #expect(try await host.journal("daemon-ready").count == 2)
            try await until("no backend of ours is left") { try await backends(host) == "0" }
            let left = try await files(host)
            #expect(left.count == 3 && left.allSatisfy { $0.hasPrefix("backup_held_") }, "\(left)")
            let processes = try await host.box.must("pgrep -u archon-backup -l")
            #expect(processes.split(separator: "\n").count == 1, "\(processes)")
        }
    }

    /// The release build has no such hook.
    @Test func `the watchdog ends a daemon that is wedged, and it comes back`() async throws {
        try await withBootedHost(debug: true) { host in
            try host.schedule("\"postgres\": {\(Self.daily)}")
            try await host.dropIn("watchdog", "[Service]\nWatchdogSec=2s\nRestartSec=100ms")
            try await host.start()
            try await host.waitFor("run-succeeded")
            let pid = try await host.property("MainPID")
            try await host.box.must("systemctl kill --kill-who=main --signal=USR2 archon-backupd")
            try await until("systemd has begun it again") { try await host.property("NRestarts") == "1" }
            try await host.waitFor("daemon-ready", times: 2)
            #expect(try await host.property("MainPID") != pid)
            let said = try await host.box.must("journalctl -u archon-backupd -o cat _PID=1")
            #expect(said.contains("Watchdog timeout (limit 2s)!"), "\(said)")
            // Fed again: it is not ended a second time.
            try await Task.sleep(for: .seconds(4))
            #expect(try await host.property("NRestarts") == "1")
            #expect(try await host.journal("run-succeeded").count == 1)
        }
    }

    @Test func `a broken schedule ends the start with 78, once, and is told at a reload`() async throws {
        try await withBootedHost { host in
            try host.schedule("\"postgres\": {\"calender\": \"daily\"}, \"-b\": {\(Self.daily)}")
            try await host.dropIn("soon", "[Service]\nRestartSec=100ms")
            #expect(try await host.box.run("systemctl", "start", "archon-backupd").status != 0)
            #expect(try await host.property("ExecMainStatus") == "78")
            try await Task.sleep(for: .seconds(2))
            #expect(try await host.property("NRestarts") == "0")
            #expect(try await host.property("ActiveState") == "failed")
            // The journal of a busy machine lags behind.
            let failed = try await host.waitFor("daemon-failed")
            #expect(failed.count == 1 && failed[0]["PRIORITY"] == "3")
            let reason = failed.first?["ARCHON_REASON"] ?? ""
            #expect(reason.contains("Did you mean \"calendar\"?") && reason.contains("$.databases['-b']"), "\(reason)")
            let others = try await host.journal().filter { $0["_PID"] != "1" && $0["ARCHON_EVENT"] == nil }
            #expect(others.isEmpty, "\(others.compactMap { $0["MESSAGE"] })")

            try host.schedule("\"postgres\": {\(Self.daily)}")
            try await host.start()
            try await host.waitFor("run-succeeded")
            try host.schedule("\"postgres\": {\"calender\": \"daily\"}")
            #expect(try await host.box.run("systemctl", "reload", "archon-backupd").status == 0)
            let refused = try await host.waitFor("reload-failed")[0]
            #expect(refused["ARCHON_REASON"]?.contains("Did you mean \"calendar\"?") == true)
            #expect(try await host.property("ActiveState") == "active")
            try await until("STATUS tells it") {
                try await host.property("StatusText").hasPrefix("schedule.json has faults, the old one goes on")
            }
        }
    }
}
