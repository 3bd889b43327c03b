import Foundation

/// What one job asks for at an instant, by itself: whether there is a place for it is for the agenda to say.
enum Intention: Sendable {
    case none
    case reanchor
    case begin(Plan.Start, Urgency)
    case later(Plan.Upcoming)
    case skip(Plan.Skip)
}

/// How long a run has been due, as a fraction of the time to its job's next slot.
struct Urgency: Sendable {
    let dueSince: Date
    /// Seconds, infinite where there is no next slot.
    let interval: TimeInterval

    func at(_ now: Date) -> Double { now.timeIntervalSince(dueSince) / interval }
}

/// Looks at one job at an instant. Each answer comes with the instant from which on it may be another although nothing has
/// happened; one that is not after `now` says that it has to be asked for again at each look.
struct Outlook {
    let now: Date
    /// Since when slots have been watched without a break: the daemon's start, or the last step of the clock.
    let watchingSince: Date

    func intention(of job: Job, _ facts: JobFacts) -> (Intention, changes: Date) {
        guard !facts.isRunning else { return (.none, .distantFuture) }
        let slots = job.slots
        var changes = Date.distantFuture
        if facts.account == nil, job.catchUp == .once || facts.refuted != nil {
            let last = DueSlots.latest(of: slots, now: now)
            if job.catchUp == .once, let slot = last.slot { return (firstRun(of: job, slot), last.changes) }
            changes = last.changes
        }
        let anchor = facts.account?.slot ?? facts.firstSeen
        if anchor > now, isBeyondReach(anchor, of: slots) { return (.reanchor, now) }
        let (due, dueChanges, next) = DueSlots.find(slots, after: anchor, now: now, watchingSince: watchingSince)
        changes = min(changes, dueChanges)
        if let due { return intention(of: job, due: due, changes: changes) }
        if let retry = renewal(of: job, facts) ?? facts.account.flatMap({ retry(of: job, $0) }) {
            guard retry.start <= now else { return (.later(retry), min(changes, retry.start)) }
            let start = Plan.Start(job: job.name, slot: retry.slot, attempt: retry.attempt, missed: 0, coalesced: 0)
            return (.begin(start, urgency(of: job, dueSince: retry.slot)), changes)
        }
        guard let next else { return (.none, changes) }
        let upcoming = Plan.Upcoming(job: job.name, slot: next.slot, start: next.start, attempt: 1)
        return (.later(upcoming), min(changes, upcoming.start))
    }

    /// A job that has never had a run is behind by definition: its last slot is due at once, and none counts as missed.
    private func firstRun(of job: Job, _ slot: Date) -> Intention {
        let start = Plan.Start(job: job.name, slot: slot, attempt: 1, missed: 0, coalesced: 0)
        return .begin(start, urgency(of: job, dueSince: slot))
    }

    private func intention(of job: Job, due: DueSlots, changes: Date) -> (Intention, changes: Date) {
        var changes = changes
        // With jitter a slot may pass before the watch begins, and its run have time until after that: then it is not missed.
        let latestIsMissed = due.latestStart < watchingSince
        if job.catchUp == .never, latestIsMissed {
            guard now.timeIntervalSince(due.latestStart) <= Planner.lateTolerance else {
                return (.skip(Plan.Skip(job: job.name, slot: due.latest, missed: due.missed)), now)
            }
            changes = min(changes, due.latestStart.addingTimeInterval(Planner.lateTolerance))
        }
        // The run serves the latest slot; what was to begin before the watch is missed, the rest is coalesced into it.
        let coalesced = due.count - due.missed - (latestIsMissed ? 0 : 1)
        let start = Plan.Start(
            job: job.name, slot: due.latest, attempt: 1, missed: due.missed, coalesced: max(0, coalesced))
        return (.begin(start, urgency(of: job, dueSince: due.first)), changes)
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
        if let next = job.slots.next(after: account.slot), start >= job.start(of: next) { return nil }
        return Plan.Upcoming(job: job.name, slot: account.slot, start: start, attempt: account.attempts + 1)
    }

    /// True when the clock has come back by more than one slot: then the slots between are due again. After a smaller
    /// step the handled slot stays handled, so that a correction by seconds does not back a database up twice.
    private func isBeyondReach(_ anchor: Date, of slots: SlotSource) -> Bool {
        guard let next = slots.next(after: anchor) else { return true }
        return anchor.timeIntervalSince(now) > next.timeIntervalSince(anchor)
    }

    private func urgency(of job: Job, dueSince slot: Date) -> Urgency {
        let interval = job.slots.next(after: slot).map { max(1, $0.timeIntervalSince(slot)) }
        return Urgency(dueSince: slot, interval: interval ?? .infinity)
    }

    // MARK: drills

    /// The drill that a job is due for, or its next one; nil while one is in progress.
    func drill(of job: Job, _ facts: JobFacts) -> (Plan.Upcoming?, changes: Date) {
        guard job.drill.isEnabled, !facts.isDrilling else { return (nil, .distantFuture) }
        // Its slots are found as a job's are.
        let slots = job.drillSlots
        var account = facts.drillAccount
        var changes = Date.distantFuture
        // The clock has come back by more than a slot: what was noted then says nothing of the slots that come now.
        if let slot = account?.slot, slot > now {
            changes = now
            if isBeyondReach(slot, of: slots) { account = nil }
        }
        if account == nil, facts.firstSeen > now { changes = now }
        let isLost = account == nil && (facts.drillAccount != nil || facts.firstSeen > now)
        let anchor = isLost ? watchingSince : account?.slot ?? facts.firstSeen
        let (due, dueChanges, _) = DueSlots.find(slots, after: anchor, now: now, watchingSince: watchingSince)
        changes = min(changes, dueChanges)
        if let due {
            // It has waited since the first of them, or a daily one would never have waited for a day.
            return (Plan.Upcoming(job: job.name, slot: due.latest, start: due.first, attempt: 1), changes)
        }
        // One that the program's end has cut off is made again, as long as it does not happen time and again.
        if let account, account.outcome == .interrupted, account.attempts < job.retry.attempts {
            let drill = Plan.Upcoming(
                job: job.name, slot: account.slot, start: min(account.ended, now), attempt: account.attempts + 1)
            return (drill, account.ended > now ? now : changes)
        }
        guard let slot = slots.next(after: max(anchor, now)) else { return (nil, changes) }
        return (Plan.Upcoming(job: job.name, slot: slot, start: slot, attempt: 1), min(changes, slot))
    }
}
