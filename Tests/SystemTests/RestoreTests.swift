import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

/// The worst night: what `restore` does to a server, and what it never does.
@Suite struct RestoreTests {
    private static let often = #""calendar": "*-*-* 02:00:00""#

    private func temporaries(_ server: ScratchServer) async throws -> String {
        try await server.psql(
            "postgres", "select string_agg(datname, ',') from pg_database where datname like 'archon\\_restore\\_%'")
    }

    @Test func `on a server that never saw it: roles, owners, grants, settings and passwords come back`() async throws {
        try await withOwnServer { host in
            let old = host.server
            let new = try await ScratchServer.begin()
            defer { new.end() }
            try await old.psql(
                "postgres",
                "create role \"Own er\" login password 'one'; create role stranger superuser; create role subscriber superuser; create role reader nologin; create role member login in role reader; alter role \"Own er\" set work_mem = '5MB'; create database \"moved db\" owner \"Own er\""
            )
            try await old.psql(
                "moved db",
                "set role \"Own er\"; create table t (id int); insert into t select generate_series(1, 20); grant select on t to reader; create function f() returns int language sql as 'select 1'; revoke all on function f() from public; alter default privileges grant select on tables to reader; reset role; grant create on database \"moved db\" to reader with grant option; alter role member in database \"moved db\" set search_path = 'a b', public; create subscription s connection 'host=nowhere' publication p with (connect = false, slot_name = none); alter subscription s owner to subscriber"
            )
            try host.write("\"moved\": {\"database\": \"moved db\", \(Self.often)}")
            #expect(try await host.call("backup", "moved").status == 0)
            let before = try await old.fingerprint("moved db")
            let there = TestHost(folder: host.folder, server: new)
            try there.write("\"moved\": {\"database\": \"moved db\", \(Self.often)}")
            let said = try await there.call("restore", "moved")
            #expect(said.status == 0, "\(said.error)")
            #expect(said.output.contains("roles created: Own er, member, reader, subscriber"), "\(said.output)")
            // Nothing in this database needs the stranger.
            #expect(try await new.psql("postgres", "select count(*) from pg_roles where rolname = 'stranger'") == "0")
            #expect(try await new.fingerprint("moved db") == before)
            let question =
                "select rolname, rolcanlogin, rolpassword, setconfig from pg_authid a left join pg_db_role_setting s on s.setrole = a.oid and s.setdatabase = 0 where rolname !~ '^pg_|stranger' order by 1; select roleid::regrole::text, member::regrole::text from pg_auth_members where roleid > 16000 order by 1, 2"
            #expect(try await new.psql("postgres", question) == (try await old.psql("postgres", question)))
        }
    }

    @Test func `any dump that is named, by its name or by an instant`() async throws {
        try await withHost { host in
            try await host.server.create("choice", "create table t (n int)")
            try host.write("\"choice\": {\(Self.often)}")
            var dumps: [String] = []
            var ends: [Date] = []
            for number in 1...3 {
                try await host.server.psql("choice", "insert into t values (\(number))")
                dumps += try await host.call("backup", "choice").lines
                ends.append(Date())
            }
            try #require(dumps.count == 3)
            func count(_ arguments: [String]) async throws -> String {
                let said = try await run(
                    TestHost.binary, ["restore", "choice", "--into", "chosen"] + arguments,
                    environment: ["ARCHON_BACKUPD_CONFIG": host.config])
                guard said.status == 0 else { return said.error }
                let count = try await host.server.psql("chosen", "select count(*) from t")
                try await host.server.drop("chosen")
                return count
            }
            #expect(try await count([]) == "3")
            #expect(try await count(["--dump", dumps[0]]) == "1")
            #expect(try await count(["--dump", dumps[1] + ".dump"]) == "2")
            #expect(try await count(["--at", Zone.utc.iso8601(ends[1])]) == "2")
            #expect(
                try await count(["--at", "2020-01-01T00:00:00Z"]).contains(
                    "no good dump from before 2020-01-01T00:00:00Z; the oldest is of"))
            #expect(try await count(["--dump", "nonsense"]).contains("has no dump \"nonsense\""))
            // A file of the older script, by its name.
            let folder = "\(host.storage)/choice"
            try FileManager.default.copyItem(
                atPath: "\(folder)/\(dumps[0]).dump", toPath: "\(folder)/backup_choice_20251123_020000.dump")
            #expect(try await host.call("list", "choice").output.contains("none"))
            #expect(try await count(["--dump", "backup_choice_20251123_020000"]) == "1")
            let adopted = try await host.call("adopt", "choice", "\(folder)/backup_choice_20251123_020000.dump")
            #expect(adopted.lines == ["backup_choice_20251123T020000Z"], "\(adopted.error)")
            #expect(!FileManager.default.fileExists(atPath: "\(folder)/backup_choice_20251123_020000.dump"))
            #expect(try await host.call("verify", "choice", "--every").status == 0)
            try await host.server.drop("choice")
        }
    }

    @Test func `killed at a random instant, the database that is used is the old one or the new one, whole`()
        async throws
    {
        try await withOwnServer { host in
            let server = host.server
            try await server.create(
                "night",
                "create table t as select g, md5(g::text) from generate_series(1, 3000) g; create index on t (g)")
            try host.write("\"night\": {\(Self.often)}")
            #expect(try await host.call("backup", "night").status == 0)
            try await server.psql("night", "insert into t select 0, 'newer than the dump'")
            var random = SplitMix64(seed: 5)
            var replaced = 0
            for round in 1...25 {
                let running = try await host.start("restore", "night", "--replace", "--yes")
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...700, using: &random)))
                running.signal(SIGKILL)
                _ = try await running.end()
                // The server notices that its client is gone when it next speaks to it.
                let rows = try await server.psql("night", "select count(*) from t")
                #expect(rows == "3001" || rows == "3000", "round \(round): \(rows)")
                guard rows == "3000" else { continue }
                replaced += 1
                try await server.psql("night", "insert into t select 0, 'newer than the dump'")
            }
            let kept = try await server.psql(
                "postgres", "select count(*) from pg_database where datname like 'night\\_before\\_%'")
            #expect(kept == "\(replaced)", "\(replaced) times replaced")
            // What a kill has left is in nobody's way.
            #expect(try await host.call("restore", "night", "--replace", "--yes").status == 0)
            #expect(try await server.psql("night", "select count(*) from t") == "3000")
        }
    }

    @Test func `an interrupted restore leaves nothing behind`() async throws {
        try await withOwnServer { host in
            // The index that pg_restore builds last takes ten minutes: there is time to interrupt it.
            func slow(_ body: String) -> String {
                "create or replace function slow(i int) returns int immutable language plpgsql as 'begin \(body) return i; end'"
            }
            try await host.server.create(
                "broken off",
                "create role half_made; create table t as select 1 g; alter table t owner to half_made; \(slow("")); create index on t (slow(g)); \(slow("perform pg_sleep(600);"))"
            )
            try host.write("\"off\": {\"database\": \"broken off\", \(Self.often)}")
            #expect(try await host.call("backup", "off").status == 0)
            try await host.server.drop("broken off")
            try await host.server.psql("postgres", "drop role half_made")
            let running = try await host.start("restore", "off")
            let works = "select count(*) from pg_stat_activity where application_name = 'archon-backupd/restore'"
            let role = "select count(*) from pg_roles where rolname = 'half_made'"
            try await until("pg_restore builds the index") {
                try await host.server.psql("postgres", "\(works) and wait_event = 'PgSleep'") == "1"
            }
            #expect(try await host.server.psql("postgres", role) == "1")
            running.signal(SIGINT)
            #expect(try await running.end() == 128 + SIGINT)
            #expect(try await host.server.psql("postgres", works) == "0")
            let databases = "select string_agg(datname, ' ') from pg_database where not datistemplate"
            #expect(try await host.server.psql("postgres", databases) == "postgres")
            #expect(try await host.server.psql("postgres", role) == "0")
        }
    }

    @Test func `the maintenance database itself is replaced, and comes back when it is gone`() async throws {
        try await withOwnServer { host in
            try await host.server.psql("postgres", "create table t as select generate_series(1, 10) g")
            // The database that stands in for it meanwhile lets nobody write.
            try await host.server.create("reader")
            try await host.server.psql("postgres", "alter database reader set default_transaction_read_only = on")
            try host.write("\"postgres\": {\(Self.often)}")
            #expect(try await host.call("backup", "postgres").status == 0)
            let before = try await host.server.fingerprint("postgres")
            let replaced = try await host.call("restore", "postgres", "--replace", "--yes")
            #expect(replaced.status == 0, "\(replaced.error)")
            #expect(try await host.server.fingerprint("postgres") == before)
            let undo = try #require(replaced.lines.first { $0.hasPrefix("to undo: ") }).dropFirst(9)
            let undone = try await run("/bin/sh", ["-c", String(undo)])
            #expect(undone.status == 0, "\(undone.error)")
            try await host.server.psql("template1", "drop database postgres")
            let back = try await host.call("restore", "postgres")
            #expect(back.status == 0 && back.output.hasPrefix("postgres: restored"), "\(back.error)")
            #expect(try await host.server.fingerprint("postgres") == before)
        }
    }

    @Test func `while it restores, everybody may create databases`() async throws {
        try await withOwnServer { host in
            try await host.server.create(
                "large",
                "create table t as select g, md5(g::text) from generate_series(1, 400000) g; create index on t (md5)")
            try host.write("\"large\": {\(Self.often)}")
            #expect(try await host.call("backup", "large").status == 0)
            let restore = try await host.start("restore", "large", "--replace", "--yes")
            var made = 0
            while !restore.hasEnded {
                try await host.server.psql("postgres", "create database made")
                try await host.server.psql("postgres", "drop database made")
                made += 1
            }
            #expect(try await restore.end() == 0, "\(restore.said)")
            #expect(made > 0)
        }
    }

    @Test func `a prepared transaction in the way is named and nothing is done`() async throws {
        try await withOwnServer(options: "-c max_prepared_transactions=5") { host in
            let server = host.server
            try await server.create("prepared", "create table t (n int)")
            try host.write("\"prepared\": {\(Self.often)}")
            #expect(try await host.call("backup", "prepared").status == 0)
            try await server.psql("prepared", "begin; insert into t values (1); prepare transaction 'left over'")
            let said = try await host.call("restore", "prepared", "--replace", "--yes")
            #expect(said.status == 1 && said.error.contains("left over"), "\(said.error)")
            #expect(try await temporaries(server) == "")
            try await server.psql("prepared", "rollback prepared 'left over'")
            #expect(try await host.call("restore", "prepared", "--replace", "--yes").status == 0)
        }
    }

    @Test(arguments: [
        (
            "latin", "encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0",
            "insert into t values ('déjà vu')"
        ),
        (
            "icu",
            "locale_provider icu icu_locale 'de-u-co-phonebk' lc_collate 'C.UTF-8' lc_ctype 'C.UTF-8' template template0",
            "insert into t values ('Öl')"
        ),
        ("-dash", "encoding 'UTF8'", "insert into t values ('x')"),
        ("no connections to spare", "connection limit 0", ""),
    ])
    func `encodings, providers and names`(name: String, options: String, sql: String) async throws {
        try await withOwnServer { host in
            let server = host.server
            try await server.psql("postgres", "create database \"\(name)\" \(options)")
            try await server.psql(name, "create table t (v text); \(sql)")
            try host.write("\"odd\": {\"database\": \"\(name)\", \(Self.often)}")
            let before = try await server.fingerprint(name)
            let backup = try await host.call("backup", "odd")
            #expect(backup.status == 0, "\(backup.error)")
            let said = try await host.call("restore", "odd", "--replace", "--yes")
            #expect(said.status == 0, "\(said.error)")
            #expect(try await server.fingerprint(name) == before)
            let provider = "select datlocprovider, daticulocale from pg_database where datname like '%\(name)%'"
            #expect(Set(try await server.psql("postgres", provider).split(separator: "\n")).count == 1)
        }
    }
}
