import BackupCore
import Foundation
import TestSupport
import Testing

/// Grants on what an archive does not make: functions of extensions and of the system. Who restores an extension owns it then, and a
/// throwaway's system is of another superuser.
@Suite struct ExtensionOwnerTests {
    private static let statements = """
        create role installer superuser; create role app; create role reader; create schema extensions;
        set role installer; create extension pg_trgm schema extensions;
        grant all on function extensions.similarity(text, text) to installer with grant option;
        grant execute on function extensions.similarity(text, text) to app, postgres;
        revoke all on function extensions.show_trgm(text) from public;
        grant execute on function extensions.show_trgm(text) to reader; reset role;
        revoke execute on function pg_catalog.pg_sleep(double precision) from public;
        grant execute on function pg_catalog.pg_sleep(double precision) to app;
        create table t as select 1 n; grant select on t to reader
        """

    @Test func `they come back, whoever owns what they are on`() async throws {
        try await withOwnServer { host in
            try await host.server.create("granted", Self.statements)
            try host.write("\"granted\": {\(VerbTests.often)}")
            #expect(try await host.call("backup", "granted").status == 0)
            let drilled = try await host.call("drill", "granted")
            #expect(drilled.status == 0, "\(drilled.error)")
            let restored = try await host.call("restore", "granted", "--into", "again")
            #expect(restored.status == 0, "\(restored.error)")
            let question = """
                select p.oid::regprocedure, a.grantee::regrole from pg_proc p, aclexplode(proacl) a
                where proname in ('similarity', 'show_trgm', 'pg_sleep') and a.grantee in ('app'::regrole, 'reader'::regrole, 0) order by 1, 2
                """
            let had = try await host.server.psql("granted", "set search_path = extensions; \(question)")
            #expect(try await host.server.psql("again", "set search_path = extensions; \(question)") == had)
            #expect(had.contains("show_trgm(text)|reader") && had.contains("pg_sleep(double precision)|app"), "\(had)")
        }
    }
}
