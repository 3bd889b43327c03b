import BackupCore
import Foundation

/// Runs a job's `before` or `after` program: no shell, a time limit, and the facts in its environment.
enum HookRun {
    /// Throws `.failed` that says what the program did and the last it said.
    static func run(_ hook: Job.Hook, name: String, environment: [String: String]) async throws {
        let ending = try await Child.run(
            hook.command[0], Array(hook.command.dropFirst()), environment: environment,
            timeoutSeconds: hook.timeoutSeconds)
        switch ending.cause {
        case .exited(0): return
        case .interrupted: throw CancellationError()
        case .timedOut:
            throw Failure(
                .failed, "the \(name) hook \(hook.command[0]) did not end within \(TimeSpan.text(hook.timeoutSeconds))",
                cause: ending.errors)
        case .exited, .signaled:
            throw Failure(.failed, "the \(name) hook \(hook.command[0]) \(ending.description)", cause: ending.errors)
        }
    }
}
