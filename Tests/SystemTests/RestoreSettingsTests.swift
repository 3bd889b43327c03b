import BackupCore
import Foundation
import TestSupport
import Testing

/// What a restore's sessions are given, and that nothing of it stays.
@Suite struct RestoreSettingsTests {
    private static let often = #""calendar": "*-*-* 02:00:00""#
    /// Filled by the restore's own sessions, with what they were given.
    private static let seen = """
        create materialized view seen as select name, setting from pg_settings where name in ('maintenance_work_mem',
          'max_parallel_maintenance_workers', 'synchronous_commit', 'statement_timeout', 'work_mem', 'lock_timeout',
          'default_transaction_read_only')
        """

    private func seen(_ server: ScratchServer, _ database: String) async throws -> [String: String] {
        let rows = try await server.psql(database, "select name || '=' || setting from seen").split(separator: "\n")
        return Dictionary(
            rows.map { ($0.split(separator: "=")[0].description, $0.split(separator: "=")[1].description) }
        ) { first, _ in first }
    }

    private func kept(_ server: ScratchServer, _ database: String) async throws -> String {
        try await server.psql(
            database,
            "select setrole::regrole, setconfig from pg_db_role_setting where setdatabase = (select oid from pg_database where datname = current_database()) order by 1"
        )
    }

    private func jobs(_ said: Said) throws -> Int? {
        (try JSONSerialization.jsonObject(with: Data(said.output.utf8)) as? [String: Any])?["jobs"] as? Int
    }

    @Test func `a role that is cut off soon and may not write restores all the same, and keeps its own settings`()
        async throws
    {
        try await withOwnServer { host in
            var host = host
            let server = host.server
            try await server.psql("postgres", "create role hasty superuser login; create role reader")
            // An index that takes its time, to be built and to be looked at by ANALYZE.
            try await server.create(
                "odd",
                "create function slow(i int) returns int immutable language plpgsql as 'begin perform pg_sleep(0.01); return i; end'; create table t as select generate_series(1, 100) g; create index on t (slow(g)); \(Self.seen)"
            )
            try await server.psql(
                "postgres",
                "alter role hasty set statement_timeout = '300ms'; alter role hasty set lock_timeout = '100ms'; alter role hasty set default_transaction_read_only = on; alter role hasty in database odd set maintenance_work_mem = '3MB'; alter database odd set work_mem = '5MB'; alter role reader in database odd set search_path = 'a b', public"
            )
            host.servers = "\"s\": {\"connection\": \"host=\(server.folder)/pg user=hasty\"}"
            try host.write("\"odd\": {\(Self.often)}")
            let backup = try await host.call("backup", "odd")
            #expect(backup.status == 0, "\(backup.error)")
            let settings = try await kept(server, "odd")
            let said = try await host.call("restore", "odd", "--replace", "--yes")
            #expect(said.status == 0 && !said.output.contains("note:"), "\(said.output) \(said.error)")
            #expect(try await server.psql("odd", "select count(*) from t") == "100")
            #expect(try await kept(server, "odd") == settings)
            let found = try await seen(server, "odd")
            #expect(found["synchronous_commit"] == "off" && found["statement_timeout"] == "0", "\(found)")
            #expect((found["maintenance_work_mem"].flatMap { Int($0) } ?? 0) >= 64 << 10, "\(found)")
            #expect(try await server.psql("odd", "select count(*) from pg_stats where tablename = 't'") == "1")
            // Single tables, into a new database: it keeps none of it either.
            let table = try await host.call("restore", "odd", "--table", "t", "--into", "part")
            #expect(table.status == 0, "\(table.error)")
            #expect(try await kept(server, "part") == "")
        }
    }

    @Test func `what the connection's own options say holds, and what they do not say is given`() async throws {
        try await withOwnServer { host in
            var host = host
            let server = host.server
            try await server.create("asked", "create table t (n int); \(Self.seen)")
            host.servers =
                "\"s\": {\"connection\": \"\(server.connection) options='-c work_mem=7MB -c maintenance_work_mem=2MB'\"}"
            try host.write("\"asked\": {\(Self.often)}")
            #expect(try await host.call("backup", "asked").status == 0)
            let said = try await host.call("restore", "asked", "--into", "again")
            #expect(said.status == 0, "\(said.error)")
            let found = try await seen(server, "again")
            #expect(found["work_mem"] == "7168" && found["maintenance_work_mem"] == "2048", "\(found)")
            #expect(found["synchronous_commit"] == "off", "\(found)")
            #expect(try await kept(server, "again") == "")
        }
    }

    @Test func `a user that may not read the server's files restores with what is known, and leaves nothing`()
        async throws
    {
        try await withOwnServer { host in
            var host = host
            let server = host.server
            try await server.psql(
                "postgres",
                "create role owner login createdb connection limit 30; create database own owner owner; grant pg_read_all_settings to owner"
            )
            try await server.psql("own", "set role owner; create schema mine; create table mine.t (n int)")
            host.servers =
                "\"s\": {\"connection\": \"host=\(server.folder)/pg user=owner\"}"
            try host.write("\"own\": {\(Self.often)}")
            #expect(try await host.call("backup", "own").status == 0)
            let log = "\(server.folder)/pg/log"
            let said = try await host.call("restore", "own", "--into", "again", "--json")
            #expect(said.status == 0, "\(said.error)")
            #expect(try jobs(said).map { $0 >= 1 } == true)
            #expect(try await kept(server, "again") == "")
            // It is not asked for what it may not do.
            let words = String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self)
            #expect(!words.contains("pg_read_file"), "\(words)")
        }
    }

    @Test func `a server with few connections left is not asked for more`() async throws {
        try await withOwnServer(options: "-c max_connections=12") { host in
            let statements = (1...20).map { "create table t\($0) as select generate_series(1, 100) g" }
            try await host.server.create("narrow", statements.joined(separator: "; "))
            try host.write("\"narrow\": {\(Self.often)}")
            #expect(try await host.call("backup", "narrow").status == 0)
            let said = try await host.call("restore", "narrow", "--into", "again", "--json")
            #expect(said.status == 0, "\(said.error)")
            #expect(try jobs(said) == 1, "\(said.output)")
            // Asked for, it is a person's own choice.
            let asked = try await host.call("restore", "narrow", "--into", "third", "--jobs", "3", "--json")
            #expect(asked.status == 0, "\(asked.error)")
            #expect(try jobs(asked) == 3, "\(asked.output)")
            #expect(try await host.server.fingerprint("third") == (try await host.server.fingerprint("narrow")))
        }
    }

    /// What the archive's sum does not tell, because somebody has made them agree, its full read does, while the database is
    /// being filled.
    @Test func `an archive that is found damaged while it is restored replaces nothing and leaves nothing`()
        async throws
    {
        try await withOwnServer { host in
            let server = host.server
            try await server.psql("postgres", "create role owner_of_t")
            try await server.create(
                "spoiled",
                "create table t as select 1000000 + g as n, md5(g::text) v from generate_series(1, 2000) g; alter table t owner to owner_of_t; create index on t (n)"
            )
            try host.write("\"spoiled\": {\"compression\": \"none\", \(Self.often)}")
            let stage = try await DumpStage(host, "spoiled")
            try await server.psql("spoiled", "insert into t values (0, 'newer than the dump')")
            let word = try Damage.last("1001500\t", in: stage.archive)
            // A digit that is another one: pg_restore takes it. One that is a letter: pg_restore stumbles first.
            for bit in [0, 6] {
                try stage.reset()
                try Damage.flip(stage.archive, byte: word + 3, bit: bit)
                try await stage.blessBytes()
                let said = try await host.call("restore", "spoiled", "--replace", "--yes")
                #expect(said.status == 65, "bit \(bit): \(said.status) \(said.error)")
                #expect(
                    said.error.contains("is damaged: public.t has rows with other contents than the manifest says"),
                    "bit \(bit): \(said.error)")
                #expect(try await server.psql("spoiled", "select count(*) from t") == "2001")
                let databases = "select string_agg(datname, ' ' order by 1) from pg_database where not datistemplate"
                #expect(try await server.psql("postgres", databases) == "postgres spoiled")
                let sessions = "select count(*) from pg_stat_activity where application_name like 'archon-backupd%'"
                #expect(try await server.psql("postgres", sessions) == "0")
            }
            try stage.reset()
            #expect(try await host.call("restore", "spoiled", "--replace", "--yes").status == 0)
        }
    }
}
