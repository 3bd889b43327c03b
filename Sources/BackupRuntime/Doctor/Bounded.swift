import Dispatch
import Synchronization

/// The answer of work that blocks and cannot be called off, such as a resolver's; nil when it takes longer than that. Its thread is
/// then left behind: only for commands, which end soon.
func bounded<Answer: Sendable>(seconds: Double, _ body: @escaping @Sendable () throws -> Answer) async throws -> Answer?
{
    let waiting = Waiting<Answer>()
    return try await withCheckedThrowingContinuation { continuation in
        waiting.continuation.withLock { $0 = continuation }
        DispatchQueue(label: "archon-backupd.bounded").async { @Sendable in
            let answer = Result { try body() }
            waiting.end(answer.map(Optional.some))
        }
        DispatchQueue(label: "archon-backupd.bounds").asyncAfter(deadline: .now() + seconds) { @Sendable in
            waiting.end(.success(nil))
        }
    }
}

/// Who waits is told once, by whichever comes first.
private final class Waiting<Answer: Sendable>: Sendable {
    let continuation = Mutex<CheckedContinuation<Answer?, any Error>?>(nil)

    func end(_ result: Result<Answer?, any Error>) {
        let told = continuation.withLock { waiting in
            defer { waiting = nil }
            return waiting
        }
        told?.resume(with: result)
    }
}
