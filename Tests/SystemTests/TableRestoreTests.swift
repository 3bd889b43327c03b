import BackupCore
import Foundation
import TestSupport
import Testing

/// `restore --table`: single tables come back beside what is there, and nothing that is there changes.
@Suite struct TableRestoreTests {
    private static let often = #""calendar": "*-*-* 02:00:00""#

    private static let tables = """
        create schema "Odd schema"; create type mood as enum ('sad', 'glad'); create table items (id int primary key);
        insert into items select generate_series(1, 5);
        create function stamp() returns trigger language plpgsql as 'begin new.note := new.note || ''!''; return new; end';
        create table orders (id serial primary key, item int references items, m mood default 'glad',
          twice int generated always as (id * 2) stored, note text check (note <> 'never'));
        create index on orders (item); create trigger t before insert on orders for each row execute function stamp();
        insert into orders (item, note) select g % 5 + 1, E'line\\n tab\\t back\\\\ ' || g from generate_series(1, 300) g;
        create table "Odd schema"."Odd ""q"" table" ("co,l" text, none text); insert into "Odd schema"."Odd ""q"" table" values ('x', null), ('', '\\N');
        create table parts (id int, at date) partition by range (at);
        create table parts_1 partition of parts for values from ('2026-01-01') to ('2026-07-01');
        create table parts_2 partition of parts for values from ('2026-07-01') to ('2027-01-01');
        insert into parts select g, '2026-01-01'::date + g from generate_series(1, 300) g; create index on parts (id);
        """

    private func md5(_ server: ScratchServer, _ database: String, _ table: String) async throws -> String {
        try await server.psql(
            database, "select count(*), md5(string_agg(t::text, chr(10) order by t::text)) from \(table) t")
    }

    private func leftovers(_ host: TestHost, _ job: String) async throws -> [String] {
        let names = try await host.server.psql(
            "postgres", "select datname from pg_database where datname like 'archon\\_restore\\_%'")
        let files = try FileManager.default.contentsOfDirectory(atPath: "\(host.storage)/\(job)")
        return [names].filter { !$0.isEmpty } + files.filter { $0.hasPrefix(".partial") }
    }

    @Test func `tables that were altered and dropped come back into a schema of their own`() async throws {
        try await withOwnServer { host in
            let server = host.server
            try await server.create("live", Self.tables)
            try host.write("\"live\": {\(Self.often)}")
            #expect(try await host.call("backup", "live").status == 0)
            var before: [String: String] = [:]
            for table in ["orders", "\"Odd schema\".\"Odd \"\"q\"\" table\"", "parts"] {
                before[table] = try await md5(server, "live", table)
            }
            try await server.psql(
                "live", "update orders set note = 'gone'; drop table parts; delete from items where id = 9")
            let live = try await server.fingerprint("live")
            let said = try await host.call(
                "restore", "live", "--table", "orders", "--table", "\"Odd schema\".\"Odd \"\"q\"\" table\"", "--table",
                "public.parts", "--schema", "came back")
            #expect(said.status == 0, "\(said.error)")
            #expect(said.output.contains("live: \"came back\".orders is back from") && said.output.contains("300 rows"))
            for (table, name) in [
                ("orders", "orders"), ("\"Odd schema\".\"Odd \"\"q\"\" table\"", "\"Odd \"\"q\"\" table\""),
                ("parts", "parts"),
            ] {
                #expect(try await md5(server, "live", "\"came back\".\(name)") == before[table], "\(table)")
            }
            // A default of its own, its keys, checks and indexes; neither foreign keys nor triggers.
            try await server.psql("live", "insert into \"came back\".orders (item, note) values (77, 'new')")
            #expect(
                try await server.psql("live", "select id, note from \"came back\".orders where item = 77") == "301|new")
            await #expect(throws: Failure.self) {
                try await server.psql("live", "insert into \"came back\".orders (note) values ('never')")
            }
            let indexes = "select count(*) from pg_indexes where schemaname = 'came back'"
            #expect(try await server.psql("live", indexes) == "5")
            // All else is as it was.
            try await server.psql("live", "drop schema \"came back\" cascade")
            #expect(try await server.fingerprint("live") == live)
            #expect(try await leftovers(host, "live").isEmpty)
        }
    }

    @Test func `a table comes back into a new database, under the name it had`() async throws {
        try await withHost { host in
            try await host.server.create("tables one", Self.tables)
            try host.write("\"one\": {\"database\": \"tables one\", \(Self.often), \"format\": \"directory\"}")
            #expect(try await host.call("backup", "one").status == 0)
            let before = try await md5(host.server, "tables one", "orders")
            let said = try await host.call("restore", "one", "--table", "orders", "--into", "tables new", "--json")
            #expect(said.status == 0, "\(said.error)")
            let object = try #require(
                try JSONSerialization.jsonObject(with: Data(said.output.utf8)) as? [String: Any])
            #expect(object.keys.sorted() == ["database", "dump", "seconds", "tables"])
            #expect(object["tables"] as? [String: Int] == ["public.orders": 300])
            #expect(try await md5(host.server, "tables new", "orders") == before)
            #expect(try await host.server.psql("tables new", "select count(*) from items") == "0")
            // From the path of the archive, without a catalog.
            let dump = try #require(try host.files().first { $0.hasSuffix(".dump") })
            let path = try await host.call(
                "restore", "\(host.storage)/\(dump)", "--table", "items", "--into", "tables path")
            #expect(path.status == 0, "\(path.error)")
            #expect(try await host.server.psql("tables path", "select count(*) from items") == "5")
            for name in ["tables one", "tables new", "tables path"] { try await host.server.drop(name) }
        }
    }

    @Test func `mistakes are named before anything is done`() async throws {
        try await withOwnServer { host in
            try await host.server.create(
                "tables bad", "create table t (id int); create schema s; create table s.t (id int); create schema busy")
            try host.write("\"bad\": {\"database\": \"tables bad\", \(Self.often)}")
            #expect(try await host.call("backup", "bad").status == 0)
            let before = try await host.server.fingerprint("tables bad")
            for (arguments, status, message) in [
                (["--table", "nope"], 64, "the dump has no table nope"),
                (["--table", "t"], 64, "there are several tables t: in public, s"),
                (["--table", "public.t", "--table", "s.t"], 64, "would have one name"),
                (["--table", "public.t", "--schema", "busy"], 1, "the schema busy exists already"),
                (["--table", "public.t", "--into", "tables bad"], 1, "exists already"),
                (["--table", "public.t", "--replace"], 64, "never replaces"),
                (["--table", "a.b.c"], 64, "is no name of a table"), (["--schema", "x"], 64, "goes with --table"),
            ] as [([String], Int32, String)] {
                let said = try await run(
                    TestHost.binary, ["restore", "bad"] + arguments,
                    environment: ["ARCHON_BACKUPD_CONFIG": host.config])
                #expect(said.status == status && said.error.contains(message), "\(arguments): \(said.error)")
            }
            #expect(try await host.server.fingerprint("tables bad") == before)
            #expect(try await leftovers(host, "bad").isEmpty)
            try await host.server.drop("tables bad")
            let said = try await host.call("restore", "bad", "--table", "s.t")
            #expect(said.status == 1 && said.error.contains("no database tables bad to bring tables into"))
        }
    }

    @Test func `what the live database lacks undoes it all, and so does an interruption`() async throws {
        try await withOwnServer { host in
            try await host.server.create(
                "lack",
                "create type mood as enum ('a'); create table t (m mood); insert into t select 'a' from generate_series(1, 10); create table slow (id int); insert into slow select generate_series(1, 3); create function nap(int) returns int immutable language sql as 'select $1 from pg_sleep(20)'; alter table slow add check (id > 0)"
            )
            try host.write("\"lack\": {\(Self.often)}")
            #expect(try await host.call("backup", "lack").status == 0)
            try await host.server.psql("lack", "drop table t; drop type mood")
            let before = try await host.server.fingerprint("lack")
            let said = try await host.call("restore", "lack", "--table", "t", "--schema", "s")
            #expect(said.status == 1, "\(said.error)")
            #expect(said.error.contains("mood") && said.error.contains("Nothing has changed in lack"), "\(said.error)")
            #expect(try await host.server.fingerprint("lack") == before)
            // The definitions of a dump whose index takes its time: it is ended in the middle.
            try await host.server.psql("lack", "create index on slow (nap(id)) where id > 2")
            #expect(try await host.call("backup", "lack").status == 0)
            let running = try await host.start("restore", "lack", "--table", "slow", "--schema", "s")
            try await until("pg_restore builds the index: \(running.said)") {
                try await host.server.psql(
                    "postgres",
                    "select count(*) from pg_stat_activity where datname like 'archon\\_restore\\_%' and query like '%nap%' and application_name = 'archon-backupd/restore'"
                ) == "1"
            }
            running.signal(SIGTERM)
            #expect(try await running.end() == 143)
            #expect(try await host.server.psql("lack", "select count(*) from pg_namespace where nspname = 's'") == "0")
            #expect(try await leftovers(host, "lack").isEmpty)
        }
    }
}
