import BackupCore
import Foundation
import TestSupport
import Testing

@testable import BackupRuntime

/// Tables read back in pieces on several sessions, and their statistics.
@Suite struct RestoredTablesTests {
    private static let sql = """
        create table plain (id int primary key, v text);
        insert into plain select g, repeat(md5(g::text), 8) from generate_series(1, 4000) g;
        delete from plain where id % 3 = 0; vacuum plain; insert into plain values (0, 'into a gap'), (0 - 1, null);
        create table parent (id int, v text); create table child () inherits (parent);
        insert into parent select g, repeat('p', 500) from generate_series(1, 900) g;
        insert into child select g, repeat('c', 500) from generate_series(1, 900) g;
        create table wide (id int, v text); alter table wide alter v set storage external;
        insert into wide select g, repeat(md5(g::text), 300) from generate_series(1, 300) g;
        create table parts (id int, v text) partition by range (id);
        create table parts_1 partition of parts for values from (0) to (500);
        create table parts_2 partition of parts for values from (500) to (5000);
        insert into parts select g, repeat('x', 400) from generate_series(1, 2000) g;
        create table "Odd "" name" ("a,b" int, "c d" int generated always as ("a,b" * 2) stored);
        insert into "Odd "" name" select generate_series(1, 3000);
        create table nothing (); create table empty (id int);
        create materialized view m as select count(*) from plain;
        """
    private static let tables: [(name: String, columns: String)] = [
        ("public.plain", "(id, v)"), ("public.parent", "(id, v)"), ("public.child", "(id, v)"),
        ("public.wide", "(id, v)"), ("public.parts_1", "(id, v)"), ("public.parts_2", "(id, v)"),
        ("public.\"Odd \"\" name\"", "(\"a,b\")"), ("public.nothing", ""), ("public.empty", "(id)"),
    ]

    private func withDatabase(_ body: (ConnectionSettings, String, ScratchServer) async throws -> Void) async throws {
        try await withHost { host in
            let name = "pieces\(UInt32.random(in: 0 ... .max))"
            try await host.server.create(name, Self.sql)
            let server = Server(name: "s", connection: host.server.connection)
            try await body(try ConnectionSettings(server), name, host.server)
            try await host.server.drop(name)
        }
    }

    @Test func `in pieces of every size it finds what one reading finds`() async throws {
        try await withDatabase { settings, name, _ in
            let open: @Sendable () async throws -> Session = {
                let session = try await Session.open(settings, database: name, applicationName: ApplicationName.own)
                try await TextSettings.apply(nil, clientEncoding: nil, session)
                return session
            }
            var whole: [String: ArchiveFacts.TableData] = [:]
            let session = try await open()
            for table in Self.tables {
                whole[table.name] = try await TableReading.take(table.name, columns: table.columns, session)
            }
            #expect(whole.count == Self.tables.count && whole["public.plain"]?.rows == 2669)
            #expect(whole["public.parent"]?.rows == 900)
            for (sessions, bytes) in [(1, 8192), (2, 8192), (3, 100_000), (5, 1 << 20), (2, 1 << 30)] as [(Int, Int64)]
            {
                let found = try await RestoredTables(expected: whole, open: open, pieceBytes: bytes)
                    .read(sessions: sessions)
                #expect(found == whole, "\(sessions) sessions, pieces of \(bytes)")
            }
            // A table that is not there is missing from the answer, and none of the others.
            var more = whole
            more["public.gone"] = .init(rows: 1, fingerprint: Fingerprint(), columns: "(id)")
            #expect(try await RestoredTables(expected: more, open: open).read(sessions: 2) == whole)
        }
    }

    @Test func `statistics of every table, of partitioned ones and their parts, on several sessions`() async throws {
        try await withDatabase { settings, name, server in
            try await RestoreStatistics(settings: settings, database: name).gather(workers: 3)
            let lacking = try await server.psql(
                name,
                "select string_agg(relname, ' ') from pg_class where relkind in ('r', 'p', 'm') and relnamespace = 'public'::regnamespace and reltuples < 0"
            )
            #expect(lacking == "")
            let tables = try await server.psql(
                name,
                "select string_agg(distinct tablename || inherited, ' ' order by tablename || inherited) from pg_stats where schemaname = 'public' and tablename like 'par%'"
            )
            #expect(tables == "parentfalse parenttrue parts_1false parts_2false partstrue")
        }
    }

    @Test func `long arrays have statistics, and so has all that stands beside them; no target stays`() async throws {
        try await withDatabase { settings, name, server in
            try await server.psql(
                name,
                """
                create table pages (id int, embedding real[], tags int[], asked real[]);
                alter table pages alter asked set statistics 20;
                insert into pages select g, (select array_agg(random()) from generate_series(1, 1500) where g > 0),
                  array[1, 2, g % 3], array[g % 7] from generate_series(1, 1500) g;
                create index on pages ((id % 10)); create statistics pair (mcv) on id, tags from pages;
                create table bare (embedding real[]); insert into bare select embedding from pages;
                create table unfilled (embedding real[])
                """)
            let targets =
                "select string_agg(attname || attstattarget, ' ' order by attrelid, attnum) from pg_attribute where attrelid in ('pages'::regclass, 'bare'::regclass) and attnum > 0"
            let before = try await server.psql(name, targets)
            try await RestoreStatistics(settings: settings, database: name).gather(workers: 2)
            let found = try await server.psql(
                name,
                "select tablename || '.' || attname, most_common_elems is not null from pg_stats where tablename ~ '^(pages|bare)' order by 1"
            )
            #expect(
                found.split(separator: "\n") == [
                    "bare.embedding|f", "pages.asked|t", "pages.embedding|f", "pages.id|f", "pages.tags|t",
                    "pages_expr_idx.expr|f",
                ], "\(found)")
            #expect(try await server.psql(name, "select count(*) from pg_statistic_ext_data") == "1")
            #expect(try await server.psql(name, targets) == before)
        }
    }
}
