import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

/// What stands on the disk after the program was killed at any instant: JobFolderTests says it step by step; here the
/// instants are random and everything is real.
@Suite struct CrashTests {
    @Test func `killed a hundred times at random instants, nothing wrong is listed and nothing is lost`() async throws {
        try await withOwnServer { host in
            let server = host.server
            try await server.create(
                "killed", "create table t as select g, md5(g::text) from generate_series(1, 2000) g")
            try host.write(
                "\"killed\": {\"calendar\": \"*:*:*\"}, \"killed too\": {\"database\": \"killed\", \"calendar\": \"*:*:*\", \"format\": \"directory\"}"
            )
            let schedule = try ScheduleFile.load(host.config)
            var random = SplitMix64(seed: 9)
            var known: [String: Manifest] = [:]
            for round in 1...100 {
                // From READY on, which comes before the sweep of what the last one left: a run needs time to end after it.
                let delay = Int.random(in: 0...1800, using: &random)
                try await host.withDaemon { daemon in
                    try await Task.sleep(for: .milliseconds(delay))
                    daemon.signal(SIGKILL)
                    _ = try await daemon.running.end()
                }
                var listed: [String: Manifest] = [:]
                for job in schedule.jobs {
                    for dump in try JobFolder(job: job, root: schedule.storage.root).list() {
                        guard let manifest = dump.manifest else { continue }  // not listed as good
                        listed[dump.path] = manifest
                        guard known[dump.path] == nil else { continue }
                        let digest = try await ArchiveDigest.take(dump.path)
                        #expect(digest.sha256 == manifest.sha256, "round \(round): \(dump.path)")
                        #expect(manifest.rows == ["public.t": 2000], "round \(round): \(dump.path)")
                    }
                }
                #expect(Set(known.keys).isSubset(of: listed.keys), "round \(round): a dump is lost")
                known = listed
            }
            #expect(known.count > 20, "\(known.count) dumps in 100 rounds")
            // The next start puts everything in order and goes on.
            try await host.withDaemon { daemon in
                try await daemon.says("killed: backup_killed_")
                try await daemon.says("killed too: backup_killed too_")
                #expect(try await daemon.stop() == 0)
            }
            let left = try await run("find", [host.storage, "-name", ".partial*"])
            #expect(left.output.isEmpty)
            let verify = try await host.call("verify", "--all", "--every")
            #expect(verify.status == 0 && verify.lines.count >= known.count + 2, "\(verify.error)")
            #expect(try await host.history().allSatisfy { $0.outcome != "running" })
        }
    }

    @Test func `a killed daemon's run is not shown as running, and its backend is ended by the next run`() async throws
    {
        try await withHost { host in
            try await host.server.create("left behind", "create table t (id int)")
            try host.write(
                "\"left\": {\"database\": \"left behind\", \"calendar\": \"*-*-* 02:00:00\", \"lockTimeout\": \"10min\"}"
            )
            let lock = Task { try await host.server.psql("left behind", "begin; lock t; select pg_sleep(600)") }
            defer { lock.cancel() }
            let backends = "select count(*) from pg_stat_activity where application_name = 'archon-backupd/left'"
            try await host.withDaemon { daemon in
                try await until("pg_dump waits") { try await host.server.psql("postgres", backends) == "1" }
                #expect(try await host.call("status").output.contains("running"))
                daemon.signal(SIGKILL)
                _ = try await daemon.running.end()
            }
            #expect(try await host.call("status").output.contains("running") == false)
            #expect(try await host.server.psql("postgres", backends) == "1")
            try await host.server.psql(
                "postgres",
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'left behind' and wait_event = 'PgSleep'"
            )
            #expect(try await host.call("backup", "left").status == 0)
            #expect(try await host.server.psql("postgres", backends) == "0")
            try await host.server.drop("left behind")
        }
    }
}
