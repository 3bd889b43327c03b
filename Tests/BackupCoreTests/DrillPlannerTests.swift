@testable import BackupCore
import Foundation
import TestSupport
import Testing

@Suite struct DrillPlannerTests {
    /// A Sunday.
    private static let slot = instant("2026-11-22T05:00:00Z")

    /// Jobs j0, j1, … one on each of `servers`, dumped nightly at 02:00 and drilled on Sundays at 05:00.
    static func schedule(_ servers: [String] = ["s"], change: (inout Job) throws -> Void = { _ in }) throws -> Schedule
    {
        let jobs = try servers.enumerated().map { index, server in
            var job = Job(
                name: "j\(index)", server: server, database: "d",
                trigger: .calendar(try CalendarExpression("*-*-* 02:00:00")), zone: .utc)
            job.drill.trigger = .calendar(try CalendarExpression("Sun *-*-* 05:00:00"))
            try change(&job)
            return job
        }
        return Schedule(
            storage: .init(root: "/r", minimumFree: 0), concurrency: 4,
            servers: Set(servers).sorted().map { Server(name: $0, connection: "", concurrency: 2) }, jobs: jobs)
    }

    /// The night's dump is made, and the drill of a week ago.
    static func calm(_ schedule: Schedule) -> [String: JobFacts] {
        Dictionary(
            uniqueKeysWithValues: schedule.jobs.map { job in
                var facts = JobFacts(
                    firstSeen: instant("2026-10-01T00:00:00Z"), account: account("2026-11-22T02:00:00Z"))
                facts.drillAccount = account("2026-11-15T05:00:00Z")
                facts.drillSeconds = 600
                return (job.name, facts)
            })
    }

    private static func account(
        _ slot: String, attempts: Int = 1, _ outcome: JobFacts.Account.Outcome = .succeeded, ended: String? = nil
    ) -> JobFacts.Account {
        .init(slot: instant(slot), attempts: attempts, outcome: outcome, ended: instant(ended ?? slot))
    }

    private func plan(
        _ schedule: Schedule, _ facts: [String: JobFacts], _ now: Date = slot,
        watching: String = "2026-11-01T00:00:00Z", drillsNotBefore: Date? = nil
    ) -> Plan {
        Planner(
            schedule: schedule, facts: facts, now: now, watchingSince: instant(watching),
            drillsNotBefore: drillsNotBefore
        ).plan()
    }

    @Test func `a drill is due at its slot and not before, and the plan wakes for it`() throws {
        let schedule = try Self.schedule()
        let facts = Self.calm(schedule)
        let before = plan(schedule, facts, Self.slot.addingTimeInterval(-1))
        #expect(before.drills.isEmpty && before.wake == Self.slot)
        #expect(before.upcomingDrills.map(\.start) == [Self.slot])
        #expect(plan(schedule, facts).drills == [.init(job: "j0", slot: Self.slot, attempt: 1)])
    }

    @Test func `the wake time is that of the next dump or of the next drill, whichever comes first`() throws {
        let schedule = try Self.schedule(["s", "t"])
        var facts = Self.calm(schedule)
        for name in facts.keys { facts[name]?.drillAccount = Self.account("2026-11-22T05:00:00Z") }
        let done = plan(schedule, facts)
        #expect(done.wake == instant("2026-11-23T02:00:00Z"))
        #expect(done.upcomingDrills.map(\.slot) == Array(repeating: instant("2026-11-29T05:00:00Z"), count: 2))
        for name in facts.keys { facts[name]?.account = Self.account("2026-11-29T02:00:00Z") }
        #expect(
            plan(schedule, facts, instant("2026-11-29T03:00:00Z")).wake == instant("2026-11-29T05:00:00Z"))
    }

    @Test func `a new job is not drilled before its first slot, and missed slots are made up for by one drill`() throws
    {
        let schedule = try Self.schedule()
        var facts = Self.calm(schedule)
        facts["j0"]?.drillAccount = nil
        facts["j0"]?.firstSeen = Self.slot.addingTimeInterval(60)
        #expect(plan(schedule, facts, Self.slot.addingTimeInterval(120)).drills.isEmpty)
        facts["j0"]?.firstSeen = instant("2026-10-01T00:00:00Z")
        #expect(
            plan(schedule, facts, Self.slot.addingTimeInterval(120), watching: "2026-11-22T05:01:00Z").drills
                == [.init(job: "j0", slot: Self.slot, attempt: 1)])
    }

    @Test func `disabled drills, and those of disabled jobs, are never due`() throws {
        for schedule in [
            try Self.schedule { $0.drill.isEnabled = false }, try Self.schedule { $0.isEnabled = false },
        ] {
            let found = plan(schedule, Self.calm(schedule), Self.slot.addingTimeInterval(30 * 86_400))
            #expect(found.drills.isEmpty && found.upcomingDrills.isEmpty)
        }
    }

    @Test func `never while its server is dumped, and not when a dump of it begins in the same plan or waits`() throws {
        let schedule = try Self.schedule(["s", "s", "t"]) { $0.drill.isEnabled = $0.name == "j0" }
        var facts = Self.calm(schedule)
        facts["j1"]?.isRunning = true
        #expect(plan(schedule, facts).drills.isEmpty)
        facts["j1"]?.isRunning = false
        facts["j2"]?.isRunning = true
        #expect(plan(schedule, facts).drills.map(\.job) == ["j0"])
        facts["j2"]?.isRunning = false
        facts["j1"]?.account = Self.account("2026-11-21T02:00:00Z")
        let starting = plan(schedule, facts)
        #expect(starting.starts.map(\.job) == ["j1"] && starting.drills.isEmpty)
        // Waiting for the host, which is as busy as it may be elsewhere.
        var narrow = schedule
        narrow.concurrency = 1
        facts["j2"]?.isRunning = true
        let waiting = plan(narrow, facts)
        #expect(waiting.waiting.map(\.reason) == [.hostBusy] && waiting.drills.isEmpty)
    }

    @Test func `one at a time, the most overdue first`() throws {
        let schedule = try Self.schedule(["s", "t", "u"]) {
            if $0.name == "j1" { $0.drill.trigger = .calendar(try CalendarExpression("Sun *-*-* 04:00:00")) }
        }
        var facts = Self.calm(schedule)
        #expect(plan(schedule, facts).drills.map(\.job) == ["j1"])
        facts["j1"]?.isRunning = true
        facts["j1"]?.drillingOn = ["t"]
        #expect(plan(schedule, facts).drills.isEmpty)
        // Also when a reload has taken the drilled job away.
        var smaller = schedule
        smaller.jobs.remove(at: 1)
        #expect(plan(smaller, facts).drills.isEmpty)
    }

    @Test func `not when a dump of its server is nearer than the drill takes, unless it is a day overdue`() throws {
        let schedule = try Self.schedule(["s", "s"]) {
            $0.drill.isEnabled = $0.name == "j0"
            if $0.name == "j1" { $0.trigger = .calendar(try CalendarExpression("*-*-* *:00/15:00")) }
        }
        var facts = Self.calm(schedule)
        let now = instant("2026-11-22T05:01:00Z")
        facts["j1"]?.account = Self.account("2026-11-22T05:00:00Z")
        // 14 minutes are left.
        for (seconds, fits) in [(nil, true), (300.0, true), (559, true), (561, false), (3000, false)] {
            facts["j0"]?.drillSeconds = seconds
            #expect(plan(schedule, facts, now).drills.isEmpty == !fits, "\(seconds ?? 0)")
        }
        let late = now.addingTimeInterval(86_400)
        for name in facts.keys { facts[name]?.account = Self.account("2026-11-23T05:00:00Z") }
        #expect(plan(schedule, facts, late).drills.map(\.job) == ["j0"])
        // Also one that is due every day: it has waited since the first of its slots.
        var daily = schedule
        daily.jobs[0].drill.trigger = .calendar(try CalendarExpression("*-*-* 05:00:00"))
        facts["j0"]?.drillAccount = Self.account("2026-11-21T05:00:00Z")
        #expect(
            plan(daily, facts, late).drills == [.init(job: "j0", slot: instant("2026-11-23T05:00:00Z"), attempt: 1)])
        // It ends with its timeout at the latest.
        var brief = schedule
        brief.jobs[0].drill.timeoutSeconds = 600
        #expect(plan(brief, facts, now).drills.map(\.job) == ["j0"])
    }

    @Test func `dumps of its server wait while it runs, those of other servers do not`() throws {
        let schedule = try Self.schedule(["s", "s", "t"])
        var facts = Self.calm(schedule)
        for name in facts.keys { facts[name]?.account = Self.account("2026-11-21T02:00:00Z") }
        facts["j0"]?.isRunning = true
        facts["j0"]?.drillingOn = ["s"]
        let found = plan(schedule, facts)
        #expect(found.starts.map(\.job) == ["j2"])
        #expect(found.waiting.map(\.job) == ["j1"] && found.waiting.map(\.reason) == [.serverBusy("s")])
        // The drill takes no place among the dumps of the host.
        var narrow = schedule
        narrow.concurrency = 1
        #expect(plan(narrow, facts).starts.map(\.job) == ["j2"])
    }

    @Test func `a drill on a server counts for that server too`() throws {
        let schedule = try Self.schedule(["s", "t"]) {
            $0.drill.place = .server("t")
            $0.drill.isEnabled = $0.name == "j0"
        }
        var facts = Self.calm(schedule)
        facts["j1"]?.isRunning = true
        #expect(plan(schedule, facts).drills.isEmpty)
        facts["j1"]?.isRunning = false
        #expect(plan(schedule, facts).drills.map(\.job) == ["j0"])
        facts["j0"]?.isRunning = true
        facts["j0"]?.drillingOn = schedule.jobs[0].drillServers
        facts["j1"]?.account = Self.account("2026-11-21T02:00:00Z")
        #expect(plan(schedule, facts).waiting.map(\.reason) == [.serverBusy("t")])
    }

    @Test func `an interrupted drill is made again at once, up to the attempts of the job`() throws {
        let schedule = try Self.schedule { $0.retry = .init(attempts: 3) }
        var facts = Self.calm(schedule)
        let now = Self.slot.addingTimeInterval(60)
        for (attempts, again) in [(1, [2]), (2, [3]), (3, [])] {
            facts["j0"]?.drillAccount = Self.account(
                "2026-11-22T05:00:00Z", attempts: attempts, .interrupted, ended: "2026-11-22T05:00:59Z")
            #expect(plan(schedule, facts, now).drills.map(\.attempt) == again)
        }
        // The next slot comes all the same, and begins anew.
        #expect(plan(schedule, facts, now).upcomingDrills.map(\.slot) == [instant("2026-11-29T05:00:00Z")])
        for name in facts.keys { facts[name]?.account = Self.account("2026-11-29T02:00:00Z") }
        #expect(plan(schedule, facts, instant("2026-11-29T05:00:00Z")).drills.map(\.attempt) == [1])
        facts["j0"]?.drillAccount?.outcome = .failed
        #expect(plan(schedule, facts, now).drills.isEmpty)
    }

    @Test func `after a step back of the clock nothing storms, and the next slot has its drill`() throws {
        let schedule = try Self.schedule()
        var facts = Self.calm(schedule)
        // A correction by seconds: the slot stays handled.
        facts["j0"]?.drillAccount = Self.account("2026-11-22T05:00:00Z")
        let before = plan(schedule, facts, Self.slot.addingTimeInterval(-10), watching: "2026-11-22T04:59:49Z")
        #expect(before.drills.isEmpty && before.upcomingDrills.map(\.slot) == [instant("2026-11-29T05:00:00Z")])
        #expect(plan(schedule, facts, watching: "2026-11-22T04:59:49Z").drills.isEmpty)
        // Years ahead and back, with the drill made or cut off there.
        for outcome in [JobFacts.Account.Outcome.succeeded, .interrupted] {
            facts["j0"]?.drillAccount = Self.account("2031-01-05T05:00:00Z", outcome)
            let back = plan(schedule, facts, instant("2026-11-22T04:00:00Z"), watching: "2026-11-22T04:00:00Z")
            #expect(back.drills.isEmpty && back.upcomingDrills.map(\.slot) == [Self.slot])
            #expect(plan(schedule, facts, watching: "2026-11-22T04:00:00Z").drills.map(\.slot) == [Self.slot])
        }
        // First seen in that future.
        facts["j0"]?.drillAccount = nil
        facts["j0"]?.firstSeen = instant("2031-01-01T00:00:00Z")
        #expect(plan(schedule, facts, watching: "2026-11-22T04:00:00Z").drills.map(\.slot) == [Self.slot])
    }

    @Test func `while another process drills, none begins, and the plan wakes when it is time to try again`() throws {
        let schedule = try Self.schedule()
        let later = Self.slot.addingTimeInterval(30)
        let found = plan(schedule, Self.calm(schedule), drillsNotBefore: later)
        #expect(found.drills.isEmpty && found.wake == later)
        #expect(plan(schedule, Self.calm(schedule), later, drillsNotBefore: later).drills.map(\.slot) == [Self.slot])
    }

    @Test func `a refuted newest dump is dumped again at once, exactly once, also when that fails`() throws {
        let schedule = try Self.schedule { $0.retry = .init(attempts: 3, delaySeconds: 300) }
        var facts = Self.calm(schedule)
        let refuted = Self.slot.addingTimeInterval(600)
        facts["j0"]?.drillAccount = Self.account("2026-11-22T05:00:00Z")
        facts["j0"]?.refuted = refuted
        let start = plan(schedule, facts, refuted).starts
        #expect(start == [.init(job: "j0", slot: instant("2026-11-22T02:00:00Z"), attempt: 2, missed: 0, coalesced: 0)])
        // It has begun: nothing more while it runs, nor when it has failed, but for what every failure gets.
        let ended = refuted.addingTimeInterval(5)
        facts["j0"]?.account = .init(slot: start[0].slot, attempts: 2, outcome: .failed, ended: ended)
        let after = plan(schedule, facts, ended)
        #expect(after.starts.isEmpty && after.wake == ended.addingTimeInterval(600))
        facts["j0"]?.account = .init(slot: start[0].slot, attempts: 3, outcome: .failed, ended: ended)
        #expect(plan(schedule, facts, ended.addingTimeInterval(3600)).starts.isEmpty)
        // The success takes the note away.
        facts["j0"]?.account = .init(slot: start[0].slot, attempts: 2, outcome: .succeeded, ended: ended)
        facts["j0"]?.refuted = nil
        #expect(plan(schedule, facts, ended).starts.isEmpty)
    }

    @Test func `a refuted dump that a person asked for is dumped again for the last slot`() throws {
        let schedule = try Self.schedule { $0.catchUp = .never }
        var facts = Self.calm(schedule)
        facts["j0"]?.account = nil
        facts["j0"]?.firstSeen = instant("2026-11-22T04:00:00Z")
        facts["j0"]?.refuted = Self.slot
        #expect(plan(schedule, facts).starts.map(\.slot) == [instant("2026-11-22T02:00:00Z")])
    }
}
