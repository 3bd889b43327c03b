import BackupCore
import Foundation
import TestSupport
import Testing

/// The same where PostgreSQL runs in a container without any published port.
@Suite(.withEngine) struct IsolateContainerTests {
    @Test func `tables move within a server in a container, rows and all`() async throws {
        try await withContainerHost("isolate") { host, box in
            try await box.create("shared", IsolationStage.schema + IsolationStage.rows)
            try await box.create("own")
            let stage = IsolationStage(host: host, shared: "shared", own: "own")
            try stage.writeSchedule()
            try stage.writePlan()
            let file = URL(fileURLWithPath: "\(host.folder)/app.sql")
            try Data((IsolationStage.schema + "select nonsense;\n").utf8).write(to: file)
            let question = ["app_projects", "app_settings", "app_tasks"].map {
                "select count(*), md5(string_agg(t::text, '|' order by t::text)) from \($0) t;"
            }.joined()
            let rows = try await box.sql("shared", question)
            let faulty = try await host.call("isolate", stage.plan, "--yes")
            #expect(faulty.status == 1 && faulty.error.contains("app.sql:14: ERROR"), "\(faulty.error)")
            #expect(try await box.sql("own", "select count(*) from pg_class where relname like 'app\\_%'") == "0")
            try Data(IsolationStage.schema.utf8).write(to: file)
            let done = try await host.call("isolate", stage.plan, "--yes")
            #expect(done.status == 0, "\(done.error)")
            #expect(try await box.sql("own", question) == rows)
            #expect(try await box.sql("own", "insert into app_tasks (body) values ('new') returning id") == "2001")
            #expect(
                try await box.sql(
                    "shared", "select count(*) from pg_tables where schemaname = 'archon_legacy_archive'") == "3")
            try await box.untilClean("after the move")
            let back = try await host.call("isolate", stage.plan, "--undo", "--yes")
            #expect(back.status == 0, "\(back.error)")
            #expect(try await box.sql("shared", question) == rows)
            // Killed while the schema file waits: nothing is left inside once psql has ended, and the next run goes on.
            try await box.sql("own", "drop table app_tasks")
            try await box.sql(
                "shared",
                "insert into app_settings select g::text, repeat(md5(g::text), 3000) from generate_series(1, 300) g")
            let full = try await box.sql("shared", question)
            // The target has been worked in.
            try stage.writePlan(#""targetRows": "overwrite""#)
            let lock = Task {
                try await box.sql(
                    "own",
                    "set application_name = 'holder'; begin \\; select pg_advisory_xact_lock(77) \\; select pg_sleep(600);"
                )
            }
            defer { lock.cancel() }
            func waiting(_ what: String) async throws -> Bool {
                try await box.sql(
                    "postgres",
                    "select count(*) from pg_stat_activity where query like '%lock(77)%' and \(what)") == "1"
            }
            try await until("the lock is held") { try await waiting("wait_event = 'PgSleep'") }
            let running = try await host.start("isolate", stage.plan, "--yes")
            try await until("the schema file waits") {
                try await waiting("wait_event_type = 'Lock' and application_name = 'archon-backupd/isolate'")
            }
            running.signal(SIGKILL)
            #expect(try await running.end() == 137)
            try await box.sql(
                "postgres",
                "select pg_terminate_backend(pid, 10000) from pg_stat_activity where application_name = 'holder'")
            try await box.untilClean("after kill -9")
            // A row that the target does not take, after the first megabytes, ends both sides.
            try await box.sql("own", IsolationStage.schema + "alter table app_settings add check (key <> '290')")
            let refused = try await host.call("isolate", stage.plan, "--yes")
            #expect(refused.status == 1 && refused.error.contains("step 3 of 6"), "\(refused.error)")
            #expect(refused.error.contains("app_settings_key_check"), "\(refused.error)")
            #expect(try await box.sql("own", "select count(*) from app_tasks") == "0")
            #expect(try await box.sql("shared", question) == full)
            try await box.sql("own", "alter table app_settings drop constraint app_settings_key_check")
            let last = try await host.call("isolate", stage.plan, "--yes")
            #expect(last.status == 0, "\(last.error)")
            #expect(try await box.sql("own", question) == full)
        }
    }
}
