import Foundation
import TestSupport
import Testing

/// `--undo`, said again.
@Suite struct IsolateUndoTests {
    @Test func `where the archive has more in it, a second undo finds nothing to do`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "more")
            let done = try await stage.isolate("--yes")
            #expect(done.status == 0, "\(done.error)")
            try await host.server.psql(
                stage.shared,
                "create table archon_legacy_archive.mine (id int); create view archon_legacy_archive.v as select 1")
            let back = try await stage.isolate("--undo", "--yes")
            #expect(back.status == 0 && back.error.contains("archon_legacy_archive stays"), "\(back.error)")
            let before = try await stage.fingerprints()
            for flags in [[], ["--yes"]] {
                let again = try await run(
                    TestHost.binary, ["isolate", stage.plan, "--undo"] + flags,
                    environment: ["ARCHON_BACKUPD_CONFIG": host.config])
                #expect(again.status == 0, "\(again.error)")
                if !flags.isEmpty { #expect(again.output.contains("nothing was to be done"), "\(again.output)") }
            }
            #expect(try await stage.fingerprints() == before)
            // Without its comment, and with the old tables in it, nobody says that all is done.
            let anew = try await stage.isolate("--yes")
            #expect(anew.status == 1, "\(anew.error)")
            try await host.server.psql(
                stage.shared, "create table archon_legacy_archive.app_tasks as table app_tasks")
            let unsure = try await stage.isolate("--undo", "--yes")
            #expect(unsure.status == 1 && unsure.error.contains("does not say"), "\(unsure.error)")
            try await stage.clean()
        }
    }
}
