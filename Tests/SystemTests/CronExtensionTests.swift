import BackupCore
import Foundation
import TestSupport
import Testing

/// A database with jobs of pg_cron, which makes itself only in the one that the server's settings name.
@Suite struct CronExtensionTests {
    private static let loaded = "-c shared_preload_libraries=pg_cron -c cron.database_name=jobs"

    private func write(_ host: TestHost, drill: String = "") throws {
        try host.write("\"jobs\": {\(VerbTests.often), \"proof\": \"source-content\"\(drill)}")
    }

    private func withJobs(_ body: (TestHost) async throws -> Void) async throws {
        try await withOwnServer(options: Self.loaded) { host in
            try await host.server.create(
                "jobs",
                """
                create extension pg_cron; create table t as select g from generate_series(1, 100) g; create role worker;
                select cron.schedule('0 3 1 1 *', 'select 1'); select cron.schedule('nightly', '0 4 1 1 *', $$delete from t$$);
                grant usage on schema cron to worker; grant select on cron.job to worker; create index on t (g)
                """)
            try write(host)
            let made = try await host.call("backup", "jobs")
            try #require(made.status == 0, "\(made.error)")
            try await body(host)
        }
    }

    private static let cron = "select jobid, schedule, command, jobname from cron.job order by 1"

    @Test func `it is restored with its jobs under its own name, and drilled without them`() async throws {
        try await withJobs { host in
            for drill in ["", ", \"drill\": {\"on\": \"scratch\"}"] {
                try write(host, drill: drill)
                let drilled = try await host.call("drill", "jobs")
                #expect(drilled.status == 0 && drilled.output.contains("note: without pg_cron"), "\(drilled)")
            }
            let blast = try await host.call("blast-drill", "jobs")
            #expect(blast.status == 0, "\(blast.error)")
            let (before, jobs) = (
                try await host.server.fingerprint("jobs"), try await host.server.psql("jobs", Self.cron)
            )

            let replaced = try await host.call("restore", "jobs", "--replace", "--yes")
            #expect(replaced.status == 0 && !replaced.output.contains("note:"), "\(replaced)")
            #expect(try await host.server.fingerprint("jobs") == before)
            #expect(try await host.server.psql("jobs", Self.cron) == jobs)
            // The next job has a number that none has.
            #expect(try await host.server.psql("jobs", "select cron.schedule('1 1 1 1 *', 'select 2')") == "3")

            try await host.server.drop("jobs")
            let back = try await host.call("restore", "jobs")
            #expect(back.status == 0, "\(back.error)")
            #expect(try await host.server.fingerprint("jobs") == before)
        }
    }

    @Test func `a copy under another name has all but the jobs, which would act twice`() async throws {
        try await withJobs { host in
            let copy = try await host.call("restore", "jobs", "--into", "copy")
            #expect(copy.status == 0, "\(copy.error)")
            #expect(
                copy.output.contains(
                    "note: pg_cron and all of its schema cron, with 2 rows in cron.job, is not in copy: it lives in jobs alone"
                ),
                "\(copy.output)")
            #expect(
                try await host.server.psql("copy", "select count(*) from t; select count(*) from pg_extension")
                    == "100\n1")
            let table = try await host.call("restore", "jobs", "--table", "t")
            #expect(table.status == 0, "\(table.error)")
        }
    }

    @Test func `a server that has not loaded it is told before anything is done`() async throws {
        try await withJobs { host in
            let plain = try await ScratchServer.begin()
            defer { plain.end() }
            let there = TestHost(folder: host.folder, server: plain)
            try write(there)
            let refused = try await there.call("restore", "jobs")
            #expect(refused.status == 69 && refused.error.contains("shared_preload_libraries"), "\(refused.error)")
            #expect(
                try await plain.psql("postgres", "select count(*) from pg_database where datname ~ 'jobs|archon'")
                    == "0")
            // Of an adopted dump too, whose manifest names no extensions.
            let file = "\(host.folder)/backup_jobs_20260101_020000.dump"
            let dumped = try await run(
                "\(host.server.bin)/pg_dump", ["-Fc", "-f", file, "-d", "\(host.server.connection) dbname=jobs"])
            try #require(dumped.status == 0, "\(dumped.error)")
            let adopted = try #require(try await there.call("adopt", "jobs", file).lines.last)
            let old = try await there.call("restore", "jobs", "--dump", adopted)
            #expect(old.status == 69 && old.error.contains("shared_preload_libraries"), "\(old.error)")
            let copy = try await there.call("restore", "jobs", "--into", "copy")
            #expect(copy.status == 0 && copy.output.contains("the server has not loaded it"), "\(copy)")
        }
    }

    @Test func `what stands in the way of the extension alone leaves the rest in its place, and says so`() async throws
    {
        try await withJobs { host in
            // Of the restored database nobody may make extensions but an event trigger that refuses.
            try await host.server.psql(
                "jobs",
                """
                create function refuse() returns event_trigger language plpgsql as $$ begin raise 'not today'; end $$;
                create event trigger refuse on ddl_command_start when tag in ('CREATE EXTENSION') execute function refuse()
                """)
            #expect(try await host.call("backup", "jobs").status == 0)
            let said = try await host.call("restore", "jobs", "--replace", "--yes")
            #expect(
                said.status == 1
                    && said.error.contains(
                        "jobs is restored and in its place, but not its extension pg_cron, with 2 rows"),
                "\(said.error)")
            #expect(said.error.contains("not today") && said.error.contains("is kept as jobs_before_"), "\(said.error)")
            #expect(try await host.server.psql("jobs", "select count(*) from t") == "100")
        }
    }

    @Test func `a new server that has loaded it gets postgres back, by this program and by the runbook`() async throws {
        let options = "-c shared_preload_libraries=pg_cron"
        try await withOwnServer(options: options) { host in
            try await host.server.psql(
                "postgres",
                "create extension pg_cron; create table t as select 1 n; select cron.schedule('0 3 1 1 *', 'select 1')")
            try host.write("\"postgres\": {\(VerbTests.often)}")
            #expect(try await host.call("backup", "postgres").status == 0)
            let before = try await host.server.fingerprint("postgres")
            for way in ["restore-server", "runbook"] {
                let new = try await ScratchServer.begin(options: options)
                defer { new.end() }
                var there = host
                there.servers = "\"scratch\": {\"connection\": \"\(new.connection)\"}"
                try there.write("\"postgres\": {\(VerbTests.often)}")
                if way == "runbook" {
                    let stock = try FollowedRunbook(try await there.call("runbook").output)
                        .blocks(after: "### `postgres`").filter { $0.contains("createdb") }
                    let followed = try await FollowedRunbook.bash(there, try #require(stock.first))
                    #expect(followed.status == 0, "\(followed.error)")
                } else {
                    let said = try await there.call("restore-server", "scratch", "--from", "latest")
                    #expect(said.status == 0, "\(said)")
                }
                #expect(try await new.fingerprint("postgres") == before, "\(way)")
                #expect(try await new.psql("postgres", Self.cron) == "1|0 3 1 1 *|select 1|", "\(way)")
            }
        }
    }
}
