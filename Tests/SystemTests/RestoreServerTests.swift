import BackupCore
import Foundation
import TestSupport
import Testing

/// A whole server brought back onto an empty one.
@Suite struct RestoreServerTests {
    private struct Answer: Decodable {
        struct Line: Decodable {
            var database: String
            var outcome: String
            var dump: String?
            var error: String?
            var notes: [String]
        }
        var roles: [String]
        var databases: [Line]
        var outcomes: [String: String] {
            Dictionary(databases.map { ($0.database, $0.outcome) }) { first, _ in first }
        }
    }

    private static let roles =
        "select rolname, rolcanlogin, rolsuper, rolpassword, setconfig from pg_authid a left join pg_db_role_setting s on s.setrole = a.oid and s.setdatabase = 0 where rolname !~ '^pg_' order by 1; select roleid::regrole::text, member::regrole::text from pg_auth_members where roleid > 16000 order by 1, 2"

    /// A host with a server of five databases that all differ, dumped; and another server that is new.
    private func withTwoServers(_ body: (TestHost, ScratchServer) async throws -> Void) async throws {
        try await withOwnServer { host in
            let new = try await ScratchServer.begin()
            defer { new.end() }
            try await fill(host.server)
            try DiscoveryTests.write(host)
            let said = try await host.call("backup", "--all", "--server", "main")
            try #require(said.status == 0, "\(said.error)")
            try await body(host, new)
        }
    }

    private static let databases = ["app", "Größe/Ü", "latin", "limited", "postgres"]

    private func fill(_ server: ScratchServer) async throws {
        try await server.psql(
            "postgres",
            """
            create role "Own er" login password 'one'; create role readers; create role member login in role readers;
            create role stranger superuser; alter role member set work_mem = '7MB';
            create database app owner "Own er"; create database "Größe/Ü";
            create database latin encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0;
            create database limited connection limit 3;
            comment on database limited is 'it''s limited'; grant connect on database limited to readers;
            alter database limited set work_mem = '5MB'; alter database limited set default_tablespace = 'lacking';
            alter database limited set application_name = 'last but one';
            alter database limited set default_transaction_read_only = on;
            alter database limited set a.b = 'x, "y"'; alter role member in database limited set search_path = 'a b', public;
            create table kept (n int); insert into kept values (1);
            """)
        try await server.psql(
            "app",
            "set role \"Own er\"; create table t as select g, md5(g::text) from generate_series(1, 2000) g; create index on t (g); grant select on t to readers"
        )
        try await server.psql("Größe/Ü", "create table \"Tä\" (v text); insert into \"Tä\" values ('ü')")
        try await server.psql("latin", "create table t (v text); insert into t values ('déjà vu')")
        try await server.psql(
            "limited",
            "set default_transaction_read_only = off; create table t (n serial); insert into t default values")
    }

    private func restore(_ host: TestHost, onto new: ScratchServer, _ arguments: String..., from: String = "latest")
        async throws -> Said
    {
        try await run(
            TestHost.binary,
            ["restore-server", "main", "--from", from, "--connection", new.connection, "--json"] + arguments,
            environment: ["ARCHON_BACKUPD_CONFIG": host.config])
    }

    private func decode(_ said: Said) throws -> Answer {
        try JSONDecoder().decode(Answer.self, from: Data(said.output.utf8))
    }

    private func expectEqual(_ old: ScratchServer, _ new: ScratchServer, _ databases: [String] = databases) async throws
    {
        for name in databases {
            #expect(try await new.fingerprint(name) == (try await old.fingerprint(name)), "\(name)")
        }
        let provider =
            "select datname, datlocprovider, daticulocale from pg_database where not datistemplate order by 1"
        #expect(try await new.psql("postgres", provider) == (try await old.psql("postgres", provider)))
    }

    @Test func `roles, then every database with all its properties, and nothing else`() async throws {
        try await withTwoServers { host, new in
            let planned = try await restore(host, onto: new, "--dry-run")
            #expect(planned.status == 0, "\(planned.error)")
            #expect(
                try decode(planned).outcomes == Dictionary(uniqueKeysWithValues: Self.databases.map { ($0, "planned") })
            )
            #expect(try await new.psql("postgres", "select count(*) from pg_database") == "3")
            let said = try await restore(host, onto: new)
            #expect(said.status == 0, "\(said.error)")
            let answer = try decode(said)
            #expect(answer.outcomes == Dictionary(uniqueKeysWithValues: Self.databases.map { ($0, "restored") }))
            let keys = try #require(try JSONSerialization.jsonObject(with: Data(said.output.utf8)) as? [String: Any])
            #expect(keys.keys.sorted() == ["databases", "notes", "roles", "server"])
            let lines = try #require(keys["databases"] as? [[String: Any]])
            #expect(
                lines.first?.keys.sorted().joined(separator: " ")
                    == "database dump job notes outcome rows seconds snapshot tables")
            #expect(Set(answer.roles) == ["Own er", "member", "readers", "stranger"])
            try await expectEqual(host.server, new)
            #expect(try await new.psql("postgres", Self.roles) == (try await host.server.psql("postgres", Self.roles)))
            // The empty `postgres` that was there is no more, nor is anything of ours.
            #expect(try await new.psql("postgres", "select count(*) from pg_database") == "7")
        }
    }

    @Test func `a server that has some of it is refused by name, and --missing brings the rest`() async throws {
        try await withTwoServers { host, new in
            try await new.psql("postgres", "create role readers login; create database app")
            try await new.psql("app", "create table mine (n int)")
            let refused = try await restore(host, onto: new)
            #expect(refused.status == 1, "\(refused.output)")
            #expect(
                refused.error.contains("is not empty: it has the databases app and the roles readers")
                    && refused.error.contains("--missing"), "\(refused.error)")
            #expect(try await new.psql("postgres", "select count(*) from pg_roles where rolname !~ '^pg_'") == "2")
            let said = try await restore(host, onto: new, "--missing")
            #expect(said.status == 0, "\(said.error)")
            #expect(try decode(said).outcomes["app"] == "present")
            #expect(try await new.psql("app", "select count(*) from mine") == "0")
            #expect(try await new.psql("postgres", "select rolcanlogin from pg_roles where rolname = 'readers'") == "t")
            for name in Self.databases where name != "app" {
                #expect(try await new.fingerprint(name) == (try await host.server.fingerprint(name)), "\(name)")
            }
            // A pattern leaves databases out, of what is in the way too.
            try await new.psql("template1", "drop database limited; drop database latin")
            let left = try await restore(
                host, onto: new, "--missing", "--exclude", "l*", "--exclude", "\"Größe/Ü\"", "--dry-run")
            #expect(try decode(left).outcomes.keys.sorted() == ["app", "postgres"], "\(left)")
        }
    }

    @Test func `a damaged newest dump fails its database alone, and an earlier moment takes the one before`()
        async throws
    {
        try await withTwoServers { host, new in
            let before = Date()
            try await Task.sleep(for: .milliseconds(1100))
            try await host.server.psql("app", "insert into t values (0, 'later')")
            let dump = try #require(try await host.call("backup", "app").lines.last)
            let archive = "\(host.storage)/app/\(dump).dump"
            try Damage.flip(archive, byte: try Damage.bytes(of: archive) / 2, bit: 3)
            let said = try await restore(host, onto: new)
            #expect(said.status == 65, "\(said.error)")
            let answer = try decode(said)
            #expect(answer.outcomes["app"] == "failed" && answer.outcomes.values.count { $0 == "restored" } == 4)
            #expect(answer.databases.first { $0.database == "app" }?.dump == dump)
            #expect(said.error.contains("\(dump) is damaged"), "\(said.error)")
            #expect(try await new.psql("postgres", "select count(*) from pg_database where datname = 'app'") == "0")
            // One that the folder shows to be damaged is told before anything is read.
            try Damage.cut(archive, to: 100)
            let planned = try await restore(host, onto: new, "--missing", "--dry-run")
            #expect(
                try decode(planned).outcomes["app"] == "failed"
                    && planned.error.contains("the newest dump \(dump) is damaged"), "\(planned)")
            let earlier = try await restore(host, onto: new, "--missing", from: Zone.utc.iso8601(before))
            #expect(earlier.status == 0, "\(earlier.error)")
            #expect(try await new.psql("app", "select count(*) from t") == "2000")
            let never = try await restore(host, onto: new, "--missing", from: "2020-01-01T00:00:00Z")
            #expect(
                never.status == 1 && never.error.contains("no good dump from before 2020-01-01T00:00:00Z"),
                "\(never.error)")
        }
    }

    @Test(.enabled(if: getuid() == 0, "a tablespace's folder belongs to the server's user"))
    func `tables of a tablespace that the new server has not are in the database's own`() async throws {
        try await withOwnServer { host in
            let new = try await ScratchServer.begin()
            defer { new.end() }
            let folder = "\(host.server.folder)/pg/fast"
            _ = try await run("/bin/sh", ["-c", "mkdir '\(folder)' && chown postgres '\(folder)'"])
            try await host.server.psql("postgres", "create tablespace \"Fa st\" location '\(folder)'")
            try await host.server.create(
                "app",
                "create table t (n int primary key) tablespace \"Fa st\"; insert into t select generate_series(1, 50)")
            try DiscoveryTests.write(host)
            try #require(try await host.call("backup", "--all").status == 0)
            let said = try await restore(host, onto: new)
            #expect(said.status == 0, "\(said.error)")
            let line = try #require(try decode(said).databases.first { $0.database == "app" })
            #expect(line.notes == ["the server has no tablespace Fa st: its tables are in the database's own"])
            #expect(try await new.psql("app", "select count(*) from t") == "50")
        }
    }

    @Test func `killed at a random instant, what has its name is whole, and --missing brings the rest`() async throws {
        try await withTwoServers { host, new in
            var random = SplitMix64(seed: 11)
            var cutOff = 0
            for round in 1...8 {
                let running = try await host.start(
                    "restore-server", "main", "--from", "latest", "--connection", new.connection, "--jobs", "2")
                try await Task.sleep(for: .milliseconds(Int.random(in: 50...2500, using: &random)))
                running.signal(SIGKILL)
                if try await running.end() != 0 { cutOff += 1 }
                let names = try await new.psql(
                    "postgres",
                    "select datname from pg_database where datname = any(array['app', 'Größe/Ü', 'latin', 'limited'])"
                ).split(separator: "\n").map(String.init)
                for name in names {
                    #expect(
                        try await new.fingerprint(name) == (try await host.server.fingerprint(name)),
                        "round \(round): \(name)")
                }
                // It works, or names what is there.
                let again = try await restore(host, onto: new)
                let isTold = again.error.contains("is not empty: it has the")
                #expect(again.status == 0 || (again.status == 1 && isTold), "\(again.error)")
                for name in names { #expect(again.status == 0 || again.error.contains(name), "\(again.error)") }
                let rest = try await restore(host, onto: new, "--missing")
                #expect(rest.status == 0, "round \(round): \(rest.error)")
                for name in Self.databases {
                    #expect(
                        try await new.fingerprint(name) == (try await host.server.fingerprint(name)),
                        "round \(round): \(name)")
                }
                #expect(
                    try await new.psql("postgres", Self.roles) == (try await host.server.psql("postgres", Self.roles)))
                try await empty(new)
            }
            #expect(cutOff > 0)
        }
    }

    /// As a new server is.
    private func empty(_ server: ScratchServer) async throws {
        let databases = try await server.psql(
            "template1", "select datname from pg_database where datname !~ '^template'")
        for name in databases.split(separator: "\n") {
            try await server.psql("template1", "drop database \"\(name)\" with (force)")
        }
        try await server.psql("template1", "create database postgres")
        let roles = try await server.psql(
            "postgres", "select rolname from pg_roles where rolname !~ '^pg_' and oid <> 10")
        for role in roles.split(separator: "\n") { try await server.psql("postgres", "drop role \"\(role)\"") }
    }

    @Test func `interrupted before any database is whole, it leaves the server as it was`() async throws {
        try await withOwnServer { host in
            let new = try await ScratchServer.begin()
            defer { new.end() }
            // The index that pg_restore builds last takes ten minutes: there is time to interrupt it.
            func slow(_ body: String) -> String {
                "create or replace function slow(i int) returns int immutable language plpgsql as 'begin \(body) return i; end'"
            }
            try await host.server.create(
                "slow",
                "create role half_made; create table t as select 1 g; alter table t owner to half_made; \(slow("")); create index on t (slow(g)); \(slow("perform pg_sleep(600);"))"
            )
            try DiscoveryTests.write(host, discover: #""exclude": ["postgres"],"#)
            try #require(try await host.call("backup", "--all").status == 0)
            let running = try await host.start(
                "restore-server", "main", "--from", "latest", "--connection", new.connection)
            try await until("pg_restore builds the index") {
                try await new.psql(
                    "postgres", "select count(*) from pg_stat_activity where wait_event = 'PgSleep'") == "1"
            }
            running.signal(SIGTERM)
            #expect(try await running.end() == 128 + SIGTERM)
            #expect(try await new.psql("postgres", "select count(*) from pg_database") == "3")
            #expect(try await new.psql("postgres", "select count(*) from pg_roles where rolname = 'half_made'") == "0")
            #expect(
                try await new.psql("postgres", "select count(*) from pg_stat_activity where wait_event = 'PgSleep'")
                    == "0")
        }
    }

    @Test func `what is asked for wrongly`() async throws {
        try await withHost { host in
            try DiscoveryTests.write(host)
            for (arguments, status, hint) in [
                (["main"], Int32(64), "--from"), (["main", "--from", "yesterday"], 64, "latest"),
                (["other", "--from", "latest"], 64, "Its servers are: main"),
                (["main", "--from", "latest", "--onto", "other"], 64, "Its servers are: main"),
                (["main", "--from", "latest", "--onto", "main", "--connection", "user=x"], 64, "exclude each other"),
                (["main", "--from", "latest", "--exclude", "a.b"], 64, "dot"),
                (["main", "--from", "latest", "--connection", "host=x password=secret"], 64, "PGPASSFILE"),
                (["main", "--from", "latest", "--connection", "postgresql://u:secret@x"], 64, "PGPASSFILE"),
                (["main", "--from", "latest", "--connection", "host=x dbname=y"], 64, "Leave dbname out"),
                (["main", "--from", "latest", "--connection", "x"], 64, "no connection string"),
                (["main", "--from", "latest", "--jobs", "0"], 64, "between 1 and 64"),
                (["main", "--from", "latest"], 1, "no database of main"),
            ] {
                let said = try await run(
                    TestHost.binary, ["restore-server"] + arguments, environment: ["ARCHON_BACKUPD_CONFIG": host.config]
                )
                #expect(said.status == status && said.error.contains(hint), "\(arguments): \(said.error)")
                #expect(!said.error.contains("secret"))
            }
        }
    }
}
