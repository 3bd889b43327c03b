import Foundation
import TestSupport
import Testing

/// What `isolate` must not lose, nor say that it has not.
@Suite struct IsolateSafetyTests {
    private func refused(_ stage: IsolationStage, _ message: String) async throws {
        let before = try await stage.fingerprints()
        let said = try await stage.isolate("--yes")
        #expect(said.status == 1 && said.error.contains(message), "\(message) in \(said.error)")
        #expect(try await stage.fingerprints() == before && (try stage.host.files()).isEmpty)
    }

    @Test func `the tables come back also when the target is gone`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "goner")
            let before = try await host.server.fingerprint(stage.shared)
            let done = try await stage.isolate("--yes")
            #expect(done.status == 0, "\(done.error)")
            try await host.server.drop(stage.own)
            let shown = try await stage.isolate("--undo")
            #expect(shown.status == 0 && shown.output.contains("DROP SCHEMA"), "\(shown.error)")
            let back = try await stage.isolate("--undo", "--yes")
            #expect(back.status == 0, "\(back.error)")
            #expect(try await host.server.fingerprint(stage.shared) == before)
            try await host.server.drop(stage.shared)
        }
    }

    /// A COMMIT after such a statement takes its time.
    private func slow(_ stage: IsolationStage, _ database: String, _ tag: String) async throws {
        try await stage.host.server.psql(
            database,
            """
            create table beats (n int);
            create function beat() returns event_trigger language plpgsql as
              $$ begin
                if current_query() not like '%DO %' then
                  set constraints all deferred; insert into public.beats values (1);
                end if;
              end $$;
            create function rest() returns trigger language plpgsql as
              $$ begin perform pg_sleep(600); return null; end $$;
            create constraint trigger rest after insert on beats deferrable initially deferred
              for each row execute function rest();
            create event trigger beat on ddl_command_end when tag in ('\(tag)') execute function beat()
            """)
    }

    /// The connection breaks while the server commits; what stands then is asked by the same command.
    private func loseCommit(_ stage: IsolationStage, _ database: String, undoing: Bool = false) async throws
        -> String
    {
        let running =
            undoing
            ? try await stage.host.start("isolate", stage.plan, "--undo", "--yes")
            : try await stage.host.start("isolate", stage.plan, "--yes")
        let waits = "datname = '\(database)' and query like '%COMMIT%' and wait_event = 'PgSleep'"
        try await until("a COMMIT takes its time in \(database): \(running.said)") {
            try #require(!running.hasEnded, "\(running.said)")
            return try await stage.host.server.psql(
                "postgres", "select count(*) from pg_stat_activity where \(waits)") == "1"
        }
        try await stage.host.server.psql(
            "postgres", "select pg_terminate_backend(pid, 10000) from pg_stat_activity where \(waits)")
        #expect([1, 69].contains(try await running.end()), "\(running.said)")
        try await stage.host.server.psql(
            database, "drop event trigger beat; drop function beat; drop table beats; drop function rest")
        return running.said
    }

    @Test func `a connection lost at COMMIT: nobody says that nothing was done`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "lost")
            let rows = try await stage.rows(stage.shared)
            let before = try await host.server.fingerprint(stage.shared)
            for (database, tag, step) in [
                (stage.own, "CREATE TABLE", "step 2 of 6"), (stage.own, "COMMENT", "step 3 of 6"),
                (stage.shared, "CREATE SCHEMA", "step 5 of 6"),
            ] {
                try await slow(stage, database, tag)
                let said = try await loseCommit(stage, database)
                #expect(said.contains(step) && said.contains("whether it was done is not known"), "\(said)")
                #expect(!said.contains("as they were") && said.contains("the same command"), "\(said)")
            }
            let done = try await stage.isolate("--yes")
            #expect(done.status == 0, "\(done.error)")
            #expect(try await stage.rows(stage.own) == rows)
            try await slow(stage, stage.shared, "COMMENT")
            try await host.server.psql(
                stage.shared,
                "drop event trigger beat; create event trigger beat on sql_drop execute function beat()")
            let said = try await loseCommit(stage, stage.shared, undoing: true)
            #expect(said.contains("whether it was done is not known"), "\(said)")
            #expect(!said.contains("othing has changed"), "\(said)")
            let back = try await stage.isolate("--undo", "--yes")
            #expect(back.status == 0, "\(back.error)")
            #expect(try await host.server.fingerprint(stage.shared) == before)
            try await stage.clean()
        }
    }

    @Test func `a column that only the source computes is no empty one in the target`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "computed")
            try await host.server.psql(
                stage.own,
                IsolationStage.schema + "alter table app_tasks alter size drop expression")
            try stage.writePlan(#""targetRows": "overwrite""#)
            let before = try await stage.fingerprints()
            let refused = try await stage.isolate("--yes")
            #expect(refused.status == 1, "\(refused.error)")
            #expect(
                refused.error.contains("size of public.app_tasks is generated in \(stage.shared)"), "\(refused.error)")
            #expect(try await stage.fingerprints() == before)
            try await stage.clean()
        }
    }

    @Test func `a sequence that counts down goes on where it was`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "down")
            let more = """
                CREATE SEQUENCE IF NOT EXISTS app_down INCREMENT -1;
                ALTER TABLE app_settings ADD COLUMN IF NOT EXISTS n int DEFAULT nextval('app_down');

                """
            try Data((IsolationStage.schema + more).utf8).write(to: URL(fileURLWithPath: "\(host.folder)/app.sql"))
            try await host.server.psql(stage.shared, more + "select nextval('app_down')")
            let done = try await stage.isolate("--yes")
            #expect(done.status == 0, "\(done.error)")
            #expect(
                try await host.server.psql(stage.own, "select nextval('app_down')")
                    == host.server.psql(stage.shared, "select nextval('app_down')"))
            try await stage.clean()
        }
    }

    @Test func `what goes on writing into the archive is refused, unless the plan allows it`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "through")
            let server = host.server
            try await server.psql(stage.shared, "create view task_view as select id, body from app_tasks")
            try await refused(stage, "task_view may write through to public.app_tasks")
            try await server.psql(
                stage.shared,
                """
                drop view task_view; create view task_view as select id, count(*) from app_tasks group by id;
                create rule counted as on insert to others do also insert into app_settings values (new.id, 'counted')
                """)
            try await refused(stage, "counted of public.others may write through to public.app_settings")
            try await server.psql(
                stage.shared,
                """
                drop rule counted on others; alter table app_tasks add other int references others on delete cascade
                """)
            try await refused(
                stage, "app_tasks_other_fkey to public.others, ON DELETE CASCADE, would change rows of public.app_tasks"
            )
            try await server.psql(
                stage.shared,
                """
                alter table app_tasks drop constraint app_tasks_other_fkey,
                  add foreign key (other) references others on update set null;
                create view other_view as select key from app_settings
                """)
            try await refused(
                stage, "app_tasks_other_fkey to public.others, ON UPDATE SET NULL, would change rows")
            try stage.writePlan(
                #""targetRows": "overwrite", "allowForeignKeys": true, "allowViews": true"#)
            try await server.psql(stage.own, IsolationStage.schema + "alter table app_tasks add other int")
            let done = try await stage.isolate("--yes")
            #expect(done.status == 0, "\(done.error)")
            try await stage.clean()
        }
    }

    @Test func `a subscription that fills a table, and large objects, are refused`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "filled")
            let server = host.server
            try await server.psql(
                stage.shared,
                """
                set client_min_messages = error;
                create subscription feed connection 'dbname=nowhere' publication p with (connect = false);
                set allow_system_table_mods = on;
                insert into pg_subscription_rel
                  select oid, 'app_tasks'::regclass, 'r' from pg_subscription where subname = 'feed'
                """)
            try await refused(stage, "the subscription feed fills public.app_tasks")
            try await server.psql(
                stage.shared,
                "set client_min_messages = error; alter subscription feed set (slot_name = none)")
            try await server.psql(stage.shared, "drop subscription feed")
            try await server.psql(
                stage.shared,
                "alter table app_settings add picture oid; select lo_create(4711); insert into app_settings values ('p', '', 4711)"
            )
            try await refused(stage, "picture of public.app_settings numbers large objects")
            // Numbers alone are none.
            try await server.psql(stage.shared, "select lo_unlink(4711)")
            try await server.psql(stage.own, IsolationStage.schema + "alter table app_settings add picture oid")
            try stage.writePlan(#""targetRows": "overwrite""#)
            let done = try await stage.isolate("--yes")
            #expect(done.status == 0, "\(done.error)")
            try await stage.clean()
        }
    }
}
