import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

@Suite struct JobLockTests {
    /// A child of another run has all our descriptors from its fork to its exec: a run that had ended was told as at work.
    @Test func `given back, it is free, whoever has a copy of its descriptor`() async throws {
        try await withTemporaryFolder { root in
            var lock: JobLock? = try JobLock.take("job", root: root)
            #expect(throws: Failure.self) { try JobLock.take("job", root: root) }
            let path = "\(root)/job/.lock"
            let descriptor = try #require(
                try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { Int32($0) }.first {
                    (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == path
                })
            let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
            defer { close(copy) }
            withExtendedLifetime(lock) {}
            lock = nil
            let again = try JobLock.take("job", root: root)
            withExtendedLifetime(again) {}
        }
    }
}
