import Foundation
import TestSupport
import Testing

/// Rows of the target that the source's are to replace: none goes that no dump holds.
@Suite struct IsolateReplaceTests {
    private static let expected = #""expect": {"tables": {"public.app_*": 3}, "extensions": ["pg_trgm"]}"#

    /// The target has rows of its own already; its job has more members.
    private func stage(_ host: TestHost, _ mark: String, _ more: String) async throws -> IsolationStage {
        let stage = try await IsolationStage.make(host, mark)
        try await host.server.psql(stage.own, IsolationStage.schema)
        try stage.writePlan(#""targetRows": "overwrite""#)
        try host.write(
            """
            "shared": {"database": "\(stage.shared)", \(VerbTests.often), "expect": {"tables": {"public.app_*": 0}}},
            "own": {"database": "\(stage.own)", \(VerbTests.often), \(Self.expected), \(more)}
            """)
        return stage
    }

    @Test func `a row that is written after the first dump is in the one that is made before it goes`() async throws {
        try await withHost { host in
            // The hook of the first dump of the target: somebody goes on writing.
            let script = """
                #!/bin/sh
                test -e '\(host.folder)/written' && exit 0
                touch '\(host.folder)/written'
                exec '\(host.server.bin)/psql' -q -h '\(host.server.folder)/pg' -U postgres -d 'own late' \
                    -c "insert into app_settings values ('late', 'nobody else has it')"
                """
            try Data(script.utf8).write(to: URL(fileURLWithPath: "\(host.folder)/hook"))
            let stage = try await stage(
                host, "late", "\"hooks\": {\"after\": [\"/bin/sh\", \"\(host.folder)/hook\"]}")
            let rows = try await stage.rows(stage.shared)
            let done = try await stage.isolate("--yes")
            #expect(done.status == 0, "\(done.error)")
            #expect(FileManager.default.fileExists(atPath: "\(host.folder)/written"))
            #expect(try await stage.rows(stage.own) == rows)
            let back = try await host.call("restore", "own", "--into", "own back")
            #expect(back.status == 0, "\(back.error)")
            let keys = try await host.server.psql("own back", "select key from app_settings order by 1")
            #expect(keys == "late\nseed")
            try await host.server.drop("own back")
            try await stage.clean()
        }
    }

    @Test func `a dump that leaves them out ends it before they go`() async throws {
        try await withHost { host in
            let stage = try await stage(host, "left out", #""excludeTableData": ["public.app_settings"]"#)
            let before = try await stage.fingerprints()
            let refused = try await stage.isolate("--yes")
            #expect(refused.status == 1, "\(refused.error)")
            #expect(refused.error.contains("step 3 of 6"), "\(refused.error)")
            #expect(refused.error.contains("does not hold the rows of public.app_settings"), "\(refused.error)")
            #expect(try await stage.fingerprints() == before)
            try await stage.clean()
        }
    }
}
