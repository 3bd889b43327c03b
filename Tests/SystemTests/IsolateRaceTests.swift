import Foundation
import TestSupport
import Testing

/// Others use the tables while `isolate` works, or have used them in between.
@Suite struct IsolateRaceTests {
    /// Until such a statement waits for a lock.
    private func untilWaits(_ server: ScratchServer, _ database: String, _ statement: String) async throws {
        try await until("\(statement) waits in \(database)") {
            try await server.psql(
                "postgres",
                "select count(*) > 0 from pg_stat_activity where datname = '\(database)' and wait_event_type = 'Lock' and query like '%\(statement)%'"
            ) == "t"
        }
    }

    private static func planWithoutFile(_ stage: IsolationStage) throws {
        try Data(
            #"{"version": 1, "source": "shared", "target": "own", "tables": ["public.app_*"], "copyRows": true, "lockTimeout": "5min"}"#
                .utf8
        ).write(to: URL(fileURLWithPath: stage.plan))
    }

    @Test func `who queues for the target's tables does not make it wait for itself`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "queue")
            try await host.server.psql(stage.own, IsolationStage.schema + "truncate app_settings")
            try Self.planWithoutFile(stage)
            let rows = try await stage.rows(stage.shared)
            let writer = try await LockHolder.begin(
                host.server, stage.own, "lock table app_settings in row exclusive mode")
            let running = try await host.start("isolate", stage.plan, "--yes")
            try await stage.untilWaiting(stage.own, "SHARE ROW EXCLUSIVE", running)
            let migration = Task {
                try await host.server.psql(stage.own, "alter table app_settings add column extra int")
            }
            try await untilWaits(host.server, stage.own, "add column extra")
            try await writer.release()
            #expect(try await running.end() == 0, "\(running.said)")
            _ = try await migration.value
            #expect(try await host.server.psql(stage.own, "select count(extra) from app_settings") == "0")
            try await host.server.psql(stage.own, "alter table app_settings drop extra")
            #expect(try await stage.rows(stage.own) == rows)
            try await stage.clean()
        }
    }

    @Test func `rows that come while it waits for its locks are seen, whatever the database's isolation level is`()
        async throws
    {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "level")
            try await host.server.psql(stage.own, IsolationStage.schema + "truncate app_settings")
            try await host.server.psql(
                stage.own, "alter database \"\(stage.own)\" set default_transaction_isolation = 'serializable'")
            // Without a schema file: no rows but the source's.
            try Self.planWithoutFile(stage)
            let writer = Task {
                try await host.server.psql(
                    stage.own,
                    "set application_name = 'late'; begin; insert into app_settings values ('late', 'of the application'); select pg_sleep(600)"
                )
            }
            let isThere = "select pid from pg_stat_activity where application_name = 'late' and wait_event = 'PgSleep'"
            try await until("the row is written") { try await host.server.psql("postgres", isThere) != "" }
            let running = try await host.start("isolate", stage.plan, "--yes")
            try await stage.untilWaiting(stage.own, "SHARE ROW EXCLUSIVE", running)
            // pg_sleep is ended, and psql goes on to what commits.
            writer.cancel()
            try await host.server.psql(
                "postgres",
                "select pg_terminate_backend(pid, 10000) from pg_stat_activity where application_name = 'late'")
            _ = await writer.result
            #expect(try await running.end() == 0, "\(running.said)")
            try await stage.clean()
        }
    }

    @Test
    func `what the application has done in the target is found: other columns, emptied tables, a mark that is gone`()
        async throws
    {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "done")
            let more = "ALTER TABLE app_settings ADD COLUMN IF NOT EXISTS note text DEFAULT '';\n"
            try Data((IsolationStage.schema + more).utf8).write(to: URL(fileURLWithPath: "\(host.folder)/app.sql"))
            func again(_ change: String, _ message: String) async throws {
                try await host.server.psql(stage.own, change)
                let back = try await stage.isolate("--undo", "--yes")
                #expect(back.status == 0, "\(back.error)")
                try await host.server.psql(
                    stage.shared, "insert into app_settings values ('\(UInt32.random(in: 0 ... .max))')")
                let before = try await stage.fingerprints()
                let refused = try await stage.isolate("--yes")
                #expect(refused.status == 1 && refused.error.contains(message), "\(change): \(refused.error)")
                #expect(try await stage.fingerprints() == before)
                try stage.writePlan(#""targetRows": "overwrite""#)
                let done = try await stage.isolate("--yes")
                #expect(done.status == 0, "\(done.error)")
                try stage.writePlan()
            }
            let done = try await stage.isolate("--yes")
            #expect(done.status == 0, "\(done.error)")
            let left = "not as isolate has left them"
            try await again("update app_settings set note = 'of the application' where key = 'dot'", left)
            try await again("delete from app_settings", left)
            try await again("drop schema archon_backupd_isolate", "rows that isolate has not put there")
            try await stage.clean()
        }
    }

    @Test func `killed while the schema file is applied, it goes on with what that has put in`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "seeds")
            try await host.server.psql(stage.shared, "delete from app_settings where key = 'seed'")
            let rows = try await stage.rows(stage.shared)
            let holder = try await LockHolder.begin(host.server, stage.own, "select pg_advisory_xact_lock(77)")
            let running = try await host.start("isolate", stage.plan, "--yes")
            try await stage.untilWaiting(stage.own, "pg_advisory_xact_lock(77)", running)
            running.signal(SIGKILL)
            #expect(try await running.end() == 137)
            // Its psql has been told all of the file.
            try await holder.release()
            try await until("psql has ended") {
                try await host.server.psql(
                    "postgres", "select count(*) from pg_stat_activity where datname = '\(stage.own)'") == "0"
            }
            let done = try await stage.isolate("--yes")
            #expect(done.status == 0, "\(done.error)")
            #expect(try await stage.rows(stage.own) == rows)
            try await stage.clean()
        }
    }

    @Test func `a hook of the target's job that needs its tables does not wait for the copy`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "hooked")
            let script = """
                #!/bin/sh
                exec '\(host.server.bin)/psql' -q -h '\(host.server.folder)/pg' -U postgres -d '\(stage.own)' -c 'vacuum'
                """
            try Data(script.utf8).write(to: URL(fileURLWithPath: "\(host.folder)/hook"))
            try host.write(
                """
                "shared": {"database": "\(stage.shared)", \(VerbTests.often), "expect": {"tables": {"public.app_*": 0}}},
                "own": {"database": "\(stage.own)", \(VerbTests.often), "expect": {"tables": {"public.app_*": 3}},
                  "hooks": {"before": ["/bin/sh", "\(host.folder)/hook"], "timeout": "5min"}}
                """)
            let done = try await stage.isolate("--yes")
            #expect(done.status == 0, "\(done.error)")
            try await stage.clean()
        }
    }

    @Test func `ALTER TABLE on the source's tables during a backup waits, and the backup does not wait for it`()
        async throws
    {
        try await withHost { host in
            try await host.server.create(
                "altered",
                "create table a (v text); insert into a select repeat(md5(g::text), 30) from generate_series(1, 400000) g; create table b (id int)"
            )
            try host.write("\"altered\": {\(VerbTests.often), \"proof\": \"source-content\"}")
            let running = try await host.start("backup", "altered")
            // By pg_dump and beside it: all locks are taken before anybody reads.
            try await until("a is read twice") {
                try #require(!running.hasEnded, "\(running.said)")
                return try await host.server.psql(
                    "postgres",
                    "select count(*) = 2 from pg_stat_activity where datname = 'altered' and state = 'active' and query ~ '^COPY .?public.?[.].?a'"
                ) == "t"
            }
            let migration = Task { try await host.server.psql("altered", "alter table b add column more int") }
            #expect(try await running.end() == 0, "\(running.said)")
            _ = try await migration.value
            try await host.server.drop("altered")
        }
    }
}
