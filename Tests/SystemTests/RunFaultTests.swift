import BackupCore
import Foundation
import TestSupport
import Testing

/// Runs that something stands in the way of: what is said, what is left, and that the others go on.
@Suite struct RunFaultTests {
    private static let often = #""calendar": "*-*-* 02:00:00""#

    private func backends(_ host: TestHost, job: String) async throws -> String {
        try await host.server.psql(
            "postgres", "select count(*) from pg_stat_activity where application_name = 'archon-backupd/\(job)'")
    }

    /// Holds an exclusive lock on table `t` of a database, as a migration does, until the body has ended.
    private func withMigration(_ host: TestHost, _ database: String, _ body: () async throws -> Void) async throws {
        // Sent as one, so that the server shows the whole as the query.
        let statement =
            "set application_name = 'migration'; begin \\; alter table t add column more int \\; select pg_sleep(600);"
        let migration = Task { _ = try await host.server.psql(database, statement) }
        defer { migration.cancel() }
        let question =
            "select count(*) from pg_stat_activity where application_name = 'migration' and wait_event = 'PgSleep' and datname = '\(database)'"
        try await until("the migration holds its lock") { try await host.server.psql("postgres", question) == "1" }
        try await body()
        try await host.server.psql(
            "postgres",
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'migration' and datname = '\(database)'"
        )
    }

    @Test func `a lock that a migration holds is waited for so long, and its holder is named`() async throws {
        try await withHost { host in
            try await host.server.create("locked", "create table t (id int)")
            try host.write("\"locked\": {\(Self.often), \"lockTimeout\": \"2s\"}")
            try await withMigration(host, "locked") {
                let said = try await host.call("backup", "locked")
                #expect(said.status == 1)
                #expect(said.error.contains("pg_dump waited 2s for a lock in locked"), "\(said.error)")
                #expect(
                    said.error.contains("in the way: pid ") && said.error.contains("user postgres"), "\(said.error)")
                #expect(said.error.contains("alter table t add column more int"), "\(said.error)")
                #expect(try host.files().isEmpty)
                #expect(try await backends(host, job: "locked") == "0")
            }
            #expect(try await host.call("backup", "locked").status == 0)
            try await host.server.drop("locked")
        }
    }

    @Test func `a run that takes too long is ended, here and on the server`() async throws {
        try await withHost { host in
            try await host.server.create("slow", "create table t (id int)")
            try host.write("\"slow\": {\(Self.often), \"timeout\": \"3s\", \"lockTimeout\": \"10min\"}")
            try await withMigration(host, "slow") {
                let said = try await host.call("backup", "slow")
                #expect(said.status == 1)
                #expect(said.error.contains("longer than its timeout of 3s"), "\(said.error)")
                #expect(try await backends(host, job: "slow") == "0")
                let children = try await run("pgrep", ["-f", "application_name=archon-backupd/slow"])
                #expect(children.output.isEmpty, "\(children.output)")
            }
            try await host.server.drop("slow")
        }
    }

    @Test func `an interrupted command ends its pg_dump, cleans up and says so`() async throws {
        try await withHost { host in
            try await host.server.create("control c", "create table t (id int)")
            try host.write("\"c\": {\"database\": \"control c\", \(Self.often), \"lockTimeout\": \"10min\"}")
            try await withMigration(host, "control c") {
                let running = try await host.start("backup", "c")
                try await until("pg_dump waits") { try await backends(host, job: "c") == "1" }
                running.signal(SIGTERM)
                #expect(try await running.end() == 128 + SIGTERM)
                #expect(running.said.contains("interrupted"))
                #expect(try await backends(host, job: "c") == "0")
                #expect(try await host.history().map(\.outcome) == ["interrupted"])
                let partials = try await run("find", [host.storage, "-name", ".partial*"])
                #expect(partials.output.isEmpty)
            }
            try await host.server.drop("control c")
        }
    }

    @Test func `a failure is tried again, and stops no other job`() async throws {
        try await withHost { host in
            try await host.server.create("fine", "create table t (id int)")
            try host.write(
                "\"absent\": {\(Self.often), \"retry\": {\"attempts\": 3, \"delay\": \"1s\"}}, \"fine\": {\(Self.often)}"
            )
            try await host.withDaemon { daemon in
                try await daemon.says("absent: run failed", times: 3)
                try await daemon.says("fine: backup_fine_")
                try await until("STATUS names the fault: \(daemon.notify.statuses)") {
                    daemon.notify.statuses.last?.hasPrefix("absent failing: the database absent does not exist") == true
                }
                #expect(try await daemon.stop() == 0)
            }
            let runs = try await host.history("absent")
            #expect(runs.map(\.attempt) == [1, 2, 3] && Set(runs.map(\.slot)).count == 1)
            let waits = zip(runs, runs.dropFirst()).map { $1.began.timeIntervalSince($0.ended ?? $0.began) }
            #expect(waits[0] >= 1 && waits[1] >= 2, "\(waits)")
            try await host.server.drop("fine")
        }
    }

    @Test func `a server that stops during a dump costs that attempt and nothing else`() async throws {
        try await withOwnServer { host in
            let server = host.server
            try await server.create("shaky", "create table t as select generate_series(1, 1000) g")
            try host.write(
                "\"shaky\": {\(Self.often), \"lockTimeout\": \"10min\", \"retry\": {\"attempts\": 20, \"delay\": \"1s\"}}"
            )
            let migration = Task { try await server.psql("shaky", "begin; lock t; select pg_sleep(600)") }
            defer { migration.cancel() }
            try await until("the table is locked") {
                try await server.psql(
                    "postgres",
                    "select count(*) from pg_locks where mode = 'AccessExclusiveLock' and relation::text like '1%'")
                    != "0"
            }
            try await host.withDaemon { daemon in
                try await until("pg_dump waits") { try await backends(host, job: "shaky") == "1" }
                try await server.stop()
                try await daemon.says("shaky: run failed")
                #expect(daemon.running.said.contains("server closed the connection"), "\(daemon.running.said)")
                try await server.start()
                try await daemon.says("shaky: backup_shaky_")
                #expect(try await daemon.stop() == 0)
            }
            #expect(try await host.history().last?.outcome == "succeeded")
            #expect(try await host.call("verify", "shaky").status == 0)
        }
    }

    @Test func `a server works on so many dumps at once as it may, and the host too`() async throws {
        try await withHost { host in
            let jobs = (1...4).map { "wide\($0)" }
            for job in jobs { try await host.server.create(job) }
            let hook = "\"hooks\": {\"before\": [\"/bin/sleep\", \"1\"]}"
            let databases = jobs.map { "\"\($0)\": {\(Self.often), \(hook)}" }.joined(separator: ", ")
            for (top, most) in [("", 2), ("\"concurrency\": 1,", 1)] {
                for folder in ["\(host.folder)/state", host.storage] {
                    try? FileManager.default.removeItem(atPath: folder)  // not there the first time
                }
                try host.write(databases, top: top)
                try await host.withDaemon { daemon in
                    try await daemon.says("read back in full", times: 4)
                    #expect(try await daemon.stop() == 0)
                }
                let runs = try await host.history().filter { $0.slot != nil }
                let together = runs.map { run in
                    runs.count { $0.began <= run.began && run.began < $0.ended ?? .distantFuture }
                }
                #expect(together.max() == most, "\(together)")
            }
            for job in jobs { try await host.server.drop(job) }
        }
    }

    @Test func `a job with a pattern that matches nothing fails, naming it`() async throws {
        try await withHost { host in
            try await host.server.create(
                "patterns",
                "create table cache_a (id int); create table kept (id int); insert into kept values (1); select lo_create(0)"
            )
            try host.write("\"patterns\": {\(Self.often), \"excludeTables\": [\"public.cache_*\", \"public.cahce_*\"]}")
            let said = try await host.call("backup", "patterns")
            #expect(
                said.status == 1 && said.error.contains("\"public.cahce_*\"")
                    && !said.error.contains("\"public.cache_*\""), "\(said.error)")
            #expect(try await host.call("check", "--connect").error.contains("cahce"))
            try host.write("\"patterns\": {\(Self.often), \"excludeTables\": [\"public.cache_*\"]}")
            #expect(try await host.call("backup", "patterns").status == 0)
            let shown = try await host.call("show", "patterns")
            #expect(shown.output.contains("public.kept") && !shown.output.contains("cache_a"))
            try host.write("\"patterns\": {\(Self.often), \"schemas\": [\"public\"]}")
            let partial = try await host.call("backup", "patterns")
            #expect(partial.status == 0 && partial.error.contains("leaves out the 1 large object"), "\(partial.error)")
            #expect(try await host.call("show", "patterns").output.contains("leaves out the 1 large object"))
            try await host.server.drop("patterns")
        }
    }

    @Test func `a question that the server refuses is a failure, not an interruption`() async throws {
        try await withOwnServer { host in
            try await host.server.create(
                "refused", "create table t (id int); revoke select on pg_catalog.pg_extension from public")
            try await host.server.psql("postgres", "create role limited login")
            try host.write("\"refused\": {\(Self.often), \"retry\": {\"attempts\": 2, \"delay\": \"1s\"}}")
            let text = try String(contentsOfFile: host.config, encoding: .utf8).replacing(
                "user=postgres", with: "user=limited")
            try Data(text.utf8).write(to: URL(fileURLWithPath: host.config))
            let said = try await host.call("backup", "refused")
            #expect(
                said.status == 1 && said.error.contains("permission denied for table pg_extension"), "\(said.error)")
            try await host.withDaemon { daemon in
                try await daemon.says("refused: run failed", times: 2)
                #expect(try await daemon.stop() == 0)
            }
            #expect(try await host.history().allSatisfy { $0.outcome == "failed" })
        }
    }

    @Test func `a terminal that goes away interrupts a command, unless nohup says otherwise`() async throws {
        try await withHost { host in
            try await host.server.create("hangup")
            let mark = "\(host.folder)/mark"
            try host.write(
                "\"hangup\": {\(Self.often), \"hooks\": {\"before\": [\"/bin/sh\", \"-c\", \"touch \(mark); sleep 2\"]}}"
            )
            for (prefix, outcome) in [("", "interrupted"), ("nohup ", "succeeded")] {
                let script =
                    "\(prefix)\"$0\" backup hangup & pid=$!; until [ -e \(mark) ]; do sleep 0.1; done; kill -HUP $pid; wait $pid"
                let said = try await run(
                    "/bin/bash", ["-c", script, TestHost.binary], environment: ["ARCHON_BACKUPD_CONFIG": host.config])
                #expect(said.status == (prefix.isEmpty ? 128 + SIGHUP : 0), "\(said.error)")
                #expect(try await host.history().last?.outcome == outcome)
                try FileManager.default.removeItem(atPath: mark)
            }
            try await host.server.drop("hangup")
        }
    }

    @Test func `row security that would hide rows, and rights that are missing, fail the run`() async throws {
        try await withHost { host in
            try await host.server.create(
                "hidden",
                "create table r (id int); insert into r values (1); alter table r enable row level security; alter table r force row level security"
            )
            try await host.server.psql("postgres", "create role hidden_reader login")
            try await host.server.psql("hidden", "grant select on r to hidden_reader")
            try host.write("\"hidden\": {\(Self.often)}")
            let text = try String(contentsOfFile: host.config, encoding: .utf8).replacing(
                "user=postgres", with: "user=hidden_reader")
            try Data(text.utf8).write(to: URL(fileURLWithPath: host.config))
            let refused = try await host.call("backup", "hidden")
            #expect(refused.status == 1 && refused.error.contains("row-level security"), "\(refused.error)")
            try await host.server.psql("postgres", "alter role hidden_reader bypassrls")
            let said = try await host.call("backup", "hidden")
            #expect(said.status == 0, "\(said.error)")
            #expect(try await host.call("show", "hidden").output.contains("roles were dumped without their passwords"))
            // No right but a superuser's reads what others keep as large objects.
            try await host.server.psql(
                "hidden", "select lo_from_bytea(0, 'x'); grant pg_read_all_data to hidden_reader")
            let unread = try await host.call("backup", "hidden")
            #expect(
                unread.status == 1 && unread.error.contains("permission denied for large object"), "\(unread.error)")
            #expect(unread.error.contains("hint: Dump as a superuser"), "\(unread.error)")
            try await host.server.drop("hidden")
            try await host.server.psql("postgres", "drop role hidden_reader")
        }
    }
}
