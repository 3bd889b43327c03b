@testable import BackupCore
import Foundation

/// The reference's part in drills.
extension ReferencePlanner {
    /// The drills of a plan: due ones, the most overdue first, and the others in the order in which they begin.
    struct ComingDrills {
        var due: [Plan.Upcoming] = []
        var later: [Plan.Upcoming] = []
        /// The only one that may begin, and that dumps of its servers wait for.
        var pressing: Plan.Upcoming?
    }

    func comingDrills() -> ComingDrills {
        var drills = ComingDrills()
        for job in schedule.jobs where job.isEnabled && job.drill.isEnabled {
            let facts = facts[job.name] ?? JobFacts(firstSeen: now)
            guard !facts.isDrilling, var next = nextDrill(of: job, facts) else { continue }
            if let drillsNotBefore, drillsNotBefore > max(now, next.start) { next.start = drillsNotBefore }
            if next.start <= now { drills.due.append(next) } else { drills.later.append(next) }
        }
        drills.due.sort { ($0.start, $0.job) < ($1.start, $1.job) }
        drills.later.sort { ($0.start, $0.job) < ($1.start, $1.job) }
        if drillingServers.isEmpty {
            let drilled = serversDrilledToday
            drills.pressing = drills.due.first { isPressing($0, beside: drilled) }
        }
        return drills
    }

    /// The servers that are not dumped now: for a drill in progress, or for one that has waited too long.
    func reservedServers(_ drills: ComingDrills) -> Set<String> {
        drillingServers.union(drills.pressing.flatMap { schedule.job(named: $0.job)?.drillServers } ?? [])
    }

    func planDrills(_ drills: ComingDrills, into plan: inout Plan) {
        plan.upcomingDrills = drills.later
        guard drillingServers.isEmpty, !drills.due.isEmpty else { return }
        let room = DrillRoom(self, plan)
        let first = (drills.pressing.map { [$0] } ?? drills.due).first { drill in
            guard let job = schedule.job(named: drill.job), facts[drill.job]?.isRunning != true else { return false }
            return room.has(job, drill, seconds: facts[job.name]?.drillSeconds, now: now)
        }
        if let first { plan.drills.append(.init(job: first.job, slot: first.slot, attempt: first.attempt)) }
    }

    /// The servers that drills in progress keep from being dumped.
    private var drillingServers: Set<String> { facts.values.reduce(into: []) { $0.formUnion($1.drillingOn) } }

    /// The drill that a job is due for, or its next one.
    private func nextDrill(of job: Job, _ facts: JobFacts) -> Plan.Upcoming? {
        // Its slots are found as a job's are.
        var drilled = job
        drilled.trigger = job.drill.trigger
        drilled.zone = job.drill.zone
        drilled.jitterSeconds = 0
        var account = facts.drillAccount
        // The clock has come back by more than a slot: what was noted then says nothing of the slots that come now.
        if let slot = account?.slot, slot > now, isBeyondReach(slot, of: drilled) { account = nil }
        let isLost = account == nil && (facts.drillAccount != nil || facts.firstSeen > now)
        let anchor = isLost ? watchingSince : account?.slot ?? facts.firstSeen
        if let due = DueSlots.find(job: drilled, after: anchor, now: now, watchingSince: watchingSince) {
            // It has waited since the first of them, or a daily one would never have waited for a day.
            return Plan.Upcoming(job: job.name, slot: due.latest, start: due.first, attempt: 1)
        }
        // One that the program's end has cut off is made again, as long as it does not happen time and again.
        if let account, account.outcome == .interrupted, account.attempts < job.retry.attempts {
            return Plan.Upcoming(
                job: job.name, slot: account.slot, start: min(account.ended, now), attempt: account.attempts + 1)
        }
        guard let slot = drilled.trigger.next(after: max(anchor, now), in: drilled.zone) else { return nil }
        return Plan.Upcoming(job: job.name, slot: slot, start: slot, attempt: 1)
    }

    /// True when dumps have left no room for it for long enough, in time that was watched: after a pause of the service they
    /// come first. Once a day on a server, and not for a job that somebody else works on.
    private func isPressing(_ drill: Plan.Upcoming, beside drilled: Set<String>) -> Bool {
        guard now.timeIntervalSince(max(drill.start, watchingSince)) >= Planner.drillPatience,
            let job = schedule.job(named: drill.job), facts[job.name]?.notBefore.map({ $0 <= now }) ?? true
        else { return false }
        return drilled.isDisjoint(with: job.drillServers)
    }

    private var serversDrilledToday: Set<String> {
        schedule.jobs.reduce(into: []) { servers, job in
            guard let ended = facts[job.name]?.drillAccount?.ended,
                abs(now.timeIntervalSince(ended)) < Planner.drillPatience
            else { return }
            servers.formUnion(job.drillServers)
        }
    }
}

/// Where a plan leaves room for a drill.
private struct DrillRoom {
    /// Being dumped, or from now on.
    private var busy: Set<String> = []
    /// With a dump that is due and waits.
    private var awaited: Set<String> = []
    /// When the next dump of a server begins.
    private var next: [String: Date] = [:]

    init(_ planner: ReferencePlanner, _ plan: Plan) {
        let servers = Dictionary(planner.schedule.jobs.map { ($0.name, $0.server) }) { first, _ in first }
        busy = Set(
            (planner.facts.filter(\.value.isRunning).map(\.key) + plan.starts.map(\.job)).compactMap { servers[$0] })
        awaited = Set(plan.waiting.compactMap { servers[$0.job] })
        for upcoming in plan.upcoming {
            guard let server = servers[upcoming.job], next[server] == nil else { continue }
            next[server] = upcoming.start
        }
    }

    func has(_ job: Job, _ drill: Plan.Upcoming, seconds: Double?, now: Date) -> Bool {
        guard job.drillServers.isDisjoint(with: busy) else { return false }
        guard now.timeIntervalSince(drill.start) < Planner.drillPatience else { return true }
        let needed = min(seconds.map { $0 * 1.5 } ?? Planner.unknownDrillSeconds, job.drill.timeoutSeconds)
        return job.drillServers.isDisjoint(with: awaited)
            && job.drillServers.compactMap { next[$0] }.allSatisfy { $0.timeIntervalSince(now) >= needed }
    }
}
