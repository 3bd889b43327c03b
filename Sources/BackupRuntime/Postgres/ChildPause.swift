import Foundation
import Synchronization

/// Lets a child and all that it has begun wait, and go on. A child that is told to end while it waits does so once it goes on.
final class ChildPause: Sendable {
    private struct State {
        var group: pid_t?
        var isPaused = false
    }
    private let state = Mutex(State())

    /// Called by `Child` while the child is there: its number is its group's, and nobody else's before it was waited for.
    func begin(_ group: pid_t) { state.withLock { $0 = State(group: group) } }

    func end() {
        resume()
        state.withLock { $0.group = nil }
    }

    func pause() { set(true) }
    func resume() { set(false) }

    private func set(_ wanted: Bool) {
        state.withLock { state in
            guard let group = state.group, state.isPaused != wanted else { return }
            state.isPaused = wanted
            kill(-group, wanted ? SIGSTOP : SIGCONT)
        }
    }
}
