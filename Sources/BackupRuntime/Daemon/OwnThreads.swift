@_spi(ExperimentalCustomExecutors) @_spi(ExperimentalScheduling) import _Concurrency
import Dispatch
import Foundation

/// The threads that async code runs on: as many as there are processors, and four at least, for one may wait for a slow disk.
/// Dispatch's own, which Swift takes otherwise, are looked after by a timer that wakes the process every second for ever once
/// the first of them has begun; these wait.
package enum OwnThreads {
    /// Only before the first task is made.
    package static func takeOver() { _createExecutors(factory: Factory.self) }

    private struct Factory: ExecutorFactory {
        static var mainExecutor: any MainExecutor { PlatformExecutorFactory.mainExecutor }
        static let defaultExecutor: any TaskExecutor = ThreadPool(
            limit: max(4, ProcessInfo.processInfo.activeProcessorCount))
    }
}

private final class ThreadPool: TaskExecutor, SchedulingExecutor, @unchecked Sendable {
    // Safe: everything that changes is behind `condition`, and the rest is set in init.
    private let limit: Int
    private let condition = NSCondition()
    private var waiting: [UnownedJob] = []
    /// Of `waiting`, how many are done: taking the first of an array moves all others.
    private var taken = 0
    private var threads = 0
    private var idle = 0
    // A serial queue has none of those threads.
    private let timers = DispatchQueue(label: "archon-backupd.timers")

    init(limit: Int) { self.limit = limit }

    func enqueue(_ job: consuming ExecutorJob) { add(UnownedJob(job)) }

    func enqueue<C: Clock>(
        _ job: consuming ExecutorJob, after delay: C.Duration, tolerance: C.Duration?, clock: C
    ) {
        let job = UnownedJob(job)
        // Swift's own clocks count in `Duration`; a sleep on another would be over at once.
        let time = (delay as? Duration ?? .zero).components
        let seconds = Double(time.seconds) + Double(time.attoseconds) / 1e18
        timers.asyncAfter(deadline: .now() + max(0, seconds)) { @Sendable in self.add(job) }
    }

    private func add(_ job: UnownedJob) {
        condition.withLock {
            waiting.append(job)
            if idle < waiting.count - taken, threads < limit {
                threads += 1
                Thread.detachNewThread { @Sendable in self.work() }
            }
            condition.signal()
        }
    }

    private func work() {
        while true { next().runSynchronously(on: asUnownedTaskExecutor()) }
    }

    private func next() -> UnownedJob {
        condition.withLock {
            while taken == waiting.count {
                (waiting, taken) = ([], 0)
                idle += 1
                condition.wait()
                idle -= 1
            }
            // Never empty for hours on a busy host: what is done must not be kept for so long.
            if taken > 1024, 2 * taken > waiting.count {
                waiting.removeFirst(taken)
                taken = 0
            }
            defer { taken += 1 }
            return waiting[taken]
        }
    }
}
