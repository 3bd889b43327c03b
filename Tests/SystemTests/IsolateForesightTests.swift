import Foundation
import TestSupport
import Testing

/// What a plan would meet at its end is told before anything is done, and what it meets on the way is told as what it is.
@Suite struct IsolateForesightTests {
    @Test func `names with dots are told apart`() async throws {
        try await withHost { host in
            let tables =
                #"create schema "public.x"; create table public."x.y" (n int); create table "public.x".y (n int);"#
            let stage = try await IsolationStage.plain(
                host, "dots", tables,
                source:
                    #"insert into public."x.y" select generate_series(1, 500); insert into "public.x".y values (7);"#,
                count: 0)
            try stage.writePlain("refuse", tables: [#"public."x.y""#, #""public.x".y"#])
            // Rows of somebody's are in the way of one, and counted for that one.
            try await host.server.psql(stage.own, #"insert into "public.x".y select generate_series(1, 100)"#)
            try await stage.refused(#"has rows that isolate has not put there ("public.x".y 100 rows)"#)
            try await host.server.psql(stage.own, #"truncate "public.x".y"#)
            try await stage.move()
            let counts = #"select (select count(*) from public."x.y"), (select sum(n) from "public.x".y)"#
            #expect(try await host.server.psql(stage.own, counts) == "500|7")
            // And again.
            let back = try await stage.isolate("--undo", "--yes")
            #expect(back.status == 0, "\(back.error)")
            try await host.server.psql(stage.shared, #"insert into "public.x".y values (8)"#)
            try await stage.move()
            #expect(try await host.server.psql(stage.own, counts) == "500|15")
            try await stage.clean()
        }
    }

    @Test func `a table outside of a circle comes after those in it`() async throws {
        try await withHost { host in
            let tables = """
                create table app_p (id int primary key, main int);
                create table app_t (id int primary key, project int references app_p);
                alter table app_p add foreign key (main) references app_t deferrable;
                create table app_d (project int references app_p);
                """
            let stage = try await IsolationStage.plain(
                host, "ring", tables,
                source:
                    "begin; set constraints all deferred; insert into app_p values (1, 2); insert into app_t values (2, 1); insert into app_d values (1); commit",
                count: 3)
            try await stage.move()
            #expect(try await host.server.psql(stage.own, "select * from app_p, app_t, app_d") == "1|2|2|1|1")
            try await stage.clean()
        }
    }

    @Test func `what this user may not do, on the way there and back, is told first`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.plain(
                host, "rights", "create table app_a (n int); create table app_b (n int);", count: 2)
            let user = "mover\(UInt32.random(in: 0 ... .max))"
            let bare = "grant select on all tables in schema public to \(user); alter table app_a owner to \(user);"
            try await host.server.psql("postgres", "create role \(user) login")
            for name in [stage.shared, stage.own] { try await host.server.psql(name, bare) }
            let text = try String(contentsOfFile: host.config, encoding: .utf8)
            let changed = text.replacingOccurrences(of: "user=postgres", with: "user=\(user)")
            try #require(changed != text)
            try Data(changed.utf8).write(to: URL(fileURLWithPath: host.config))
            let said = try await stage.isolate()
            #expect(said.status == 1, "\(said.error)")
            for part in [
                "\(user) may not make a schema in \(stage.shared), and the archive is one: GRANT CREATE ON DATABASE \"\(stage.shared)\" TO \(user)",
                "app_b of \(stage.shared) belongs to postgres, and only an owner may move it",
                "--undo could not move the tables back to where they are: GRANT CREATE ON SCHEMA public TO \(user)",
                "\(user) may not make a schema in \(stage.own)",
            ] { #expect((said.output + said.error).contains(part), "\(part) in \(said)") }
            // What it says mends it.
            for name in [stage.shared, stage.own] {
                try await host.server.psql(
                    name,
                    "grant create on database \"\(name)\" to \(user); grant create on schema public to \(user); alter table app_b owner to \(user)"
                )
            }
            try await stage.move()
            let back = try await stage.isolate("--undo", "--yes")
            #expect(back.status == 0, "\(back.error)")
            for name in [stage.shared, stage.own] {
                try await host.server.psql(
                    name, "reassign owned by \(user) to postgres; drop owned by \(user)")
            }
            try await stage.clean()
            try await host.server.psql("postgres", "drop role \(user)")
        }
    }

    @Test func `an index and a sequence that the archive would have twice are refused`() async throws {
        try await withHost { host in
            let tables = """
                create schema one; create schema two;
                create table one.app_a (n int constraint app_key primary key, s serial);
                create table two.app_b (n int constraint app_key primary key, s int);
                create sequence two.app_a_s_seq owned by two.app_b.s;
                """
            let stage = try await IsolationStage.plain(host, "twice", tables, count: 0)
            try stage.writePlain("refuse", tables: ["one.app_*", "two.app_*"])
            try await stage.refused("one.app_a_s_seq and two.app_a_s_seq would have one name in archon_legacy_archive")
            try await host.server.psql(stage.shared, "alter sequence two.app_a_s_seq rename to app_b_s_seq")
            try await stage.refused("one.app_key and two.app_key would have one name")
            try await host.server.psql(stage.shared, "alter index two.app_key rename to app_b_key")
            try await stage.move()
            try await stage.clean()
        }
    }

    @Test func `a name that nothing has is told before the move and after it`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.plain(host, "typo", "create table app_a (n int);", count: 1)
            try stage.writePlain("refuse", tables: ["public.app_*", "public.ap_settings"])
            try await stage.refused("is called public.ap_settings")
            try stage.writePlain("refuse")
            try await stage.move()
            try stage.writePlain("refuse", tables: ["public.ap_*"])
            let said = try await stage.isolate("--yes")
            #expect(said.status == 1 && said.error.contains("is called public.ap_*, and none"), "\(said)")
            try stage.writePlain("refuse")
            let again = try await stage.isolate("--yes")
            #expect(again.status == 0 && again.output.contains("1 table was in"), "\(again)")
            try await stage.clean()
        }
    }

    @Test func `looking waits for a lock as long as the plan says, names its holder, and can be interrupted`()
        async throws
    {
        try await withHost { host in
            let stage = try await IsolationStage.plain(host, "held", "create table app_a (n int);", count: 1)
            for database in [stage.shared, stage.own] {
                try stage.writePlain("refuse", lockTimeout: "500ms")
                let holder = try await LockHolder.begin(host.server, database, "lock table app_a")
                for flags in [[], ["--yes"]] {
                    let said = try await run(
                        TestHost.binary, ["isolate", stage.plan] + flags,
                        environment: ["ARCHON_BACKUPD_CONFIG": host.config])
                    #expect(said.status == 1, "\(said)")
                    #expect(said.error.contains("a lock in \(database) was not given within 500ms"), "\(said.error)")
                    #expect(said.error.contains("it is held by"), "\(said.error)")
                }
                try stage.writePlain("refuse", lockTimeout: "5min")
                let running = try await host.start("isolate", stage.plan)
                try await stage.untilWaiting(database, "ACCESS SHARE", running)
                running.signal(SIGTERM)
                #expect(try await running.end() == 143, "\(running.said)")
                try await holder.release()
            }
            try await stage.clean()
        }
    }

    @Test func `materialized views of the target are named with what fills them`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.plain(
                host, "views", "create table app_a (n int);", source: "insert into app_a values (1)",
                target:
                    "create view app_v as select * from app_a; create materialized view \"Sums\" as select sum(n) from app_v",
                count: 1)
            let done = try await stage.isolate("--yes")
            #expect(done.status == 0, "\(done.error)")
            #expect((done.output + done.error).contains("REFRESH MATERIALIZED VIEW public.\"Sums\""), "\(done)")
            try await stage.clean()
        }
    }

    @Test func `a look beside a copy sees rows and what is noted of them at one moment`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.plain(
                host, "beside", "create table app_a (n int primary key, v text);",
                source: "insert into app_a select g, repeat('x', 200) from generate_series(1, 20000) g", count: 1)
            try await stage.move()
            for round in 1...2 {
                let back = try await stage.isolate("--undo", "--yes")
                #expect(back.status == 0, "\(back.error)")
                try await host.server.psql(stage.shared, "update app_a set v = '\(round)'")
                let running = try await host.start("isolate", stage.plan, "--yes")
                while !running.hasEnded {
                    let said = try await stage.isolate()
                    #expect(!(said.output + said.error).contains("overwrite"), "\(said)")
                }
                #expect(try await running.end() == 0, "\(running.said)")
            }
            try await stage.clean()
        }
    }
}
