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

    /// It holds its job's lock, and goes on where it began whatever a reload says.
    func noteDrilling(in facts: inout [String: JobFacts]) {
        guard let job = drilling?.request.job else { return }
        var drilled = facts[job.name] ?? JobFacts(firstSeen: clock().wall)
        drilled.isRunning = true
        drilled.drillingOn = job.drillServers
        facts[job.name] = drilled
    }

    private func drillEnded(_ request: DrillRun.Request, _ outcome: DrillRun.Outcome) async {
        drilling = nil
        endedRuns += 1
        switch outcome {
        case .busy: drillNotBefore = clock().wall.addingTimeInterval(Self.lockedDelay)
        case .ended, .interrupted: drillNotBefore = nil
        }
        await wentIdle()
    }

    /// Tells what has become of objectives. Returns when the next will be missed if nothing happens.
    func watchObjectives(_ known: [String: Ledger.Known], now: Date) -> Date? {
        let (events, next) = objectives.look(schedule.jobs, known.mapValues(\.state), now: now)
        for event in events { report(event) }
        return next
    }
}
