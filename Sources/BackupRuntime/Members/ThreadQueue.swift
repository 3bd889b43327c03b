import Dispatch
import Foundation

/// What threads hand each other, first come, first served. Whoever takes waits.
final class ThreadQueue<Element>: @unchecked Sendable {
    // Safe: the two are used with the condition locked.
    private let condition = NSCondition()
    private var elements: [Element] = []
    private var taken = 0
    private var isClosed = false

    func put(_ element: Element) {
        condition.lock()
        elements.append(element)
        // All of the few that wait, not one: see `ThreadPool`.
        condition.broadcast()
        condition.unlock()
    }

    /// Nil when it is closed and nothing is left.
    func take() -> Element? {
        condition.lock()
        defer { condition.unlock() }
        while taken == elements.count, !isClosed { condition.wait() }
        guard taken < elements.count else { return nil }
        let element = elements[taken]
        taken += 1
        if taken == elements.count || taken > 1024 {
            elements.removeFirst(taken)
            taken = 0
        }
        return element
    }

    /// What is in it is still taken, unless `drops` says otherwise.
    func close(drops: Bool = false) {
        condition.lock()
        isClosed = true
        if drops { (elements, taken) = ([], 0) }
        condition.broadcast()
        condition.unlock()
    }
}

/// Threads for one piece of work, each on a queue of its own: see `blocking`.
struct Crew {
    private let group = DispatchGroup()

    func begin(_ count: Int, _ label: String, _ body: @escaping @Sendable () -> Void) {
        for _ in 0..<count {
            DispatchQueue(label: "archon-backupd.\(label)").async(group: group) { @Sendable in body() }
        }
    }

    /// Until all have returned.
    func wait() { group.wait() }
}

/// The first thing that went wrong on any of several threads; from then on they all stop.
final class FirstFault: Sendable {
    private let fault = Shared<(any Error)?>(nil)

    func note(_ error: any Error) { fault.with { if $0 == nil { $0 = error } } }

    var isThere: Bool { fault.with { $0 != nil } }

    /// Throws it, if there is one.
    func check() throws { if let error = fault.with({ $0 }) { throw error } }
}
