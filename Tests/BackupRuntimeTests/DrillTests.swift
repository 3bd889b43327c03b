import BackupCore
import Foundation
import TestSupport
import Testing

@testable import BackupRuntime

/// What happens to a restored database before it is compared is found and named, whatever it is.
@Suite struct DrillTests {
    private static let sql = """
        create role reader_NAME; create role other_NAME;
        create table t (id int primary key, v text, n int not null default 1);
        insert into t select g, 'row ' || g from generate_series(1, 50) g;
        create table twin (id int primary key, v text, n int not null default 1);
        create index t_v_idx on t (v);
        alter table t add constraint t_n_check check (n > 0);
        alter table twin add constraint twin_fk foreign key (id) references t;
        create sequence counter; select setval('counter', 41);
        create materialized view m as select count(*) from t;
        create view w as select id from t;
        create function f() returns int language sql as 'select 1';
        create type mood as enum ('good', 'bad'); create domain positive as int check (value > 0);
        create trigger touched before update on t for each row execute function suppress_redundant_updates_trigger();
        create policy mine on t using (true);
        comment on table t is 'a comment';
        grant select on t to reader_NAME;
        create schema s; grant usage on schema s to reader_NAME;
        alter default privileges in schema s grant select on tables to reader_NAME;
        create extension pg_trgm;
        create publication p for table t;
        select lo_from_bytea(4711, 'some bytes'), lo_from_bytea(4712, 'others');
        """

    private static let changes: [(sql: String, said: String)] = [
        ("delete from t where id = 7", "public.t has 49 rows where the dump says 50"),
        ("truncate twin, t", "public.t has 0 rows where the dump says 50"),
        ("update t set v = 'other' where id = 7", "public.t has rows with other contents than the dump says"),
        ("update t set v = null where id = 7", "public.t has rows with other contents than the dump says"),
        ("insert into twin select * from t where id = 7", "public.twin has 1 row where the dump says 0"),
        (
            "alter table twin drop constraint twin_fk; with gone as (delete from t where id = 7 returning *) insert into twin select * from gone",
            "public.t has 49 rows where the dump says 50"
        ),
        // As many rows as before: one of them twice, another not at all.
        (
            "delete from twin; update t set id = 51, v = (select v from t where id = 8) where id = 7",
            "public.t has rows with other contents than the dump says"
        ),
        (
            "alter table twin drop constraint twin_fk; alter table t drop constraint t_pkey; insert into t select * from t where id = 7",
            "public.t has 51 rows where the dump says 50"
        ),
        (
            "alter table twin drop constraint twin_fk; alter table t drop constraint t_pkey cascade; drop publication p; update t set (id, v) = (8, 'row 8') where id = 7",
            "public.t has rows with other contents than the dump says"
        ),
        ("select setval('counter', 40)", "the sequence public.counter is at 40 where the dump says 41"),
        (
            "select setval('counter', 41, false)",
            "the sequence public.counter is at 41 (not called yet) where the dump says 41"
        ),
        ("drop sequence counter", "the sequence public.counter is missing"),
        ("drop index t_v_idx", "INDEX public t_v_idx is missing"),
        ("alter table t drop constraint t_n_check", "the constraint public.t t_n_check is missing"),
        ("alter table t alter n drop not null", "the constraint public.t n NOT NULL is missing"),
        (
            "alter domain positive drop constraint positive_check",
            "the constraint public.positive positive_check is missing"
        ),
        ("alter table t alter v set not null", "the constraint public.t v NOT NULL is unknown to the dump"),
        ("alter table twin drop constraint twin_fk", "FK CONSTRAINT public twin twin_fk is missing"),
        ("alter table twin drop constraint twin_pkey", "CONSTRAINT public twin twin_pkey is missing"),
        (
            "alter table t drop constraint t_n_check; alter table t add constraint t_n_check check (n > 0) not valid",
            "the constraint public.t t_n_check is not validated"
        ),
        ("revoke select on t from reader_NAME", "this is not in force: GRANT SELECT ON TABLE public.t TO reader_NAME"),
        ("grant delete on t to reader_NAME", "this is in force and unknown to the dump: GRANT"),
        ("revoke usage on schema s from reader_NAME", "this is not in force: GRANT USAGE ON SCHEMA s TO reader_NAME"),
        (
            "alter default privileges in schema s revoke select on tables from reader_NAME",
            "this is not in force: ALTER DEFAULT PRIVILEGES"
        ),
        (
            "alter table t owner to other_NAME",
            "TABLE public t belongs to other_NAME where the dump says postgres"
        ),
        ("create table more (id int)", "TABLE public more is unknown to the dump"),
        ("refresh materialized view m with no data", "the materialized view public m postgres is not populated"),
        ("select lo_put(4711, 0, 'S')", "there are large objects with other contents than the dump says"),
        ("select lo_unlink(4712)", "there are 1 large objects where the dump says 2"),
        ("drop function f()", "FUNCTION public f() is missing"),
        ("drop view w", "VIEW public w is missing"),
        ("drop type mood", "TYPE public mood is missing"),
        ("drop trigger touched on t", "TRIGGER public t touched is missing"),
        ("drop policy mine on t", "POLICY public t mine is missing"),
        ("comment on table t is null", "COMMENT public TABLE t is missing"),
        ("drop extension pg_trgm", "EXTENSION - pg_trgm is missing"),
        ("drop publication p", "PUBLICATION - p is missing"),
        ("drop table twin", "public.twin is missing, with 0 rows"),
        (
            "update pg_index set indisvalid = false where indexrelid = 't_v_idx'::regclass",
            "the index public.t_v_idx is not valid"
        ),
    ]

    @Test func `a change between filling and comparing is named`() async throws {
        try await withHost { host in
            let name = "\(UInt32.random(in: 0 ... .max))"
            let stage = try await DrillStage(host, Self.sql.replacing("NAME", with: name))
            let manifest = try await stage.backUp(.sourceContent)
            #expect(manifest.proof == .matched && manifest.matched == .content)
            _ = try await stage.drill(manifest)
            for change in Self.changes {
                let failure = try await stage.failure(manifest, after: change.sql.replacing("NAME", with: name))
                let said = "\(failure?.message ?? "") \(failure?.cause ?? "")"
                #expect(failure?.kind == .damaged, "\(change.sql): \(failure?.description ?? "nothing")")
                #expect(
                    said.contains(change.said.replacing("NAME", with: name)), "\(change.sql): \(said)")
            }
            // And with nothing changed it is proven again.
            let result = try await stage.drill(manifest)
            #expect(result.restoreSeconds > 0 && result.databaseBytes > 1 << 20)
            try await stage.end()
            try await host.server.psql("postgres", "drop role reader_\(name); drop role other_\(name)")
        }
    }

    @Test func `of an extension's table the rows of users are compared, and no others`() async throws {
        try await withHost { host in
            let stage = try await DrillStage(
                host, "create extension unit; insert into unit_prefixes (prefix, factor) values ('mine', 7)")
            let manifest = try await stage.backUp(.sourceContent)
            #expect(try await stage.failure(manifest) == nil)
            #expect(try await stage.failure(manifest, after: "delete from unit_prefixes where not dump") == nil)
            for (change, found) in [
                (
                    "delete from unit_prefixes where prefix = 'mine'",
                    "public.unit_prefixes has 0 rows where the dump says 1"
                ),
                ("update unit_prefixes set factor = 8 where dump", "public.unit_prefixes has rows with other contents"),
            ] {
                let failure = try await stage.failure(manifest, after: change)
                #expect(failure?.kind == .damaged && failure?.message.contains(found) == true, "\(failure as Any)")
            }
            try await stage.end()
        }
    }

    @Test func `a pg_restore that lies about its errors`() async throws {
        try await withHost { host in
            // A rule that its rows break: pg_restore cannot add it.
            let stage = try await DrillStage(
                host,
                "create function fits(int) returns bool language sql immutable as 'select $1 < 1000'; create table t (id int); insert into t select generate_series(1, 100); create table u (id int); alter table t add constraint small check (fits(id)) not valid; create or replace function fits(int) returns bool language sql immutable as 'select $1 < 10'; create unique index u_idx on u (id)"
            )
            let whole = try await stage.backUp()
            _ = try await stage.drill(whole)
            try await host.server.psql(
                stage.database,
                "create or replace function fits(int) returns bool language sql immutable as 'select $1 < 1000'; alter table t validate constraint small; create or replace function fits(int) returns bool language sql immutable as 'select $1 < 10'"
            )
            try await Task.sleep(for: .seconds(1))
            let manifest = try await stage.backUp()
            let honest = try await stage.failure(manifest)
            #expect(honest?.message == "pg_restore exited with 1", "\(honest?.description ?? "nothing")")
            let drop = """
                for word do shift; case $word in --exit-on-error) ;; *) set -- "$@" "$word" ;; esac; done
                """
            // What it has said counts, whatever its exit code is.
            let careless = try await stage.programs(["pg_restore": "\(drop)\n\"$real\" \"$@\"\nexit 0"])
            let first = try await stage.failure(manifest, tools: careless)
            #expect(
                first?.kind == .failed && first?.message == "pg_restore exited with 0", "\(first?.description ?? "")")
            #expect(first?.cause?.contains("violates check constraint") == true, "\(first?.description ?? "")")
            // Where it is silent as well, the comparison tells.
            let silent = try await stage.programs(["pg_restore": "\(drop)\n\"$real\" \"$@\" 2>/dev/null\nexit 0"])
            let second = try await stage.failure(manifest, tools: silent)
            #expect(second?.kind == .damaged, "\(second?.description ?? "nothing")")
            #expect(
                second?.message.contains("public.t has 0 rows where the dump says 100") == true,
                "\(second?.description ?? "")")
            // One that the system ends, for want of memory perhaps, says nothing of the dump.
            let ended = try await stage.programs(["pg_restore": "kill -KILL $$"])
            let killed = try await stage.failure(manifest, tools: ended)
            #expect(
                killed?.kind == .unavailable && killed?.message == "pg_restore was ended by signal 9",
                "\(killed?.description ?? "nothing")")
            let idle = try await stage.programs(["pg_restore": "exit 0"])
            let third = try await stage.failure(manifest, tools: idle)
            #expect(third?.kind == .damaged, "\(third?.description ?? "nothing")")
            #expect(
                third?.message.contains("public.t is missing, with 100 rows") == true, "\(third?.description ?? "")")
            // One that forgets a table's rows.
            let table = try await stage.programs([
                "pg_restore": "\"$real\" \"$@\" --section=pre-data && exec \"$real\" \"$@\" --section=post-data"
            ])
            let fourth = try await stage.failure(whole, tools: table)
            #expect(
                fourth?.message.contains("public.t has 0 rows where the dump says 100") == true,
                "\(fourth?.description ?? "")")
            try await stage.end()
        }
    }

    /// What the place lacks while an assertion runs is no fault of the dump; what the assertion finds is.
    @Test(arguments: [
        ("53100", DrillVerdict.couldNotVerify), ("53200", .couldNotVerify), ("57P01", .couldNotVerify),
        ("58030", .couldNotVerify), ("22012", .failed), ("42P01", .failed), ("XX001", .failed),
    ]) func `an assertion that the server does not carry out`(sqlState: String, verdict: DrillVerdict) async throws {
        try await withHost { host in
            var stage = try await DrillStage(
                host,
                "create function refuse() returns boolean language plpgsql as $$ begin raise 'refused' using errcode = '\(sqlState)'; end $$"
            )
            stage.job.drill.assertions = ["SELECT true", "SELECT refuse()"]
            let failure = try #require(try await stage.failure(try await stage.backUp()))
            #expect(DrillVerdict.of(failure.kind) == verdict, "\(failure)")
            #expect("\(failure)".contains("refuse()"), "\(failure)")
            try await stage.end()
        }
    }
}
