import BackupRuntime
import Foundation
import Synchronization

/// A command ended by a signal after it had cleaned up: the program ends with 128 and the number, as a shell would say.
struct Interrupted: Error {
    let signal: Int32
}

/// Does the work in a task that SIGINT, SIGTERM and a terminal that goes away cancel, so that an interrupted command cleans
/// up before it ends.
/// Throws `Interrupted` when the work ended for that reason.
func interruptible<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result {
    let signals = Signals([SIGINT, SIGTERM, SIGHUP], sparingIgnored: true)
    let work = Task { try await body() }
    let received = Mutex<Int32?>(nil)
    let watch = Task {
        for await signal in signals.stream {
            received.withLock { $0 = $0 ?? signal }
            work.cancel()
        }
    }
    defer { watch.cancel() }
    do {
        return try await work.value
    } catch is CancellationError {
        throw Interrupted(signal: received.withLock { $0 } ?? SIGINT)
    }
}
