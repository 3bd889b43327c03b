import BackupCore
import Foundation
import TestSupport
import Testing

/// Jobs that dump a part of a database: what they leave out is missing, and the rest comes back as any other.
@Suite struct PartialDumpTests {
    private static let privileges = """
        select nspname, pg_get_userbyid(nspowner), array(select unnest(nspacl)::text order by 1), obj_description(oid, 'pg_namespace')
        from pg_namespace where nspname in ('public', 'more') order by 1
        """

    /// pg_dump makes the schema public when it is asked for it, which every new database has.
    @Test(arguments: [
        (#""schemas": ["public"]"#, "custom", ""),
        (#""schemas": ["public"]"#, "directory", "comment on schema public is 'ours';"),
        (#""schemas": ["pub*", "more"]"#, "custom", "alter schema public owner to \"part reader\";"),
        (#""excludeTables": ["more.*"]"#, "custom", "alter schema public owner to \"part reader\";"),
        (
            #""excludeTableData": ["public.log"]"#, "custom",
            "grant create on schema public to \"part reader\" with grant option;"
        ),
    ])
    func `a part is dumped, drilled and restored`(option: String, format: String, more: String) async throws {
        try await withOwnServer { host in
            try await host.server.psql("postgres", "create role \"part reader\"")
            try await host.server.create(
                "part",
                """
                create schema more; create table more.t as select 1 as n; \(more)
                create table t as select generate_series(1, 50) n; create table log as select generate_series(1, 5) n;
                grant select on t to "part reader"; create index on t (n);
                """)
            try host.write("\"part\": {\(VerbTests.often), \(option), \"format\": \"\(format)\"}")
            let backup = try await host.call("backup", "part")
            #expect(backup.status == 0, "\(backup.error)")
            let drill = try await host.call("drill", "part")
            #expect(drill.status == 0, "\(drill.error)")
            let lacks = option.split(separator: "\"")[2...].joined().filter { !"[]: ".contains($0) }
            let dry = try await host.call("restore", "part", "--into", "part again", "--dry-run")
            #expect(dry.status == 0 && dry.output.contains("which does not bring back "), "\(dry)")
            #expect(lacks.split(separator: ",").allSatisfy { dry.output.contains($0) }, "\(lacks): \(dry.output)")
            let restore = try await host.call("restore", "part", "--into", "part again")
            try #require(restore.status == 0, "\(restore.error)")
            let counts = try await host.server.psql(
                "part again",
                "select (select count(*) from t), (select count(*) from log), to_regclass('more.t') is null")
            let (hasLog, hasMore) = (!option.contains("log"), option.contains("\"more\"") || option.contains("log"))
            #expect(counts == "50|\(hasLog ? 5 : 0)|\(hasMore ? "f" : "t")")
            // pg_dump leaves a schema out with its tables, or keeps it empty.
            let there = try await host.server.psql("part again", Self.privileges).split(separator: "\n")
            let here = try await host.server.psql("part", Self.privileges).split(separator: "\n")
            #expect(there.last == here.last && there.dropLast() == here.dropLast().suffix(there.count - 1))
            let table = try await host.call("restore", "part", "--table", "public.t", "--schema", "back", "--yes")
            #expect(table.status == 0, "\(table.error)")
            #expect(try await host.server.psql("part", "select count(*) from back.t") == "50")
        }
    }
}
