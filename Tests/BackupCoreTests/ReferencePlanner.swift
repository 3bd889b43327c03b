@testable import BackupCore
import Foundation

/// The planner that went through all jobs at every look, as it was before the agenda took its place: what an agenda says after any
/// history is held to what this says of the same facts.
struct ReferencePlanner {
    let schedule: Schedule
    let facts: [String: JobFacts]
    let now: Date
    /// Since when slots have been watched without a break: the daemon's start, or the last step of the clock.
    let watchingSince: Date
    /// No drill begins before this instant: another process drills, or works on the job.
    let drillsNotBefore: Date?

    init(
        schedule: Schedule, facts: [String: JobFacts], now: Date, watchingSince: Date, drillsNotBefore: Date? = nil
    ) {
        self.schedule = schedule
        self.facts = facts
        self.now = now
        self.watchingSince = watchingSince
        self.drillsNotBefore = drillsNotBefore
    }

    func plan() -> Plan {
        var plan = Plan()
        var candidates: [Candidate] = []
        for job in schedule.jobs where job.isEnabled {
            let facts = facts[job.name] ?? JobFacts(firstSeen: now)
            switch intention(of: job, facts) {
            case .none: break
            case .reanchor: plan.reanchored.append(job.name)
            case .skip(let skip): plan.skips.append(skip)
            case .later(let upcoming): plan.upcoming.append(upcoming)
            case .begin(let start, let urgency):
                candidates.append(Candidate(job: job, facts: facts, start: start, urgency: urgency))
            }
        }
        let drills = comingDrills()
        admit(candidates, reserved: reservedServers(drills), into: &plan)
        plan.upcoming.sort { ($0.start, $0.job) < ($1.start, $1.job) }
        planDrills(drills, into: &plan)
        return plan
    }

    private enum Intention {
        case none, reanchor
        case begin(Plan.Start, urgency: Double)
        case later(Plan.Upcoming)
        case skip(Plan.Skip)
    }

    /// A run that is due, competing for the places that are free.
    private struct Candidate {
        let job: Job
        let facts: JobFacts
        let start: Plan.Start
        /// How long it has been due, as a fraction of the time to its next slot.
        let urgency: Double
        /// Passed over as often as there are jobs on its server.
        var isStarved = false
    }

    private func intention(of job: Job, _ facts: JobFacts) -> Intention {
        guard !facts.isRunning else { return .none }
        if facts.account == nil, job.catchUp == .once, let first = firstRun(of: job) { return first }
        let anchor = facts.account?.slot ?? facts.firstSeen
        if anchor > now, isBeyondReach(anchor, of: job) { return .reanchor }
        if let due = DueSlots.find(job: job, after: anchor, now: now, watchingSince: watchingSince) {
            return intention(of: job, due: due)
        }
        if let retry = renewal(of: job, facts) ?? facts.account.flatMap({ retry(of: job, $0) }) {
            guard retry.start <= now else { return .later(retry) }
            let start = Plan.Start(job: job.name, slot: retry.slot, attempt: retry.attempt, missed: 0, coalesced: 0)
            return .begin(start, urgency: urgency(of: job, dueSince: retry.slot))
        }
        return upcoming(of: job, after: anchor)
    }

    /// A job that has never had a run is behind by definition: its last slot is due at once, and none counts as missed.
    private func firstRun(of job: Job) -> Intention? {
        guard let slot = DueSlots.latest(of: job, now: now) else { return nil }
        let start = Plan.Start(job: job.name, slot: slot, attempt: 1, missed: 0, coalesced: 0)
        return .begin(start, urgency: urgency(of: job, dueSince: slot))
    }

    private func intention(of job: Job, due: DueSlots) -> Intention {
        let isStale = due.latestStart < watchingSince && now.timeIntervalSince(due.latestStart) > Planner.lateTolerance
        if job.catchUp == .never, isStale {
            return .skip(Plan.Skip(job: job.name, slot: due.latest, missed: due.missed))
        }
        // The run serves the latest slot; what passed before the watch began is missed, the rest is coalesced into it.
        let latestIsMissed = due.latestStart < watchingSince
        let coalesced = due.count - due.missed - (latestIsMissed ? 0 : 1)
        let start = Plan.Start(
            job: job.name, slot: due.latest, attempt: 1, missed: due.missed, coalesced: max(0, coalesced))
        return .begin(start, urgency: urgency(of: job, dueSince: due.first))
    }

    private func upcoming(of job: Job, after anchor: Date) -> Intention {
        guard let slot = job.trigger.next(after: anchor, in: job.zone) else { return .none }
        return .later(Plan.Upcoming(job: job.name, slot: slot, start: job.start(of: slot), attempt: 1))
    }

    /// A run at once when a drill has shown that the newest dump is damaged, on the account of its slot; of its last slot when
    /// it has only had runs that a person asked for.
    private func renewal(of job: Job, _ facts: JobFacts) -> Plan.Upcoming? {
        guard let refuted = facts.refuted else { return nil }
        guard let account = facts.account else {
            return DueSlots.latest(of: job, now: now).map {
                Plan.Upcoming(job: job.name, slot: $0, start: refuted, attempt: 1)
            }
        }
        guard account.ended <= refuted else { return nil }
        return Plan.Upcoming(job: job.name, slot: account.slot, start: refuted, attempt: account.attempts + 1)
    }

    /// The next attempt for a slot whose last one did not succeed, or nil when there is to be none: attempts used up, or
    /// the next slot comes first. An interrupted run is tried again at once, for nothing was wrong with it; only one that
    /// is interrupted again and again (something kills us each time) has to wait, and it is never given up.
    private func retry(of job: Job, _ account: JobFacts.Account) -> Plan.Upcoming? {
        let delay: Double
        switch account.outcome {
        case .succeeded, .skipped: return nil
        case .failed:
            guard account.attempts < job.retry.attempts else { return nil }
            delay = job.retry.delay(after: account.attempts)
        case .interrupted:
            delay =
                account.attempts <= job.retry.attempts
                ? 0 : job.retry.delay(after: account.attempts - job.retry.attempts)
        }
        let start = account.ended.addingTimeInterval(delay)
        if let next = job.trigger.next(after: account.slot, in: job.zone), start >= job.start(of: next) { return nil }
        return Plan.Upcoming(job: job.name, slot: account.slot, start: start, attempt: account.attempts + 1)
    }

    /// True when the clock has come back by more than one slot: then the slots between are due again. After a smaller
    /// step the handled slot stays handled, so that a correction by seconds does not back a database up twice.
    func isBeyondReach(_ anchor: Date, of job: Job) -> Bool {
        guard let next = job.trigger.next(after: anchor, in: job.zone) else { return true }
        return anchor.timeIntervalSince(now) > next.timeIntervalSince(anchor)
    }

    private func urgency(of job: Job, dueSince slot: Date) -> Double {
        guard let next = job.trigger.next(after: slot, in: job.zone) else { return 0 }
        return now.timeIntervalSince(slot) / max(1, next.timeIntervalSince(slot))
    }

    /// Gives the free places away: first to whoever has been passed over as often as there are jobs on its server (so
    /// that nobody starves in an overload), then to the most overdue against its own interval.
    private func admit(_ candidates: [Candidate], reserved: Set<String>, into plan: inout Plan) {
        var runningByServer: [String: Int] = [:]
        for job in schedule.jobs where facts[job.name]?.isRunning == true && facts[job.name]?.isDrilling == false {
            runningByServer[job.server, default: 0] += 1
        }
        var running = facts.values.count { $0.isRunning && !$0.isDrilling }
        for candidate in ordered(candidates) {
            let job = candidate.job
            if let notBefore = candidate.facts.notBefore, notBefore > now {
                plan.waiting.append(.init(job: job.name, slot: candidate.start.slot, reason: .locked))
                let upcoming = Plan.Upcoming(
                    job: job.name, slot: candidate.start.slot, start: notBefore, attempt: candidate.start.attempt)
                plan.upcoming.append(upcoming)
            } else if reserved.contains(job.server)
                || runningByServer[job.server, default: 0] >= (schedule.server(of: job)?.concurrency ?? 1)
            {
                plan.waiting.append(.init(job: job.name, slot: candidate.start.slot, reason: .serverBusy(job.server)))
            } else if running >= schedule.concurrency {
                plan.waiting.append(.init(job: job.name, slot: candidate.start.slot, reason: .hostBusy))
            } else {
                plan.starts.append(candidate.start)
                runningByServer[job.server, default: 0] += 1
                running += 1
            }
        }
    }

    private func ordered(_ candidates: [Candidate]) -> [Candidate] {
        guard candidates.count > 1 else { return candidates }
        let jobsByServer = schedule.jobs.reduce(into: [:]) { $0[$1.server, default: 0] += 1 }
        return candidates.map { candidate in
            var candidate = candidate
            candidate.isStarved = candidate.facts.passedOver >= jobsByServer[candidate.job.server] ?? 0
            return candidate
        }.sorted(by: precedes)
    }

    private func precedes(_ left: Candidate, _ right: Candidate) -> Bool {
        if left.isStarved != right.isStarved { return left.isStarved }
        if left.isStarved, left.start.slot != right.start.slot { return left.start.slot < right.start.slot }
        if left.urgency != right.urgency { return left.urgency > right.urgency }
        return left.job.name < right.job.name
    }
}
