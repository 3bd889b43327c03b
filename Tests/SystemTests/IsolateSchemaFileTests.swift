import BackupCore
import Foundation
import TestSupport
import Testing

/// Step 2: what the schema file's psql meets, and what is said of it.
@Suite struct IsolateSchemaFileTests {
    private func write(_ schema: String, _ host: TestHost) throws {
        try Data(schema.utf8).write(to: URL(fileURLWithPath: "\(host.folder)/app.sql"))
    }

    @Test func `limits of the database, or those that the file sets, do not end it`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "limited")
            let rows = try await stage.rows(stage.shared)
            try await host.server.psql(
                "postgres",
                """
                alter database "\(stage.own)" set statement_timeout = '4s';
                alter database "\(stage.own)" set idle_in_transaction_session_timeout = '4s';
                alter database "\(stage.own)" set default_transaction_read_only = on;
                """)
            try write("select pg_sleep(5);\n" + IsolationStage.schema + "set statement_timeout = 1;\n", host)
            let done = try await stage.isolate("--yes")
            #expect(done.status == 0, "\(done.error)")
            #expect(try await stage.rows(stage.own) == rows)
            try await stage.clean()
        }
    }

    @Test(arguments: ["", "SET lock_timeout = 0;\n"])
    func `it waits for a lock as long as the plan says, whatever the file says, and names who holds it`(first: String)
        async throws
    {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "patient \(first.utf8.count)")
            try await host.server.psql(stage.own, "create table held (id int)")
            try write(first + IsolationStage.schema + "alter table held add column if not exists more int;\n", host)
            try stage.writePlan(lockTimeout: "1s")
            let before = try await stage.fingerprints()
            let holder = try await LockHolder.begin(host.server, stage.own, "select count(*) from held")
            let locked = try await stage.isolate("--yes")
            #expect(locked.status == 1 && locked.error.contains("step 2 of 6"), "\(locked.error)")
            #expect(locked.error.contains("a lock in \(stage.own) was not given within 1s"), "\(locked.error)")
            #expect(locked.error.contains("it is held by pid") && locked.error.contains("pg_sleep"), "\(locked.error)")
            #expect(locked.error.contains("app.sql:\(first.isEmpty ? 14 : 15): "), "\(locked.error)")
            #expect(try await stage.fingerprints() == before)
            try await holder.release()
            let done = try await stage.isolate("--yes")
            #expect(done.status == 0, "\(done.error)")
            try await stage.clean()
        }
    }

    @Test func `the psql that a killed run has left behind is named`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "behind")
            let holder = try await LockHolder.begin(host.server, stage.own, "select pg_advisory_xact_lock(77)")
            let running = try await host.start("isolate", stage.plan, "--yes")
            try await stage.untilWaiting(stage.own, "pg_advisory_xact_lock(77)", running)
            running.signal(SIGKILL)
            #expect(try await running.end() == 137)
            try stage.writePlan(lockTimeout: "2s")
            let refused = try await stage.isolate("--yes")
            #expect(refused.status == 75 && refused.error.contains("step 2 of 6"), "\(refused.error)")
            let behind = try await host.server.psql(
                "postgres",
                "select pid from pg_stat_activity where datname = '\(stage.own)' and application_name = 'archon-backupd/isolate'"
            )
            #expect(
                refused.error.contains("psql of a run that was killed")
                    && refused.error.contains("pid \(behind), application archon-backupd/isolate")
                    && refused.error.contains("pg_terminate_backend(\(behind))"), "\(refused.error)")
            try await holder.release()
            try await until("that psql has ended") {
                try await host.server.psql(
                    "postgres", "select count(*) from pg_stat_activity where datname = '\(stage.own)'") == "0"
            }
            let done = try await stage.isolate("--yes")
            #expect(done.status == 0, "\(done.error)")
            try await stage.clean()
        }
    }

    @Test func `a fault at the end of the transaction is not laid on a line of the file`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "ended")
            try write(
                "create table p (id int primary key); create table d (id int references p deferrable initially deferred); insert into d values (1);",
                host)
            let before = try await stage.fingerprints()
            let said = try await stage.isolate("--yes")
            #expect(said.status == 1 && said.error.contains("step 2 of 6"), "\(said.error)")
            #expect(said.error.contains("after app.sql: ERROR:  insert or update on table \"d\""), "\(said.error)")
            #expect(!said.error.contains("app.sql:1") && !said.error.contains("stdin"), "\(said.error)")
            #expect(try await stage.fingerprints() == before)
            try await stage.clean()
        }
    }

    @Test(arguments: [
        "create table made (id int);", "create schema made;",
        "create function made() returns int language sql as 'select 1';",
        "create policy made on app_settings using (true);", "insert into app_settings values ('seed', '');",
    ])
    func `a file that cannot be applied twice is told what makes it one`(statement: String) async throws {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "twice \(statement.utf8.count)")
            try write(IsolationStage.schema + statement + "\n", host)
            // The row is there by the file itself.
            let there = statement.hasPrefix("insert") ? "" : statement
            try await host.server.psql(stage.own, IsolationStage.schema + there + "; truncate app_settings")
            let said = try await stage.isolate("--yes")
            #expect(said.status == 1 && said.error.contains("step 2 of 6"), "\(said.error)")
            #expect(said.error.contains("app.sql:14: ERROR"), "\(said.error)")
            #expect(said.error.contains("one that can be applied twice: IF NOT EXISTS"), "\(said.error)")
            try await stage.clean()
        }
    }

    @Test func `psql that cannot connect, and one whose connection is lost, are told apart by what it says`()
        async throws
    {
        try await withOwnServer { host in
            let script = try SchemaScript("select 1;\n", file: "app.sql")
            func psql(_ input: String) async throws -> Said {
                try await run(
                    "\(host.server.bin)/psql",
                    [
                        "-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose", "-f", "-", "-d",
                        host.server.connection,
                    ],
                    input: input)
            }
            let lost = try await psql("select 1;\nselect pg_terminate_backend(pg_backend_pid());\nselect 2;\n")
            #expect(lost.status == 2, "\(lost.error)")
            #expect(SchemaAnswer(lost.error, script: script, file: "app.sql").wasConnected, "\(lost.error)")
            try await host.server.stop()
            let none = try await psql("select 1;\n")
            #expect(none.status == 2, "\(none.error)")
            #expect(!SchemaAnswer(none.error, script: script, file: "app.sql").wasConnected, "\(none.error)")
        }
    }
}
