import BackupCore
import Foundation
import TestSupport
import Testing

/// Tables of extensions that come with rows, as PostGIS's spatial_ref_sys: a dump has those of users alone. That a user's row which is
/// missing is seen is in DrillTests.
@Suite struct ExtensionRowsTests {
    @Test func `the rows that an extension brings itself are no difference`() async throws {
        try await withOwnServer { host in
            try await host.server.create(
                "measured",
                """
                create extension unit; insert into unit_prefixes (prefix, factor) values ('mine', 7), ('ours', 8);
                create table t as select 1 n
                """)
            try host.write("\"measured\": {\(VerbTests.often), \"proof\": \"source-content\"}")
            let made = try await host.call("backup", "measured", "--json")
            #expect(made.status == 0 && made.output.contains("\"matched\" : \"content\""), "\(made)")
            let drilled = try await host.call("drill", "measured")
            #expect(drilled.status == 0, "\(drilled.error)")
            let blast = try await host.call("blast-drill", "measured")
            #expect(blast.status == 0, "\(blast.error)")
            let restored = try await host.call("restore", "measured", "--into", "again")
            #expect(restored.status == 0, "\(restored.error)")
            #expect(try await host.server.fingerprint("again") == (try await host.server.fingerprint("measured")))
            let table = try await host.call("restore", "measured", "--table", "unit_prefixes", "--into", "table")
            #expect(table.status == 64 && table.error.contains("hint: It has public.t.\n"), "\(table)")
        }
    }
}
