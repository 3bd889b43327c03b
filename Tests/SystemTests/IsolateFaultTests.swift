import BackupCore
import Foundation
import TestSupport
import Testing

/// What stands when `isolate` fails or is killed, and how the next run goes on.
@Suite struct IsolateFaultTests {
    /// Kills a run that has come to where it waits, and lets go of what it waited for.
    private func kill(
        _ stage: IsolationStage, at database: String, _ statement: String, _ holders: [LockHolder],
        then between: ([LockHolder]) async throws -> [LockHolder] = { $0 }, _ last: (String, String)? = nil
    ) async throws {
        let running = try await stage.host.start("isolate", stage.plan, "--yes")
        try await stage.untilWaiting(database, statement, running)
        let holders = try await between(holders)
        if let last { try await stage.untilWaiting(last.0, last.1, running) }
        running.signal(SIGKILL)
        #expect(try await running.end() == 137, "\(running.said)")
        for holder in holders { try await holder.release() }
    }

    @Test func `killed between any two steps, the next run goes on`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "killed")
            let rows = try await stage.rows(stage.shared)
            let before = try await stage.fingerprints()
            func hold(_ database: String, _ statement: String) async throws -> LockHolder {
                try await LockHolder.begin(host.server, database, statement)
            }
            // After step 1: the schema file waits. What psql has been told it may still do, all of it.
            try await kill(
                stage, at: stage.own, "pg_advisory_xact_lock(77)",
                [try await hold(stage.own, "select pg_advisory_xact_lock(77)")])
            #expect(try await host.server.fingerprint(stage.shared) == before[0])
            try await until("the psql of the killed run has ended") {
                try await host.server.psql(
                    "postgres", "select count(*) from pg_stat_activity where datname = '\(stage.own)'") == "0"
            }
            // After step 2: the source's tables are written to.
            try await kill(
                stage, at: stage.shared, "IN SHARE MODE",
                [try await hold(stage.shared, "update app_settings set value = value where key = 'dot'")])
            #expect(try await host.server.fingerprint(stage.shared) == before[0])
            // In step 3: the target's tables are written to, and then, with what they hold dumped, somebody reads them.
            let seeded = try await host.server.fingerprint(stage.own)
            for (statement, holder) in [
                ("SHARE ROW EXCLUSIVE", "lock table app_settings in row exclusive mode"),
                ("TRUNCATE", "lock table app_settings in access share mode"),
            ] {
                try await kill(stage, at: stage.own, statement, [try await hold(stage.own, holder)])
                #expect(try await host.server.fingerprint(stage.own) == seeded)
            }
            // After step 3: first the target's tables are in use, then its extensions cannot be looked at.
            try await kill(
                stage, at: stage.own, "TRUNCATE",
                [try await hold(stage.own, "lock table app_settings in access share mode")],
                then: { holders in
                    let last = try await hold(stage.own, "lock table pg_extension in access exclusive mode")
                    for holder in holders { try await holder.release() }
                    return [last]
                }, (stage.own, "pg_extension"))
            #expect(try await host.server.fingerprint(stage.shared) == before[0])
            #expect(try await stage.rows(stage.own) == rows)
            // After step 4: somebody reads an old table.
            let reading = "select count(*) from app_tasks"
            try await kill(stage, at: stage.shared, "SET SCHEMA", [try await hold(stage.shared, reading)])
            #expect(try await host.server.fingerprint(stage.shared) == before[0])
            // After step 5.
            try await kill(
                stage, at: stage.shared, "SET SCHEMA", [try await hold(stage.shared, reading)],
                then: { holders in
                    let last = try await hold(stage.shared, "lock table pg_extension in access exclusive mode")
                    for holder in holders { try await holder.release() }
                    return [last]
                }, (stage.shared, "pg_extension"))
            #expect(try await stage.rows(stage.shared, schema: "archon_legacy_archive") == rows)
            let moved = try await stage.fingerprints()
            let last = try await stage.isolate("--yes")
            #expect(last.status == 0 && last.output.contains("already"), "\(last.error)")
            #expect(try await stage.fingerprints() == moved)
            #expect(try await stage.rows(stage.own) == rows)
            try await stage.clean()
        }
    }

    @Test func `a lock that is held, an error in the schema file, an expectation: each step leaves all as before it`()
        async throws
    {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "failing")
            let rows = try await stage.rows(stage.shared)
            let before = try await stage.fingerprints()
            let file = URL(fileURLWithPath: "\(host.folder)/app.sql")
            try Data((IsolationStage.schema + "create table app_more (id nonsense);\n").utf8).write(to: file)
            let faulty = try await stage.isolate("--yes")
            #expect(faulty.status == 1 && faulty.error.contains("step 2 of 6"), "\(faulty.error)")
            #expect(
                faulty.error.contains("app.sql:14: ERROR:  type \"nonsense\" does not exist"), "\(faulty.error)")
            #expect(faulty.error.contains("the same command goes on"))
            #expect(try await stage.fingerprints() == before)

            try Data(IsolationStage.schema.utf8).write(to: file)
            try stage.writeSchedule(tables: 4)
            let unmet = try await stage.isolate("--yes")
            #expect(unmet.status == 1 && unmet.error.contains("step 4 of 6"), "\(unmet.error)")
            #expect(unmet.error.contains("3 tables public.app_* where 4 are expected"), "\(unmet.error)")
            #expect(try await host.server.fingerprint(stage.shared) == before[0])
            #expect(try await stage.rows(stage.own) == rows)

            try stage.writeSchedule()
            try stage.writePlan(lockTimeout: "1s")
            let filled = try await host.server.fingerprint(stage.own)
            let reader = try await LockHolder.begin(host.server, stage.shared, "select count(*) from app_tasks")
            let locked = try await stage.isolate("--yes")
            #expect(locked.status == 1 && locked.error.contains("step 5 of 6"), "\(locked.error)")
            #expect(locked.error.contains("it is held by pid") && locked.error.contains("pg_sleep"), "\(locked.error)")
            try await reader.release()
            #expect(try await stage.fingerprints() == [before[0], filled])

            let done = try await stage.isolate("--yes")
            #expect(done.status == 0, "\(done.error)")
            #expect(try await stage.rows(stage.own) == rows)
            try await stage.clean()
        }
    }

    @Test func `who writes while rows are copied waits, and is told that the table has gone`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "written")
            try await host.server.psql(stage.own, IsolationStage.schema)
            try stage.writePlan(#""targetRows": "overwrite""#)
            let rows = try await stage.rows(stage.shared)
            let holder = try await LockHolder.begin(
                host.server, stage.own, "lock table app_settings in row exclusive mode")
            let running = try await host.start("isolate", stage.plan, "--yes")
            try await stage.untilWaiting(stage.own, "SHARE ROW EXCLUSIVE", running)
            let writer = Task {
                try await host.server.psql(stage.shared, "insert into app_settings values ('late', '')")
            }
            try await until("the writer waits") {
                try await host.server.psql(
                    "postgres",
                    "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%late%' and datname = '\(stage.shared)' and application_name = 'psql'"
                ) == "1"
            }
            try await holder.release()
            #expect(try await running.end() == 0, "\(running.said)")
            let said = await writer.result
            #expect(throws: Failure.self) { try said.get() }
            #expect(try await stage.rows(stage.own) == rows)
            #expect(try await stage.rows(stage.shared, schema: "archon_legacy_archive") == rows)
            try await stage.clean()
        }
    }

    @Test func `rows of the target are written over only where the plan says so`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "replaced")
            try stage.writePlan("")
            let before = try await host.server.fingerprint(stage.shared)
            // The schema file itself puts a row in, which the source has too, among others.
            let seeded = try await stage.isolate("--yes")
            #expect(seeded.status == 1 && seeded.error.contains("step 3 of 6"), "\(seeded.error)")
            #expect(
                seeded.error.contains("public.app_settings 1 row")
                    && seeded.error.contains("\"targetRows\": \"replace\""))
            #expect(try await host.server.fingerprint(stage.shared) == before)
            #expect(try await host.server.psql(stage.own, "select key from app_settings") == "seed")
            try stage.writePlan()
            let dry = try await stage.isolate()
            #expect(
                dry.status == 0 && dry.output.contains("4 rows in place of the 1 row that \(stage.own) has"),
                "\(dry.output)\(dry.error)")
            // A column that the target lacks.
            try await host.server.psql(stage.shared, "alter table app_settings add extra text")
            let lacking = try await stage.isolate("--yes")
            #expect(lacking.status == 1 && lacking.error.contains("has no column extra"), "\(lacking.error)")
            try await host.server.psql(stage.shared, "alter table app_settings drop extra")
            let done = try await stage.isolate("--yes")
            #expect(done.status == 0, "\(done.error)")
            try await stage.clean()
        }
    }

    @Test func `a row that the target does not take, after the first megabytes, leaves both as they were`() async throws
    {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "unwanted")
            try await host.server.psql(
                stage.shared,
                "insert into app_settings select g::text, repeat(md5(g::text), 3000) from generate_series(1, 300) g")
            let rows = try await stage.rows(stage.shared)
            try await host.server.psql(
                stage.own, IsolationStage.schema + "alter table app_settings add check (key <> '290')")
            try stage.writePlan(#""targetRows": "overwrite""#)
            let before = try await stage.fingerprints()
            let refused = try await stage.isolate("--yes")
            #expect(refused.status == 1 && refused.error.contains("app_settings_key_check"), "\(refused.error)")
            #expect(try await stage.fingerprints() == before)
            // A foreign key that the source does not have is the server's to look after.
            try await host.server.psql(
                stage.own,
                "alter table app_settings drop constraint app_settings_key_check; truncate app_settings; alter table app_settings add foreign key (value) references app_settings"
            )
            let keyed = try await stage.isolate("--yes")
            #expect(keyed.status == 1 && keyed.error.contains("app_settings_value_fkey"), "\(keyed.error)")
            try await host.server.psql(stage.own, "alter table app_settings drop constraint app_settings_value_fkey")
            let done = try await stage.isolate("--yes")
            #expect(done.status == 0, "\(done.error)")
            #expect(try await stage.rows(stage.own) == rows)
            try await stage.clean()
        }
    }

    @Test func `interrupted while it waits, it ends at once with all as it was`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "interrupted")
            let before = try await stage.fingerprints()
            let holder = try await LockHolder.begin(host.server, stage.own, "select pg_advisory_xact_lock(77)")
            let running = try await host.start("isolate", stage.plan, "--yes")
            try await stage.untilWaiting(stage.own, "pg_advisory_xact_lock(77)", running)
            // A second one is told that there is a first.
            let second = try await stage.isolate("--yes")
            #expect(second.status == 75 && second.error.contains("another isolate works"), "\(second.error)")
            running.signal(SIGTERM)
            #expect(try await running.end() == 143, "\(running.said)")
            try await holder.release()
            try await until("no session of it is left") {
                try await host.server.psql(
                    "postgres", "select count(*) from pg_stat_activity where datname = '\(stage.own)'") == "0"
            }
            #expect(try await stage.fingerprints() == before)
            try await stage.clean()
        }
    }
}
