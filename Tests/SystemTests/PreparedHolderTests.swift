import Foundation
import TestSupport
import Testing

/// A lock that a prepared transaction holds has no process to name.
@Suite struct PreparedHolderTests {
    @Test func `the prepared transaction in the way of isolate and of a backup is named, and no other`() async throws {
        try await withOwnServer(options: "-c max_prepared_transactions=5") { host in
            let stage = try await IsolationStage.make(host, "prepared")
            try stage.writePlan(lockTimeout: "1s")
            try await host.server.psql(
                stage.shared,
                """
                begin; update app_settings set value = value where key = 'dot'; prepare transaction 'it''s writing';
                begin; select count(*) from app_settings; prepare transaction 'reading';
                """)
            let locked = try await stage.isolate("--yes")
            #expect(locked.status == 1 && locked.error.contains("step 3 of 6"), "\(locked.error)")
            #expect(
                locked.error.contains("it is held by the prepared transaction 'it''s writing' of postgres, since 20"),
                "\(locked.error)")
            #expect(locked.error.contains("ROLLBACK PREPARED") && !locked.error.contains("reading"), "\(locked.error)")
            try await host.server.psql(
                stage.shared,
                "rollback prepared 'it''s writing'; begin; lock table others; prepare transaction 'locking'")
            try host.write(
                "\"shared\": {\"database\": \"\(stage.shared)\", \(VerbTests.often), \"lockTimeout\": \"2s\"}")
            let said = try await host.call("backup", "shared")
            #expect(said.status == 1, "\(said.error)")
            #expect(said.error.contains("in the way: the prepared transaction 'locking' of postgres"), "\(said.error)")
            #expect(!said.error.contains("reading"), "\(said.error)")
        }
    }
}
