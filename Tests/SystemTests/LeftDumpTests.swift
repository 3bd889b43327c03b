import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

/// pg_dump waits, stopped, while it is too far ahead of those that compress. Killed in that moment we cannot let it go on.
@Suite struct LeftDumpTests {
    private func state(_ process: Int32) -> Substring? {
        let status = FileManager.default.contents(atPath: "/proc/\(process)/stat").map {
            String(decoding: $0, as: UTF8.self)
        }
        return status?.split(separator: ")").last?.split(separator: " ").first
    }

    private func hasEnded(_ process: Int32) -> Bool { state(process).map { $0 == "Z" || $0 == "X" } ?? true }

    private func write(_ host: TestHost, _ job: String, isEnabled: Bool = true) throws {
        try host.write(
            "\"\(job)\": {\(VerbTests.often), \"format\": \"directory\", \"jobs\": 2, \"enabled\": \(isEnabled)}")
    }

    /// What is like a left pg_dump and is none: of another folder, and of another name. Ended when the body ends.
    private func withOthers(_ host: TestHost, _ job: String, _ body: ([Int32]) async throws -> Void) async throws {
        let partial = ".partial-backup_\(job)_20261101T020000Z.dump"
        var others: [Int32] = []
        for (name, folder) in [
            ("pg_dump", host.folder), ("pg_dump", "\(host.storage)/gone"), ("cat", "\(host.storage)/\(job)"),
        ] {
            let script = "(exec -a \"$0\" bash -c 'sleep 400; :' bash \"--file=$1/$2\") > /dev/null 2>&1 & echo $!"
            let said = try await run("bash", ["-c", script, name, folder, partial])
            others.append(try #require(said.lines.first.flatMap { Int32($0) }, "\(said.error)"))
        }
        defer { for process in others { kill(process, SIGKILL) } }
        try await until("they have their names") {
            others.allSatisfy {
                let words = FileManager.default.contents(atPath: "/proc/\($0)/cmdline") ?? Data()
                return String(decoding: words, as: UTF8.self).contains("\0--file=")
            }
        }
        try await body(others)
    }

    /// Kills a run whose pg_dump is stopped. Hands over pg_dump and its workers.
    private func withStopped(_ host: TestHost, _ job: String, _ body: ([Int32]) async throws -> Void) async throws {
        try await host.server.create(
            job, "create table t as select g, md5(g::text) || md5((g + 1)::text) v from generate_series(1, 1500000) g"
        )
        try write(host, job)
        let running = try await host.start("backup", job)
        defer { running.signal(SIGKILL) }
        try await until("pg_dump writes a member: \(running.said)") {
            let found = try await run("find", [host.storage, "-name", "*.dat"])
            return !found.lines.isEmpty || running.hasEnded
        }
        let children = try await run("pgrep", ["-P", "\(running.pid)", "-f", "application_name=archon-backupd/\(job)"])
        let leader = try #require(children.lines.first.flatMap { Int32($0) }, "\(running.said)")
        defer { kill(-leader, SIGKILL) }
        #expect(kill(-leader, SIGSTOP) == 0)
        let said = try await run("pgrep", ["-s", "\(leader)"])
        let all = said.lines.compactMap { Int32($0) }
        try await until("all have stopped: \(all)") { all.allSatisfy { state($0) == "T" } }
        running.signal(SIGKILL)
        #expect(try await running.end() == 128 + SIGKILL)
        try await body(all)
        try await host.server.drop(job)
    }

    private func backends(_ host: TestHost, _ job: String) async throws -> String {
        try await host.server.psql(
            "postgres",
            "select count(*) from pg_stat_activity where application_name = 'archon-backupd/\(job)'")
    }

    @Test(arguments: [true, false])
    func `a pg_dump that was stopped when we were killed is ended by the next run, and by the next start`(byRun: Bool)
        async throws
    {
        let job = byRun ? "stopped_run" : "stopped_start"
        try await withHost { host in
            try await withStopped(host, job) { left in
                #expect(left.allSatisfy { state($0) == "T" } && left.contains { !hasEnded($0) })
                #expect(try await backends(host, job) != "0")
                try await withOthers(host, job) { others in
                    if byRun {
                        let said = try await host.call("backup", job)
                        #expect(said.status == 0, "\(said.error)")
                    } else {
                        try write(host, job, isEnabled: false)
                        try await host.withDaemon { daemon in
                            try await daemon.says("\(job): what a crash had left was put in order: pg_dump ")
                            #expect(try await daemon.stop() == 0)
                        }
                    }
                    #expect(left.allSatisfy(hasEnded), "\(left)")
                    #expect(!others.contains(where: hasEnded), "\(others)")
                }
                try await until("its backends have gone") { try await backends(host, job) == "0" }
                let partials = try await run("find", [host.storage, "-name", ".partial*"])
                #expect(partials.lines.isEmpty, "\(partials.lines)")
                #expect(try host.files().count { $0.hasSuffix(".json") } == (byRun ? 1 : 0))
            }
        }
    }

    @Test func `the pg_dump of a run that is going on is let be, though its lock was removed`() async throws {
        let job = "lock_removed"
        try await withHost { host in
            try await host.server.create(job, "create table t (id int)")
            try host.write("\"\(job)\": {\(VerbTests.often), \"lockTimeout\": \"10min\"}")
            let lock = Task { try await host.server.psql(job, "begin; lock t; select pg_sleep(600)") }
            defer { lock.cancel() }
            try await until("the table is locked") {
                try await host.server.psql(
                    "postgres",
                    "select count(*) from pg_stat_activity where datname = '\(job)' and wait_event = 'PgSleep'") == "1"
            }
            let running = try await host.start("backup", job)
            defer { running.signal(SIGKILL) }
            try await until("pg_dump waits") { try await backends(host, job) == "1" }
            let children = try await run("pgrep", ["-P", "\(running.pid)", "-f", "archon-backupd/\(job)"])
            let dump = try #require(children.lines.first.flatMap { Int32($0) }, "\(running.said)")
            try FileManager.default.removeItem(atPath: "\(host.storage)/\(job)/.lock")
            // What pg_dump makes when it begins to write.
            let partial = try #require(
                try FileManager.default.contentsOfDirectory(atPath: "\(host.storage)/\(job)").first {
                    $0.hasPrefix(".partial-")
                })
            #expect(partial.hasSuffix(".dump"))
            try write(host, job, isEnabled: false)
            try await host.withDaemon { daemon in
                try await daemon.says("\(job): what a crash had left was put in order: \(partial)")
                #expect(try await daemon.stop() == 0)
            }
            #expect(!hasEnded(dump) && !running.hasEnded)
            running.signal(SIGTERM)
            _ = try await running.end()
            try await host.server.psql(
                "postgres",
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = '\(job)' and pid <> pg_backend_pid()"
            )
            try await host.server.drop(job)
        }
    }
}
