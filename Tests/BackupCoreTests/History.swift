@testable import BackupCore
import Foundation
import TestSupport
import Testing

/// A random history of a scheduler: runs and drills that succeed, fail and are cut off, locks, outages, clock steps and reloads.
/// At each look an agenda that was kept is held to the reference, which is told the same facts.
struct History {
    private var random: SplitMix64
    private var schedule: Schedule
    private var facts: [String: JobFacts] = [:]
    private var agenda: Agenda
    private var now: Date
    private var watchingSince: Date
    private var drillsNotBefore: Date?
    private var ends: [String: Date] = [:]
    private var drillEnd: (job: String, at: Date)?
    private(set) var begun = 0

    init(seed: UInt64, jobs: Int) throws {
        random = SplitMix64(seed: seed)
        schedule = try Self.schedule(jobs: jobs, seed: seed)
        now = instant("2026-10-20T11:00:00Z").addingTimeInterval(Double.random(in: 0...86_400, using: &random))
        watchingSince = now
        for job in schedule.jobs {
            let age = Double.random(in: 0...900_000, using: &random)
            facts[job.name] = JobFacts(firstSeen: now.addingTimeInterval(-age))
            guard Bool.random(using: &random) else { continue }
            let slot = now.addingTimeInterval(-Double.random(in: 0...900_000, using: &random))
            let account = JobFacts.Account(slot: slot, attempts: 1, outcome: .succeeded, ended: slot)
            facts[job.name]?.account = account
            facts[job.name]?.drillAccount = account
        }
        agenda = Agenda(schedule: schedule, facts: facts, now: now, watchingSince: watchingSince)
    }

    static func schedule(jobs: Int, seed: UInt64) throws -> Schedule {
        var random = SplitMix64(seed: seed ^ 0x5eed)
        let texts = [
            "*:00/5", "*:03/10", "*-*-* *:20:00", "*-*-* 00/6:00:00", "*-*-* 02:00:00", "*-*-* 02:30:00",
            "Sun *-*-* 04:00:00",
            "2027-*-* 00:00:00", "2020-01-01 00:00:00",
        ]
        let zone = try Zone(
            name: "Europe/Sofia",
            tzif: Array(Data(contentsOf: URL(fileURLWithPath: "/usr/share/zoneinfo/Europe/Sofia"))))
        let servers = (0..<max(2, jobs / 8)).map {
            Server(name: "s\($0)", connection: "", concurrency: Int.random(in: 1...2, using: &random))
        }
        let all = try (0..<jobs).map { index in
            var job = Job(
                name: "j\((index * 7) % jobs)x", server: servers.randomElement(using: &random)?.name ?? "",
                database: "d",
                trigger: .calendar(try CalendarExpression(texts.randomElement(using: &random) ?? "")),
                zone: Bool.random(using: &random) ? zone : .utc)
            job.jitterSeconds = [0, 0, 30, 900].randomElement(using: &random) ?? 0
            job.catchUp = Int.random(in: 0..<3, using: &random) == 0 ? .never : .once
            job.retry = .init(attempts: Int.random(in: 1...4, using: &random), delaySeconds: 120)
            job.isEnabled = Int.random(in: 0..<12, using: &random) != 0
            switch Int.random(in: 0..<5, using: &random) {
            case 0: job.drill.isEnabled = false
            case 1: job.drill.trigger = .calendar(try CalendarExpression("*-*-* 04:45:00"))
            case 2: job.drill.trigger = .calendar(try CalendarExpression("*:00/30"))
            default: break
            }
            if Int.random(in: 0..<4, using: &random) == 0 { job.drill.place = .server("s0") }
            return job
        }
        return Schedule(
            storage: .init(root: "/r", minimumFree: 0), concurrency: Int.random(in: 1...4, using: &random),
            servers: servers,
            jobs: all)
    }

    mutating func run(looks: Int) throws {
        for number in 0..<looks {
            happen()
            let plan = ReferencePlanner(
                schedule: schedule, facts: facts, now: now, watchingSince: watchingSince,
                drillsNotBefore: drillsNotBefore
            ).plan()
            agenda.drillsNotBefore = drillsNotBefore
            let due = agenda.look(now: now)
            try #require(agenda.plan(due) == plan, "look \(number) at \(now)")
            try #require(due.wake == plan.wake, "look \(number)")
            try #require(agenda.next().first == plan.upcoming.first || plan.upcoming.isEmpty, "look \(number)")
            carryOut(plan)
            if let wake = plan.wake, Int.random(in: 0..<3, using: &random) > 0 {
                now = min(max(now, wake), now.addingTimeInterval(7200))
            } else {
                now = now.addingTimeInterval(Double.random(in: 0...900, using: &random))
            }
        }
    }

    /// As the scheduler does.
    private mutating func carryOut(_ plan: Plan) {
        let servers = Dictionary(schedule.jobs.map { ($0.name, $0.server) }) { first, _ in first }
        for waiting in plan.waiting {
            facts[waiting.job]?.passedOver += plan.starts.count { servers[$0.job] == servers[waiting.job] }
        }
        for start in plan.starts {
            begun += 1
            facts[start.job]?.isRunning = true
            facts[start.job]?.passedOver = 0
            facts[start.job]?.account = .init(
                slot: start.slot, attempts: start.attempt, outcome: .interrupted, ended: now)
            ends[start.job] = now.addingTimeInterval(Double.random(in: 1...2400, using: &random))
            note(start.job)
        }
        for drill in plan.drills {
            begun += 1
            facts[drill.job]?.isRunning = true
            facts[drill.job]?.drillingOn = schedule.job(named: drill.job)?.drillServers ?? []
            facts[drill.job]?.drillAccount = .init(
                slot: drill.slot, attempts: drill.attempt, outcome: .interrupted, ended: now)
            drillEnd = (drill.job, now.addingTimeInterval(Double.random(in: 1...4000, using: &random)))
            note(drill.job)
        }
        for skip in plan.skips {
            facts[skip.job]?.account = .init(slot: skip.slot, attempts: 0, outcome: .skipped, ended: now)
            note(skip.job)
        }
        for job in plan.reanchored {
            facts[job]?.account = .init(slot: now, attempts: 0, outcome: .skipped, ended: now)
            note(job)
        }
    }

    private mutating func note(_ job: String) {
        if let facts = facts[job] { agenda.note(facts, of: job) }
    }

    /// What may come between two looks.
    private mutating func happen() {
        for (job, end) in ends.sorted(by: { $0.key < $1.key }) where end <= now { endRun(job) }
        if let drill = drillEnd, drill.at <= now { endDrill(drill.job) }
        switch Int.random(in: 0..<60, using: &random) {
        case 0: step(by: Double.random(in: -200_000...200_000, using: &random))
        case 1: now = now.addingTimeInterval(-Double.random(in: 0...4, using: &random))
        case 2: restart()
        case 3: reload()
        case 4: drillsNotBefore = now.addingTimeInterval(Double.random(in: -60...3600, using: &random))
        case 5, 6: refute()
        default: break
        }
    }

    private mutating func endRun(_ job: String) {
        ends[job] = nil
        facts[job]?.isRunning = false
        let outcomes: [JobFacts.Account.Outcome] = [.succeeded, .succeeded, .succeeded, .failed, .interrupted]
        facts[job]?.account?.outcome = outcomes.randomElement(using: &random) ?? .failed
        facts[job]?.account?.ended = now
        if facts[job]?.account?.outcome == .succeeded { facts[job]?.refuted = nil }
        facts[job]?.notBefore = Int.random(in: 0..<6, using: &random) == 0 ? now.addingTimeInterval(30) : nil
        note(job)
        forget(job)
    }

    private mutating func endDrill(_ job: String) {
        drillEnd = nil
        facts[job]?.isRunning = false
        facts[job]?.drillingOn = []
        facts[job]?.drillAccount?.outcome = Int.random(in: 0..<4, using: &random) == 0 ? .interrupted : .succeeded
        facts[job]?.drillAccount?.ended = now
        facts[job]?.drillSeconds = Double.random(in: 1...2000, using: &random)
        note(job)
        forget(job)
    }

    /// One that a reload has taken away is of no more interest once it has ended.
    private mutating func forget(_ job: String) { if schedule.job(named: job) == nil { facts[job] = nil } }

    private mutating func refute() {
        guard let job = schedule.jobs.randomElement(using: &random)?.name else { return }
        facts[job]?.refuted = now.addingTimeInterval(Double.random(in: -600...60, using: &random))
        note(job)
    }

    private mutating func step(by seconds: Double) {
        now = now.addingTimeInterval(seconds)
        watchingSince = now
        agenda.restart(watchingSince: now)
    }

    /// The service was down for a while: what ran is interrupted.
    private mutating func restart() {
        now = now.addingTimeInterval(Double.random(in: 1...100_000, using: &random))
        watchingSince = now
        for job in ends.keys { facts[job]?.isRunning = false }
        if let drill = drillEnd {
            facts[drill.job]?.isRunning = false
            facts[drill.job]?.drillingOn = []
        }
        (ends, drillEnd) = ([:], nil)
        facts = facts.filter { schedule.job(named: $0.key) != nil }
        agenda = Agenda(
            schedule: schedule, facts: facts, now: now, watchingSince: now, drillsNotBefore: drillsNotBefore)
    }

    /// A job goes or changes; its run goes on.
    private mutating func reload() {
        var jobs = schedule.jobs
        let place = Int.random(in: 0..<jobs.count, using: &random)
        if jobs.count > 4, Bool.random(using: &random) {
            let name = jobs.remove(at: place).name
            if facts[name]?.isRunning != true { facts[name] = nil }
        } else {
            jobs[place].isEnabled.toggle()
        }
        schedule.jobs = jobs
        agenda = Agenda(
            schedule: schedule, facts: facts, now: now, watchingSince: watchingSince, drillsNotBefore: drillsNotBefore)
    }
}
