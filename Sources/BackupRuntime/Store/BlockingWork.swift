import Dispatch
import Synchronization

/// Runs work that blocks (an fsync, the hash of gigabytes) on a thread of its own. On the cooperative pool, which has one
/// thread a core, two such pieces would keep everything else waiting, the scheduler's questions included. With a `limit` the work is
/// told to stop when that is over, too.
func blocking<Result: Sendable>(
    within limit: TimeLimit? = nil, _ body: @escaping @Sendable (Cancellation) throws -> Result
) async throws -> Result {
    let cancellation = Cancellation(within: limit)
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

/// Tells blocking work that the task which waits for it was cancelled, or that its time is over.
final class Cancellation: Sendable {
    private let isRequested = Atomic(false)
    private let limit: TimeLimit?

    init(within limit: TimeLimit? = nil) { self.limit = limit }

    func request() { isRequested.store(true, ordering: .relaxed) }

    /// Throws when the work is to stop: `CancellationError`, or the limit's fault.
    func check() throws {
        if isRequested.load(ordering: .relaxed) { throw CancellationError() }
        _ = try limit?.remaining()
    }
}
