import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

/// The built daemon against a real server, with the service manager's end of its socket in our hands.
@Suite struct DaemonTests {
    static let daily = #""calendar": "*-*-* 02:00:00""#

    @Test func `it backs up what is due, says so to the manager, and stops when told`() async throws {
        try await withHost { host in
            try await host.server.create("calm", "create table t as select generate_series(1, 100) g")
            try host.write("\"calm\": {\(Self.daily)}")
            try await host.withDaemon(environment: ["WATCHDOG_USEC": "600000"]) { daemon in
                try await daemon.says("calm: backup_calm_")
                #expect(try host.files().count == 3)
                try await until("the watchdog is fed: \(daemon.notify.messages)") {
                    daemon.notify.messages.count { $0 == "WATCHDOG=1" } > 2
                }
                try await until("STATUS says what comes: \(daemon.notify.statuses)") {
                    daemon.notify.statuses.last?.hasPrefix("1 job, next calm ") == true
                }
                #expect(daemon.notify.statuses.last?.hasSuffix("02:00 UTC") == true)
                #expect(daemon.notify.statuses.contains { $0.contains("running calm") })
                #expect(try await daemon.stop() == 0)
                #expect(daemon.notify.has("STOPPING=1"))
            }
            let status = try await host.call("status", "--check")
            #expect(status.status == 0, "\(status.error)")
            try await host.server.drop("calm")
        }
    }

    /// Libraries that tidied up at exit once took from under the sweep what it used: the daemon ended by SIGSEGV.
    @Test func `stopped in the midst of its first sweep, again and again, it ends well`() async throws {
        try await withHost { host in
            try await host.server.create("swept", "create table t (id int)")
            try host.write("\"swept\": {\(Self.daily), \"enabled\": false}")
            let backup = try await host.call("backup", "swept")
            #expect(backup.status == 0, "\(backup.error)")
            let folder = "\(host.storage)/swept"
            let script = """
                cd "$1" && f=$(ls backup_*.json) && n=${f%.json}
                for i in 1 2 3 4 5 6 7; do
                  to=backup_swept_2020010${i}T000000Z; cp "$f" $to.json && ln "$n.dump" $to.dump || exit 1
                done
                """
            let copied = try await run("sh", ["-c", script, "sh", folder])
            #expect(copied.status == 0, "\(copied.error)")
            for _ in 0..<60 {
                let notify = try NotifySocket(folder: host.folder)
                let daemon = try await host.start("daemon", environment: ["NOTIFY_SOCKET": notify.path])
                // At once: it is the first checksums that are in danger.
                while !notify.has("READY=1"), !daemon.hasEnded { await Task.yield() }
                daemon.signal(SIGTERM)
                let status = try await daemon.end()
                #expect(status == 0)
            }
            try await host.server.drop("swept")
        }
    }

    @Test func `files are for their owner alone`() async throws {
        try await withHost { host in
            try await host.server.create("private", "create table t (id int)")
            try host.write("\"private\": {\(Self.daily), \"format\": \"directory\"}")
            try await host.withDaemon { daemon in try await daemon.says("private: backup_private_") }
            let said = try await run("find", [host.storage, "\(host.folder)/state", "-printf", "%y %m %P\n"])
            for line in said.lines {
                #expect(line.hasPrefix("d 700 ") || line.hasPrefix("f 600 ") || line.hasPrefix("d 700"), "\(line)")
            }
            #expect(said.lines.count > 8)
            try await host.server.drop("private")
        }
    }

    @Test func `a reload takes a good schedule and keeps the old one, loudly, for a bad one`() async throws {
        try await withHost { host in
            try await host.server.create("reload one")
            try await host.server.create("reload two")
            let one = "\"one\": {\"database\": \"reload one\", \(Self.daily)}"
            try host.write(one)
            try await host.withDaemon { daemon in
                try await daemon.says("one: backup_one_")
                try host.write("\(one), \"two\": {\"database\": \"reload two\", \"calender\": \"daily\"}")
                try await daemon.reload()
                #expect(daemon.lines(with: "the old one goes on").count == 1)
                #expect(daemon.running.said.contains("Did you mean \"calendar\"?"), "\(daemon.running.said)")
                #expect(
                    daemon.notify.messages.contains { $0.hasPrefix("RELOADING=1\nMONOTONIC_USEC=") },
                    "\(daemon.notify.messages)")
                try await until("STATUS says that the schedule on disk is not the one in use") {
                    daemon.notify.statuses.last?.contains("schedule.json has faults") == true
                }
                try host.write("\(one), \"two\": {\"database\": \"reload two\", \(Self.daily)}")
                try await daemon.reload()
                try await daemon.says("two: backup_two_")
                try await until("STATUS no longer says so") {
                    daemon.notify.statuses.last?.contains("schedule.json has faults") == false
                }
                #expect(daemon.lines(with: "one: backup_one_").count == 1)
                try FileManager.default.removeItem(atPath: host.config)
                try await daemon.reload()
                #expect(daemon.lines(with: "the old one goes on").count == 2)
                #expect(try await daemon.stop() == 0)
            }
            try await host.server.drop("reload one")
            try await host.server.drop("reload two")
        }
    }

    @Test func `a broken schedule at the start is 78, with every fault`() async throws {
        try await withHost { host in
            try host.write("\"a\": {\"calendar\": \"never\"}, \"-b\": {\(Self.daily)}")
            let said = try await host.call("daemon")
            #expect(said.status == 78)
            #expect(said.error.contains("2 faults") && said.error.contains("$.databases.a.calendar"), "\(said.error)")
        }
    }

    @Test func `it goes on when nobody reads what it says any more`() async throws {
        try await withHost { host in
            try await host.server.create("unheard")
            try host.write("\"unheard\": {\(Self.daily)}")
            // The reader of the pipe ends at once; the daemon's first words are written to nobody.
            let said = try await run(
                "/bin/bash",
                [
                    "-c",
                    """
                    "$0" daemon 2> >(exec true) & daemon=$!
                    for round in $(seq 300); do
                        [ -n "$(find "$1" -name '*.json' 2> /dev/null)" ] && break
                        sleep 0.1
                    done
                    kill $daemon; wait $daemon
                    """, TestHost.binary, host.storage,
                ], environment: ["ARCHON_BACKUPD_CONFIG": host.config])
            #expect(said.status == 0, "\(said.error)")
            #expect(try host.files().count == 3)
            try await host.server.drop("unheard")
        }
    }

    @Test func `one daemon for one catalog`() async throws {
        try await withHost { host in
            try host.write("\"nothing\": {\(Self.daily), \"enabled\": false}")
            try await host.withDaemon { daemon in
                let second = try await host.call("daemon")
                #expect(
                    second.status == 75 && second.error.contains("another archon-backupd daemon"), "\(second.error)")
                let rebuild = try await host.call("rebuild-catalog")
                #expect(rebuild.status == 75 && rebuild.error.contains("Stop it first"), "\(rebuild.error)")
                #expect(try await daemon.stop() == 0)
            }
        }
    }

    @Test func `a dump that is nearly done is let finish, any other is interrupted and made up for`() async throws {
        try await withHost { host in
            try await host.server.create("stopped", "create table t as select generate_series(1, 100) g")
            let mark = "\(host.folder)/mark"
            func write(sleep: Int) throws {
                let hook = "\"hooks\": {\"before\": [\"/bin/sh\", \"-c\", \"touch \(mark); sleep \(sleep)\"]}"
                try host.write("\"stopped\": {\"calendar\": \"*:*:*\", \(hook)}")
            }
            func marked() -> Bool { FileManager.default.fileExists(atPath: mark) }
            // Nothing is known of how long it takes: interrupted at once.
            try write(sleep: 600)
            try await host.withDaemon { daemon in
                try await until("the run has begun") { marked() }
                #expect(try await daemon.stop() == 0)
                #expect(daemon.lines(with: "stopped: run interrupted").count == 1)
            }
            #expect(try await host.history().map(\.outcome) == ["interrupted"])
            #expect(try host.files().isEmpty)
            // It is made up for at the next start; then its duration is known.
            try write(sleep: 2)
            try await host.withDaemon { daemon in
                try await daemon.says("stopped: backup_stopped_")
                try FileManager.default.removeItem(atPath: mark)
                try await until("another run has begun") { marked() }
                #expect(try await daemon.stop() == 0)
                #expect(daemon.notify.messages.contains { $0.hasPrefix("EXTEND_TIMEOUT_USEC=") })
                #expect(daemon.notify.statuses.last == "stopping, waiting for stopped")
                #expect(daemon.lines(with: "interrupted").isEmpty)
            }
            #expect(try await host.history().map(\.outcome).suffix(1) == ["succeeded"])
            let partials = try await run("find", [host.storage, "-name", ".partial*"])
            #expect(partials.output.isEmpty)
            try await host.server.drop("stopped")
        }
    }

    @Test func `a job that waits for another process is told of once, with who that is`() async throws {
        try await withHost { host in
            try await host.server.create("waiting", "create table t (id int)")
            try host.write("\"waiting\": {\(VerbTests.often)}")
            var lock: JobLock? = try JobLock.take("waiting", root: host.storage)
            try await host.withDaemon(clock: instant("2026-11-24T00:30:00Z")) { daemon in
                let told = "waiting is due and waits: another process works on waiting (pid \(getpid()))"
                try await daemon.says(told)
                // A reload tries again at once.
                for _ in 1...3 { try await daemon.reload() }
                withExtendedLifetime(lock) {}
                lock = nil
                try await daemon.reload()
                try await daemon.says("waiting: backup_waiting_")
                #expect(daemon.lines(with: told).count == 1, "\(daemon.running.said)")
                #expect(try await daemon.stop() == 0)
            }
            try await host.server.drop("waiting")
        }
    }
}
