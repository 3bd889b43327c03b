import Foundation

/// Which drill begins now: one at a time on this host, never while its servers are being dumped, and not when a dump of one
/// of them would have to wait for it.
extension Planner {
    /// A drill overdue by this much begins even where a slot is near: on a server with slots all day there is no better time.
    package static let drillPatience: TimeInterval = 86_400
    /// Taken for the time of a drill when there was none yet.
    package static let unknownDrillSeconds: TimeInterval = 60

    /// The servers that a drill in progress keeps from being dumped.
    var drillingServers: Set<String> {
        schedule.jobs.filter { facts[$0.name]?.isDrilling == true }.reduce(into: []) { $0.formUnion($1.drillServers) }
    }

    func planDrills(into plan: inout Plan) {
        var due: [Plan.Upcoming] = []
        for job in schedule.jobs where job.isEnabled && job.drill.isEnabled {
            let facts = facts[job.name] ?? JobFacts(firstSeen: now)
            guard !facts.isDrilling, let next = nextDrill(of: job, facts) else { continue }
            if next.start <= now { due.append(next) } else { plan.upcomingDrills.append(next) }
        }
        plan.upcomingDrills.sort { ($0.start, $0.job) < ($1.start, $1.job) }
        guard !facts.values.contains(where: \.isDrilling) else { return }
        let busy = busyServers(plan)
        let first = due.sorted { ($0.slot, $0.job) < ($1.slot, $1.job) }.first { next in
            guard let job = schedule.job(named: next.job), facts[next.job]?.isRunning != true else { return false }
            return job.drillServers.isDisjoint(with: busy) && !isTooNear(job, next, plan)
        }
        if let first { plan.drills.append(.init(job: first.job, slot: first.slot, attempt: first.attempt)) }
    }

    /// The drill that a job is due for, or its next one.
    private func nextDrill(of job: Job, _ facts: JobFacts) -> Plan.Upcoming? {
        // Its slots are found as a job's are.
        var drilled = job
        drilled.trigger = job.drill.trigger
        drilled.zone = job.drill.zone
        drilled.jitterSeconds = 0
        let anchor = min(facts.drillAccount?.slot ?? facts.firstSeen, now)
        if let due = DueSlots.find(job: drilled, after: anchor, now: now, watchingSince: watchingSince) {
            return Plan.Upcoming(job: job.name, slot: due.latest, start: due.latest, attempt: 1)
        }
        // One that the program's end has cut off is made again, as long as it does not happen time and again.
        if let account = facts.drillAccount, account.outcome == .interrupted, account.attempts < job.retry.attempts {
            return Plan.Upcoming(
                job: job.name, slot: account.slot, start: account.ended, attempt: account.attempts + 1)
        }
        guard let slot = drilled.trigger.next(after: now, in: drilled.zone) else { return nil }
        return Plan.Upcoming(job: job.name, slot: slot, start: slot, attempt: 1)
    }

    private func busyServers(_ plan: Plan) -> Set<String> {
        let starting = Set(plan.starts.map(\.job))
        return Set(
            schedule.jobs.filter { facts[$0.name]?.isRunning == true || starting.contains($0.name) }.map(\.server))
    }

    private func isTooNear(_ job: Job, _ drill: Plan.Upcoming, _ plan: Plan) -> Bool {
        guard now.timeIntervalSince(drill.slot) < Self.drillPatience else { return false }
        let next = plan.upcoming.first { upcoming in
            schedule.job(named: upcoming.job).map { job.drillServers.contains($0.server) } ?? false
        }
        let seconds = facts[job.name]?.drillSeconds.map { $0 * 1.5 } ?? Self.unknownDrillSeconds
        return next.map { $0.start.timeIntervalSince(now) < min(seconds, job.drill.timeoutSeconds) } ?? false
    }
}

extension Job {
    /// The server that is dumped, and the one that its drills are made on.
    var drillServers: Set<String> {
        switch drill.place {
        case .throwaway: [server]
        case .server(let name): [server, name]
        }
    }
}
