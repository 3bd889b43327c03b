import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

/// Each database is dumped, dropped or replaced, restored, and must be equal by an oracle of its own.
@Suite struct RoundTripTests {
    static let schemas: [(name: String, sql: String)] = [
        (
            "plain",
            "create table t (id int primary key, v text); insert into t select g, md5(g::text) from generate_series(1, 1000) g"
        ),
        ("empty", ""),
        (
            "large objects",
            "select lo_from_bytea(0, decode(repeat('00ff5c2e0a', 20000), 'hex')); select lo_from_bytea(0, 'x'); select lo_create(0)"
        ),
        (
            "partitions",
            "create table p (id int, at date) partition by range (at); create table p1 partition of p for values from ('2026-01-01') to ('2026-07-01'); create table p2 partition of p for values from ('2026-07-01') to ('2027-01-01'); insert into p select g, '2026-01-01'::date + g from generate_series(1, 300) g"
        ),
        (
            "identity and sequences",
            "create table i (id int generated always as identity, s serial, v text); insert into i (v) select g::text from generate_series(1, 50) g; create sequence odd start 7 increment 3; select nextval('odd'), nextval('odd')"
        ),
        (
            "materialised views",
            "create table b (n int); insert into b select generate_series(1, 20); create materialized view m as select n * 2 as twice from b; create view v as select * from m; create index on m (twice)"
        ),
        (
            "a circle of foreign keys",
            "create table x (id int primary key, y int); create table y (id int primary key, x int references x); insert into x values (1, 1); insert into y values (1, 1); alter table x add foreign key (y) references y deferrable initially deferred"
        ),
        (
            "row security",
            "create table r (id int, owner text); insert into r values (1, 'a'), (2, 'b'); alter table r enable row level security; alter table r force row level security; create policy p on r using (owner = current_user)"
        ),
        (
            "extensions",
            "create extension pg_trgm; create extension \"uuid-ossp\"; create table u (id uuid default uuid_generate_v4(), v text); insert into u (v) values ('one'), ('two'); create index on u using gin (v gin_trgm_ops)"
        ),
        (
            "odd names",
            "create schema \"a.b\"; create table \"a.b\".\"sp ace \"\"quote\"\"\" (\"co,l\" int, \"select\" text); insert into \"a.b\".\"sp ace \"\"quote\"\"\" values (1, E'tab\\t nl\\n back\\\\ \\\\.'); create table \"Käse☃\" (v text); insert into \"Käse☃\" values (E'\\\\.'), (null), (''); create table \"line\nfeed\" (v int); insert into \"line\nfeed\" values (1), (2); create table \"user\" (id int); create table none ()"
        ),
        (
            "tricky functions",
            "create function f() returns text language plpgsql as $x$ begin return 'COPY public.fake (a) FROM stdin; '; end $x$; create function g() returns text language plpgsql as 'begin return ''it''; -- COPY a FROM stdin;\n end'; create table t (v text default E'a''b\\\\''; --'); insert into t values ('COPY public.t (v) FROM stdin;'); create function h() returns int begin atomic select 1; select 2; end"
        ),
        (
            "inheritance",
            "create table base (id int); create table child (extra text) inherits (base); insert into base values (1); insert into child values (2, 'c'), (3, 'd')"
        ),
    ]

    private func job(_ database: String, _ server: ScratchServer) throws -> (Job, Server) {
        var job = Job(
            name: "job", server: "s", database: database, trigger: .cron(try CronExpression("0 2 * * *")), zone: .utc)
        job.compression = .auto
        return (job, Server(name: "s", connection: server.connection))
    }

    private func backUp(_ job: Job, _ server: Server, root: String) async throws -> Manifest {
        let request = RunRequest(job: job, server: server, storage: .init(root: root, minimumFree: 0))
        let lock = try JobLock.take(job.name, root: root)
        return try await Backup(request, folder: JobFolder(job: job, root: root), began: Date()).perform(lock: lock)
    }

    @Test(arguments: schemas.indices, ["custom", "directory"])
    func `a database is dumped, dropped and restored, and is equal`(index: Int, format: String) async throws {
        try await withHost { host in
            let server = host.server
            let database = "round \(index) \(format) -\"'☃"
            try await server.create(database, Self.schemas[index].sql)
            let quoted = SQL.identifier(database)
            try await server.psql(
                "postgres",
                "alter database \(quoted) set search_path to \"$user\", public, \"a.b\"; alter database \(quoted) set work_mem to '7MB'; alter role postgres in database \(quoted) set statement_timeout to '1h'; comment on database \(quoted) is 'it''s \\ here'; revoke connect on database \(quoted) from public; alter database \(quoted) connection limit 17"
            )
            let before = try await server.fingerprint(database)
            let root = host.folder
            var (job, target) = try job(database, server)
            job.format = format == "directory" ? .directory : .custom
            let manifest = try await backUp(job, target, root: root)
            #expect(manifest.proof == .read)
            try await server.drop(database)
            let archive = JobFolder(job: job, root: root).path + "/\(manifest.dump).dump"
            try await Verification.verify(manifest, path: archive)
            _ = try await Restoration(server: target, archive: archive, manifest: manifest, target: .new(database))
                .perform(now: Date())
            #expect(try await server.fingerprint(database) == before, "\(Self.schemas[index].name)")
            // And once more in place of itself, while a client comes back again and again.
            try await server.psql(database, "create table added_after_the_dump (id int)")
            let clients = Task {
                // It is to be ended.
                while !Task.isCancelled { _ = try? await server.psql(database, "select pg_sleep(60)") }  // see above
            }
            let result = try await Restoration(
                server: target, archive: archive, manifest: manifest, target: .replacing(database)
            ).perform(now: Date())
            clients.cancel()
            let kept = try #require(result.previous)
            try await server.psql(
                "postgres",
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = \(SQL.literal(database)) and pid <> pg_backend_pid()"
            )
            #expect(try await server.fingerprint(database) == before)
            #expect(
                try await server.psql(kept, "select count(*) from pg_class where relname = 'added_after_the_dump'")
                    == "1")
            try await server.drop(kept)
            try await server.drop(database)
        }
    }

    @Test func `a restore that fails changes nothing and leaves nothing`() async throws {
        try await withHost { host in
            let server = host.server
            try await server.create("fails", "create table t (id int); insert into t select generate_series(1, 100)")
            let root = host.folder
            let (job, target) = try job("fails", server)
            let manifest = try await backUp(job, target, root: root)
            let archive = JobFolder(job: job, root: root).path + "/\(manifest.dump).dump"
            let before = try await server.fingerprint("fails")
            func attempt(_ manifest: Manifest) async -> Failure? {
                do {
                    _ = try await Restoration(
                        server: target, archive: archive, manifest: manifest, target: .replacing("fails")
                    ).perform(now: Date())
                    return nil
                } catch {
                    return error as? Failure
                }
            }
            var wrongCount = manifest
            wrongCount.rows["public.t"] = 101
            #expect(await attempt(wrongCount)?.kind == .damaged)
            var missingExtension = manifest
            missingExtension.extensions.append(.init(name: "no_such_extension", version: "1", schema: "public"))
            #expect(await attempt(missingExtension)?.message.contains("no_such_extension") == true)
            var wrongOwner = manifest
            wrongOwner.properties.owner = "nobody_of_that_name"
            #expect(await attempt(wrongOwner)?.kind == .failed)
            var damaged = try Data(contentsOf: URL(fileURLWithPath: archive))
            damaged[damaged.count / 2] ^= 0x40
            try damaged.write(to: URL(fileURLWithPath: archive))
            #expect(await attempt(manifest)?.kind == .damaged)
            #expect(try await server.fingerprint("fails") == before)
            #expect(
                try await server.psql(
                    "postgres", "select count(*) from pg_database where datname like 'fails_before%'")
                    == "0")
            try await server.drop("fails")
        }
    }

    @Test func `two restores of one second keep two old databases`() async throws {
        try await withHost { host in
            let server = host.server
            try await server.create("twice", "create table t (id int)")
            let (job, target) = try job("twice", server)
            let manifest = try await backUp(job, target, root: host.folder)
            let archive = JobFolder(job: job, root: host.folder).path + "/\(manifest.dump).dump"
            let now = Date()
            var kept: Set<String> = ["twice"]
            for _ in 1...2 {
                let result = try await Restoration(
                    server: target, archive: archive, manifest: manifest, target: .replacing("twice")
                ).perform(now: now)
                kept.insert(try #require(result.previous))
            }
            #expect(kept.count == 3)
            for name in kept { try await server.drop(name) }
        }
    }

    @Test func `two thousand tables`() async throws {
        try await withHost { host in
            let server = host.server
            try await server.create(
                "many",
                "select format('create table t%s (id int); insert into t%s values (%s);', g, g, g) from generate_series(1, 2000) g \\gexec"
            )
            let before = try await server.fingerprint("many")
            let root = host.folder
            let (job, target) = try job("many", server)
            let manifest = try await backUp(job, target, root: root)
            #expect(manifest.rows.count == 2000)
            try await server.drop("many")
            let archive = JobFolder(job: job, root: root).path + "/\(manifest.dump).dump"
            _ = try await Restoration(
                server: target, archive: archive, manifest: manifest, target: .new("many"), workers: 4
            ).perform(now: Date())
            #expect(try await server.fingerprint("many") == before)
            try await server.drop("many")
        }
    }
}
