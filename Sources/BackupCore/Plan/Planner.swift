import Foundation

/// Decides which runs begin now: a pure function of the schedule, what is known of the jobs, and the time. The daemon keeps
/// the agenda that this is made of from one look to the next; here it is made anew, and says what waits as well.
package struct Planner: Sendable {
    /// A slot first seen less late than this is not missed, whatever `catchUp` says: a restart must not cost a backup.
    package static let lateTolerance: TimeInterval = 600
    /// A drill overdue by this much begins even where a slot is near: on a server with slots all day there is no better time.
    package static let drillPatience: TimeInterval = 86_400
    /// Taken for the time of a drill when there was none yet.
    package static let unknownDrillSeconds: TimeInterval = 60

    package let schedule: Schedule
    package let facts: [String: JobFacts]
    package let now: Date
    /// Since when slots have been watched without a break: the daemon's start, or the last step of the clock.
    package let watchingSince: Date
    /// No drill begins before this instant: another process drills, or works on the job.
    package let drillsNotBefore: Date?

    package init(
        schedule: Schedule, facts: [String: JobFacts], now instant: Date, watchingSince: Date,
        drillsNotBefore: Date? = nil
    ) {
        self.schedule = schedule
        self.facts = facts
        now = instant
        self.watchingSince = watchingSince
        self.drillsNotBefore = drillsNotBefore
    }

    package func plan() -> Plan {
        var agenda = Agenda(
            schedule: schedule, facts: facts, now: now, watchingSince: watchingSince, drillsNotBefore: drillsNotBefore)
        let due = agenda.look(now: now)
        return agenda.plan(due)
    }
}

extension Agenda {
    /// What the last look has found, `due`, beside what waits and what comes: it costs time in proportion to all jobs.
    package func plan(_ due: Due) -> Plan {
        var plan = Plan()
        plan.starts = due.starts
        plan.drills = due.drills
        plan.skips = due.skips
        plan.reanchored = due.reanchored
        plan.waiting = candidates.sorted(by: precedes).compactMap(waiting)
        plan.upcoming = entries.indices.compactMap(upcoming(of:)).sorted { ($0.start, $0.job) < ($1.start, $1.job) }
        plan.upcomingDrills = entries.compactMap(upcomingDrill).sorted { ($0.start, $0.job) < ($1.start, $1.job) }
        return plan
    }

    private func waiting(_ candidate: Candidate) -> Plan.Waiting? {
        guard case .begin(let start, _) = entries[candidate.index].intention else { return nil }
        let server = servers.all[candidate.server]
        let reason: Plan.Waiting.Reason =
            candidate.isLocked ? .locked : server.isFull ? .serverBusy(server.name) : .hostBusy
        return Plan.Waiting(job: start.job, slot: start.slot, reason: reason)
    }

    private func upcomingDrill(_ entry: Entry) -> Plan.Upcoming? {
        guard var drill = entry.drill, !entry.facts.isDrilling else { return nil }
        if let drillsNotBefore, drillsNotBefore > max(now, drill.start) { drill.start = drillsNotBefore }
        return drill.start > now ? drill : nil
    }
}
