import Foundation
import TestSupport
import Testing

/// The harness of `make bench` is held to its page; how long anything takes is its own affair and asserted nowhere.
@Suite struct BenchmarkTests {
    private static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/../.."

    @Test func `the benchmarks judge, measure and write as their page says`() async throws {
        let said = try await run(
            "timeout", ["120", "/usr/bin/python3", "\(Self.repository)/Benchmarks/tests.py"],
            environment: ["PYTHONDONTWRITEBYTECODE": "1"])
        #expect(said.status == 0, "\(said.error)")
    }
}
