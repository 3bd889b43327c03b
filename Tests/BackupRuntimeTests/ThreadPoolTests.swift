@testable import BackupRuntime
import Foundation
import TestSupport
import Testing

/// The threads of the service: whatever is handed to them is done, whoever waits.
@Suite struct ThreadPoolTests {
    /// Few jobs at a time, so that its threads go to sleep and are woken all the time: one that is not woken leaves its task undone.
    @Test(arguments: [1, 2, 4])
    func `no task is left lying`(limit: Int) async throws {
        let pool = ThreadPool(limit: limit)
        let done = Shared(0)
        let count = 40_000
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<count / 4 {
                        await Task(executorPreference: pool) { done.with { $0 += 1 } }.value
                    }
                }
            }
        }
        #expect(done.with { $0 } == count)
    }

    @Test func `tasks begin in the order of their coming, and what sleeps wakes`() async throws {
        let pool = ThreadPool(limit: 1)
        let order = Shared<[Int]>([])
        let tasks = (0..<2000).map { number in
            Task(executorPreference: pool) { order.with { $0.append(number) } }
        }
        for task in tasks { await task.value }
        #expect(order.with { $0 } == Array(0..<2000))
        let began = ContinuousClock.now
        await Task(executorPreference: pool) { try? await Task.sleep(for: .milliseconds(30)) }.value
        #expect(began.duration(to: .now) >= .milliseconds(30))
    }
}
