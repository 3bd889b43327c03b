import BackupRuntime
import Foundation

/// Does the work in a task that SIGINT and SIGTERM cancel, so that an interrupted command cleans up before it ends.
func interruptible<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result {
    let signals = Signals([SIGINT, SIGTERM])
    let work = Task { try await body() }
    let watch = Task { for await _ in signals.stream { work.cancel() } }
    defer { watch.cancel() }
    return try await work.value
}
