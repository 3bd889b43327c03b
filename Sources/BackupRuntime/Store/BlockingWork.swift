import Dispatch
import Synchronization

/// Runs work that blocks (an fsync, the hash of gigabytes) on a thread of its own. On the cooperative pool, which has one
/// thread a core, two such pieces would keep everything else waiting, the scheduler's questions included.
func blocking<Result: Sendable>(_ body: @escaping @Sendable (Cancellation) throws -> Result) async throws -> Result {
    let cancellation = Cancellation()
    return try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { continuation in
            // A queue of its own has a thread at once; and a global one would wake an idle daemon: see OwnThreads.
            DispatchQueue(label: "archon-backupd.blocking").async { @Sendable in
                continuation.resume(with: Swift.Result { try body(cancellation) })
            }
        }
    } onCancel: {
        cancellation.request()
    }
}

/// Tells blocking work that the task which waits for it was cancelled.
final class Cancellation: Sendable {
    private let isRequested = Atomic(false)

    func request() { isRequested.store(true, ordering: .relaxed) }

    /// Throws `CancellationError` when the work is to stop.
    func check() throws {
        if isRequested.load(ordering: .relaxed) { throw CancellationError() }
    }
}
