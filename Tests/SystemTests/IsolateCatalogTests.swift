import BackupCore
import Foundation
import TestSupport
import Testing

/// Tables of kinds that an application may have, from one database to another.
@Suite struct IsolateCatalogTests {
    @Test func `keys in a circle and deferred ones, triggers, partitions that reference partitions`() async throws {
        try await withHost { host in
            let tables = """
                create table app_a (id int primary key, b int);
                create table app_b (id int primary key, a int references app_a deferrable);
                alter table app_a add foreign key (b) references app_b deferrable initially deferred;
                create function app_touch() returns trigger language plpgsql as
                  $$ begin new.b := 0; return new; end $$;
                create trigger touch before insert on app_a for each row execute function app_touch();
                create table app_q (id int primary key) partition by range (id);
                create table app_q_1 partition of app_q for values from (0) to (100);
                create table app_c (id int, q int references app_q) partition by range (id);
                create table app_c_1 partition of app_c for values from (0) to (100);
                """
            let rows = """
                alter table app_a disable trigger touch; begin; insert into app_a values (1, 2); insert into app_b values (2, 1);
                commit; alter table app_a enable trigger touch; insert into app_q values (7); insert into app_c values (1, 7);
                """
            let stage = try await IsolationStage.plain(host, "circle", tables, count: 6)
            try await host.server.psql(stage.shared, rows)
            try await stage.move()
            let question = "select * from app_a, app_b, app_q, app_c"
            #expect(try await host.server.psql(stage.own, question) == "1|2|2|1|7|1|7")
            // Again, in place of its own rows.
            let back = try await stage.isolate("--undo", "--yes")
            #expect(back.status == 0, "\(back.error)")
            try await host.server.psql(stage.shared, "insert into app_q values (8)")
            try await stage.move()
            #expect(try await host.server.psql(stage.own, "select count(*) from app_q") == "2")
            try await stage.clean()
        }
    }

    @Test func `sequences at their end stay there`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.plain(
                host, "ended",
                "create table app_a (id smallserial primary key, n bigint generated always as identity, d smallint); create sequence app_down increment -1; alter table app_a alter d set default nextval('app_down');",
                source:
                    "select setval('app_a_id_seq', 32767), setval('app_a_n_seq', 9223372036854775807), setval('app_down', -9223372036854775808)",
                count: 1)
            try await stage.move()
            for name in ["app_a_id_seq", "app_a_n_seq", "app_down"] {
                await #expect(throws: Failure.self) {
                    try await host.server.psql(stage.own, "select nextval('\(name)')")
                }
            }
            try await stage.clean()
        }
    }

    @Test func `what the target alone has and the copy would meet is refused`() async throws {
        try await withHost { host in
            let tables = """
                create table app_p (id int primary key, v text) partition by range (id);
                create table app_p_1 partition of app_p for values from (0) to (100);
                create table app_t (id int primary key, v text);
                """
            let stage = try await IsolationStage.plain(
                host, "met", tables, source: "insert into app_p values (1, 'a'); insert into app_t values (1, 'a')",
                target:
                    "create table app_p_2 partition of app_p for values from (100) to (200); insert into app_p values (150, 'mine')",
                count: 4)
            try stage.writePlain("overwrite")
            try await stage.refused("public.app_p_2 of \(stage.own) is a partition that \(stage.shared) lacks")
            try await host.server.psql(
                stage.own,
                "drop table app_p_2; insert into app_t values (5, 'mine'); create table notes (t int references app_t)")
            try await stage.refused("notes_t_fkey of public.notes to public.app_t of \(stage.own) keeps its rows")
            try await stage.clean()
        }
    }

    @Test func `a trigger for TRUNCATE in the target does nothing of its own`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.plain(
                host, "tally", "create table app_t (id int primary key);",
                source: "insert into app_t values (1)",
                target: """
                    insert into app_t values (5); create table tally (n int); insert into tally values (1), (2);
                    create function clear() returns trigger language plpgsql as $$ begin delete from public.tally; return null; end $$;
                    create trigger clear after truncate on app_t execute function clear()
                    """, count: 1, job: #", "excludeTableData": ["public.tally"]"#)
            try stage.writePlain("overwrite")
            try await stage.move()
            #expect(try await host.server.psql(stage.own, "select count(*) from tally") == "2")
            try await stage.clean()
        }
    }

    @Test func `functions that are bound to a table, and large objects in arrays, are refused`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.plain(
                host, "bound", "create table app_t (id int primary key, pictures oid[]);",
                source: """
                    create function put(int) returns void begin atomic insert into app_t values ($1); end;
                    """, count: 1)
            try await stage.refused("the body of public.put(integer) is bound to public.app_t")
            try await host.server.psql(
                stage.shared,
                "drop function put; select lo_create(4711); insert into app_t values (1, '{4711}')")
            try await stage.refused("pictures of public.app_t numbers large objects")
            try await host.server.psql(
                stage.shared,
                "create domain one as oid; create domain two as one; alter table app_t drop pictures, add picture two; update app_t set picture = 4711"
            )
            try await stage.refused("picture of public.app_t numbers large objects")
            try await stage.clean()
        }
    }

    @Test func `tables come back beside what somebody has put into the archive, and without those that were dropped`()
        async throws
    {
        try await withHost { host in
            let stage = try await IsolationStage.plain(
                host, "part", "create table app_a (id int); create table app_b (id serial);", count: 2)
            try await stage.move()
            try await host.server.psql(
                stage.shared,
                "create view archon_legacy_archive.mine as select 1; drop table archon_legacy_archive.app_a")
            let back = try await stage.isolate("--undo", "--yes")
            #expect(back.status == 0, "\(back.error)")
            #expect(back.error.contains("archon_legacy_archive.app_a was dropped"), "\(back.error)")
            #expect(back.error.contains("the schema archon_legacy_archive stays"), "\(back.error)")
            #expect(
                try await host.server.psql(
                    stage.shared, "select to_regclass('public.app_b'), to_regclass('archon_legacy_archive.mine')")
                    == "app_b|archon_legacy_archive.mine")
            try await stage.clean()
        }
    }
}
