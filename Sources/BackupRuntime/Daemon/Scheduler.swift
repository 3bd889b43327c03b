import BackupCore
import Dispatch
import Foundation

/// Begins runs when they are due. It holds no state that a restart would miss: every wake reads the clock and what has changed in
/// the ledger, and asks the agenda. Nothing that blocks runs on its queue.
package actor Scheduler {
    /// Does one run to its end, whatever that is; the closure is told of bytes written so far.
    package typealias Perform = @Sendable (RunRequest, @escaping @Sendable (RunProgress) -> Void) async -> RunOutcome

    /// Does one drill to its end, in the same way.
    package typealias PerformDrill =
        @Sendable (DrillRun.Request, @escaping @Sendable (RunProgress) -> Void) async -> DrillRun.Outcome

    struct Running {
        let request: RunRequest
        let began: ClockReading
        let progress: Shared<RunProgress?>
        let task: Task<Void, Never>
    }

    /// A difference between the two clocks below this is drift, not a step.
    private static let stepTolerance: TimeInterval = 5
    /// How long a job waits when another process holds its lock.
    static let lockedDelay: TimeInterval = 30

    let executor = QueueExecutor(label: "archon-backupd.scheduler")
    let ledger: Ledger
    let report: @Sendable (Event) -> Void
    let clock: @Sendable () -> ClockReading
    private let perform: Perform
    let performDrill: PerformDrill
    let notify: Notify

    var schedule: Schedule
    private(set) var running: [String: Running] = [:]
    var drilling: Drilling?
    /// Another process drilled, or worked on the job.
    var drillNotBefore: Date?
    var objectives = ObjectiveWatch()
    /// What is due when, and how the jobs stand: made anew after a reload.
    var agenda: Agenda?
    var standings: Standings
    /// What the two have been told of the ledger.
    var revision: Ledger.Revision?
    /// Jobs of which something has changed here since then.
    var stale: Set<String> = []
    var notBefore: [String: Date] = [:]
    /// Jobs that wait for another process, of which that was told.
    private var toldWaiting: Set<String> = []
    private(set) var lastReading: ClockReading
    var watchingSince: Date
    private(set) var notice: String?
    private var isPlanning = false
    private var mustPlanAgain = false
    /// Counts ended runs and other schedules: a plan made from what was read before one ended would begin it again.
    var turns = 0
    var timer: (any DispatchSourceTimer)?
    /// What the service manager shows, and when that was told, in seconds of the monotonic clock.
    var status = ""
    var toldStatus = -Double.infinity
    /// How long the timer was set for.
    var armedFor: TimeInterval = 0
    private(set) var stopDeadline: Date?
    private var whenIdle: [CheckedContinuation<Void, Never>] = []

    nonisolated package var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    package init(
        schedule: Schedule, ledger: Ledger, notify: Notify,
        clock: @escaping @Sendable () -> ClockReading = ClockReading.now,
        report: @escaping @Sendable (Event) -> Void, perform: @escaping Perform, drill: @escaping PerformDrill
    ) {
        self.schedule = schedule
        self.ledger = ledger
        self.notify = notify
        self.clock = clock
        self.report = report
        self.perform = perform
        performDrill = drill
        standings = Standings(schedule)
        lastReading = clock()
        watchingSince = lastReading.wall
    }

    /// Makes the first plan and goes on by itself; returns when the runs that were due have begun.
    package func begin() async {
        // A schedule has been read and the catalog opened, which took more than they leave.
        Memory.giveBackFreed()
        setTimer()
        await plan()
    }

    /// Takes another schedule from now on; runs in progress end as they began.
    package func reload(_ schedule: Schedule) async {
        notBefore = [:]
        notice = nil
        take(schedule)
        await plan()
    }

    /// Puts a text in front of STATUS until the next reload.
    package func notice(_ text: String) async {
        notice = text
        await plan()
    }

    /// Begins nothing more and returns when nothing runs: a run that will end within `graceSeconds` by its last duration
    /// is let finish, any other is interrupted now, and all are when the grace is over.
    package func stop(graceSeconds: Double) async {
        let now = clock()
        stopDeadline = now.wall.addingTimeInterval(graceSeconds)
        for run in running.values where remainingSeconds(of: run, now) > graceSeconds { run.task.cancel() }
        drilling?.task.cancel()
        guard !running.isEmpty || drilling != nil else { return retire() }
        extendStop()
        arm(at: nil)
        await withCheckedContinuation { whenIdle.append($0) }
        retire()
    }

    /// Interrupts everything now: the second request to stop.
    package func interruptAll() {
        for run in running.values { run.task.cancel() }
        drilling?.task.cancel()
    }

    // MARK: planning

    func plan() async {
        guard !isPlanning else {
            mustPlanAgain = true
            return
        }
        isPlanning = true
        defer { isPlanning = false }
        repeat {
            mustPlanAgain = false
            let seen = turns
            var news = await ledger.news(since: revision, now: clock().wall)
            guard stopDeadline == nil else { return }
            guard seen == turns else {
                mustPlanAgain = true
                continue
            }
            let (now, due) = look(&news)
            await carryOut(due, now: now)
        } while mustPlanAgain
        tidyUp()
    }

    private func look(_ news: inout Ledger.News) -> (now: Date, due: Agenda.Due) {
        let now = noteClock()
        return (now, look(&news, now: now))
    }

    private func carryOut(_ due: Agenda.Due, now: Date) async {
        for start in due.starts { begin(start) }
        for drill in due.drills { begin(drill) }
        let change = watchObjectives(now: now)
        let telling = tellStatus(now: now)
        arm(at: [due.wake, change, telling].compactMap(\.self).min())
        // Since the step, not from now: a slot may have passed while a run or a drill went on.
        if !due.reanchored.isEmpty { await ledger.reanchor(due.reanchored, at: min(now, watchingSince)) }
        if !due.skips.isEmpty {
            for skip in due.skips {
                report(Event(skip, database: schedule.job(named: skip.job)?.database ?? skip.job))
            }
            await ledger.skip(due.skips, now: now)
        }
        if !due.reanchored.isEmpty || !due.skips.isEmpty { mustPlanAgain = true }
    }

    /// Reads the clock; after a step of it, or a sleep of the host, slots in between count as missed.
    private func noteClock() -> Date {
        let reading = clock()
        let step = reading.step(since: lastReading)
        if abs(step) > Self.stepTolerance {
            watchingSince = reading.wall
            // Half a minute on the old clock may be a year on the new one.
            stale.formUnion(notBefore.keys)
            (notBefore, drillNotBefore) = ([:], nil)
            agenda?.restart(watchingSince: reading.wall)
            standings.restart()
            report(
                Event(
                    .clockStepped, "the clock was stepped by \(Int(step)) s, or the host slept: the plan was made anew",
                    ["STEP_SECONDS": "\(Int(step))"])
            )
        }
        lastReading = reading
        return reading.wall
    }

    // MARK: runs

    private func begin(_ start: Plan.Start) {
        guard let job = schedule.job(named: start.job), let server = schedule.server(of: job) else { return }
        let request = RunRequest(
            job: job, server: server, storage: schedule.storage, slot: start.slot, attempt: start.attempt,
            missed: start.missed, coalesced: start.coalesced,
            previous: state(of: job.name).flatMap(RunRequest.Previous.init))
        let perform = perform
        let latest = Shared<RunProgress?>(nil)
        let task = Task {
            let outcome = await perform(request) { progress in latest.with { $0 = progress } }
            await ended(request, outcome)
        }
        running[job.name] = Running(request: request, began: lastReading, progress: latest, task: task)
    }

    private func ended(_ request: RunRequest, _ outcome: RunOutcome) async {
        let job = request.job.name
        running[job] = nil
        turns += 1
        stale.insert(job)
        switch outcome {
        case .busy(let failure):
            notBefore[job] = clock().wall.addingTimeInterval(Self.lockedDelay)
            tellWaiting(request.job, failure)
        case .succeeded, .failed, .interrupted:
            notBefore[job] = nil
            toldWaiting.remove(job)
        }
        await wentIdle()
    }

    /// Once for as long as it waits: it is tried again twice a minute.
    private func tellWaiting(_ job: Job, _ failure: Failure) {
        guard toldWaiting.insert(job.name).inserted else { return }
        report(
            Event(
                .warning, "\(job.name) is due and waits: \(failure.message)",
                ["JOB": job.name, "DATABASE": job.database, "REASON": failure.message]))
    }

    func wentIdle() async {
        if stopDeadline == nil {
            await plan()
        } else if running.isEmpty, drilling == nil {
            for continuation in whenIdle { continuation.resume() }
            whenIdle = []
        }
    }

    // MARK: stopping

    private func remainingSeconds(of run: Running, _ now: ClockReading) -> Double {
        guard let last = run.request.previous?.seconds else { return .infinity }
        return max(0, last - (now.monotonicSeconds - run.began.monotonicSeconds))
    }
}
