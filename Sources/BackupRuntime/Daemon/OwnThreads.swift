@_spi(ExperimentalCustomExecutors) @_spi(ExperimentalScheduling) import _Concurrency
import Dispatch
import Foundation
import Synchronization

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

/// Threads that take jobs in the order of their coming.
///
/// Each thread that has nothing to do waits for a semaphore of its own. A condition that they share would be simpler, and is not safe:
/// pthread_cond_signal of glibc since 2.25, Debian 12's 2.36 among them, may wake none of several that wait
/// (https://sourceware.org/bugzilla/show_bug.cgi?id=25847), and a service that is told to stop would hear of it when something else
/// happens.
final class ThreadPool: TaskExecutor, SchedulingExecutor, Sendable {
    private final class Worker: Sendable {
        /// Given once each time that it is taken out of `idle`.
        let wake = DispatchSemaphore(value: 0)
    }

    private struct State {
        var waiting: [UnownedJob] = []
        /// Of `waiting`, how many are done: taking the first of an array moves all others.
        var taken = 0
        var threads = 0
        /// The last to wait is the first to go on: its stack is warm.
        var idle: [Worker] = []

        mutating func takeFirst() -> UnownedJob? {
            guard taken < waiting.count else {
                (waiting, taken) = ([], 0)
                return nil
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

    private let limit: Int
    private let state = Mutex(State())
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
        let (worker, isNew) = state.withLock { state in
            state.waiting.append(job)
            if let worker = state.idle.popLast() { return (worker as Worker?, false) }
            guard state.threads < limit else { return (nil, false) }
            state.threads += 1
            return (nil, true)
        }
        worker?.wake.signal()
        if isNew { Thread.detachNewThread { @Sendable in self.work() } }
    }

    private func work() {
        let worker = Worker()
        while true {
            let job = state.withLock { state in
                let job = state.takeFirst()
                if job == nil { state.idle.append(worker) }
                return job
            }
            if let job { job.runSynchronously(on: asUnownedTaskExecutor()) } else { worker.wake.wait() }
        }
    }
}
