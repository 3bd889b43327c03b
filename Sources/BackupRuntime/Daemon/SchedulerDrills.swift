import BackupCore
import Foundation

/// The scheduler's part in drills: one at a time, interrupted at once when the service is to stop, for no dump is lost by it.
extension Scheduler {
    struct Drilling {
        let request: DrillRun.Request
        let progress: Shared<RunProgress?>
        let task: Task<Void, Never>
    }

    func begin(_ drill: Plan.Drill) {
        guard drilling == nil, let job = schedule.job(named: drill.job) else { return }
        let request = DrillRun.Request(
            job: job, schedule: schedule, slot: drill.slot, attempt: drill.attempt)
        let perform = performDrill
        let latest = Shared<RunProgress?>(nil)
        let task = Task {
            let outcome = await perform(request) { progress in latest.with { $0 = progress } }
            await drillEnded(request, outcome)
        }
        drilling = Drilling(request: request, progress: latest, task: task)
    }

    private func drillEnded(_ request: DrillRun.Request, _ outcome: DrillRun.Outcome) async {
        drilling = nil
        turns += 1
        stale.insert(request.job.name)
        switch outcome {
        case .busy: drillNotBefore = clock().wall.addingTimeInterval(Self.lockedDelay)
        case .ended, .interrupted: drillNotBefore = nil
        }
        await wentIdle()
    }
}
