@testable import BackupCore
import Foundation
import TestSupport
import Testing

@Suite struct PlannerTests {
    private func schedule(
        _ calendars: [String], concurrency: Int = 2, perServer: Int = 1, change: (inout Job) -> Void = { _ in }
    ) throws -> Schedule {
        let jobs = try calendars.enumerated().map { index, calendar in
            var job = Job(
                name: "j\(index)", server: "s", database: "d", trigger: .calendar(try CalendarExpression(calendar)),
                zone: .utc)
            // What drills do to dumps is in DrillPlannerTests.
            job.drill.isEnabled = false
            change(&job)
            return job
        }
        return Schedule(
            storage: .init(root: "/r", minimumFree: 0), concurrency: concurrency,
            servers: [Server(name: "s", connection: "", concurrency: perServer)], jobs: jobs)
    }

    private func plan(
        _ schedule: Schedule, _ facts: [String: JobFacts], _ now: String, watching: String = "2026-11-01T00:00:00Z"
    ) -> Plan {
        Planner(schedule: schedule, facts: facts, now: instant(now), watchingSince: instant(watching)).plan()
    }

    private func done(
        _ slot: String, attempts: Int = 1, _ outcome: JobFacts.Account.Outcome = .succeeded, ended: String? = nil
    ) -> JobFacts {
        JobFacts(
            firstSeen: instant("2026-10-01T00:00:00Z"),
            account: .init(slot: instant(slot), attempts: attempts, outcome: outcome, ended: instant(ended ?? slot)))
    }

    @Test func `a slot runs when it falls due and not before`() throws {
        let schedule = try schedule(["*-*-* 02:00:00"])
        let facts = ["j0": done("2026-11-23T02:00:00Z")]
        #expect(plan(schedule, facts, "2026-11-24T01:59:59Z").starts.isEmpty)
        #expect(plan(schedule, facts, "2026-11-24T01:59:59Z").wake == instant("2026-11-24T02:00:00Z"))
        #expect(
            plan(schedule, facts, "2026-11-24T02:00:00Z").starts == [
                .init(job: "j0", slot: instant("2026-11-24T02:00:00Z"), attempt: 1, missed: 0, coalesced: 0)
            ])
    }

    @Test func `a job that never ran is due at once, and with catchUp never at its next slot`() throws {
        let fresh = ["j0": JobFacts(firstSeen: instant("2026-11-24T12:00:00Z"))]
        #expect(
            plan(try schedule(["*-*-* 02:00:00"]), fresh, "2026-11-24T12:00:00Z").starts.map(\.slot) == [
                instant("2026-11-24T02:00:00Z")
            ])
        let never = plan(try schedule(["*-*-* 02:00:00"]) { $0.catchUp = .never }, fresh, "2026-11-24T12:00:00Z")
        #expect(never.starts.isEmpty && never.upcoming.map(\.slot) == [instant("2026-11-25T02:00:00Z")])
    }

    @Test func `after three days down one run makes up for three missed slots`() throws {
        let start = plan(
            try schedule(["*-*-* 02:00:00"]), ["j0": done("2026-11-21T02:00:00Z")], "2026-11-24T12:00:00Z",
            watching: "2026-11-24T11:59:59Z"
        ).starts
        #expect(start == [.init(job: "j0", slot: instant("2026-11-24T02:00:00Z"), attempt: 1, missed: 3, coalesced: 0)])
    }

    @Test func `catchUp never records what was missed and runs nothing`() throws {
        let schedule = try schedule(["*-*-* 02:00:00"]) { $0.catchUp = .never }
        let late = plan(
            schedule, ["j0": done("2026-11-21T02:00:00Z")], "2026-11-24T12:00:00Z", watching: "2026-11-24T11:59:59Z")
        #expect(
            late.starts.isEmpty && late.skips == [.init(job: "j0", slot: instant("2026-11-24T02:00:00Z"), missed: 3)])
        let restart = plan(
            schedule, ["j0": done("2026-11-23T02:00:00Z")], "2026-11-24T02:05:00Z", watching: "2026-11-24T02:04:59Z")
        #expect(restart.starts.count == 1)
    }

    @Test func `slots that fall due during a run are coalesced into one`() throws {
        let schedule = try schedule(["*:00/10"])
        var facts = ["j0": done("2026-11-24T10:00:00Z")]
        facts["j0"]?.isRunning = true
        #expect(plan(schedule, facts, "2026-11-24T10:35:00Z").starts.isEmpty)
        facts["j0"]?.isRunning = false
        #expect(
            plan(schedule, facts, "2026-11-24T10:35:00Z").starts == [
                .init(job: "j0", slot: instant("2026-11-24T10:30:00Z"), attempt: 1, missed: 0, coalesced: 2)
            ])
    }

    @Test func `a failure is tried again with growing delay, so many times, and never past the next slot`() throws {
        let schedule = try schedule(["*-*-* 02:00:00"])
        func retry(_ attempts: Int, ended: String, now: String) -> Plan {
            plan(schedule, ["j0": done("2026-11-24T02:00:00Z", attempts: attempts, .failed, ended: ended)], now)
        }
        #expect(
            retry(1, ended: "2026-11-24T02:01:00Z", now: "2026-11-24T02:05:59Z").wake == instant("2026-11-24T02:06:00Z")
        )
        #expect(retry(1, ended: "2026-11-24T02:01:00Z", now: "2026-11-24T02:06:00Z").starts.map(\.attempt) == [2])
        #expect(
            retry(2, ended: "2026-11-24T02:06:00Z", now: "2026-11-24T02:06:00Z").wake == instant("2026-11-24T02:16:00Z")
        )
        #expect(
            retry(3, ended: "2026-11-24T02:20:00Z", now: "2026-11-24T03:00:00Z").wake == instant("2026-11-25T02:00:00Z")
        )
        #expect(
            retry(1, ended: "2026-11-25T01:58:00Z", now: "2026-11-25T01:59:00Z").wake == instant("2026-11-25T02:00:00Z")
        )
        let interrupted = plan(schedule, ["j0": done("2026-11-24T02:00:00Z", .interrupted)], "2026-11-24T02:00:01Z")
        #expect(interrupted.starts.map(\.attempt) == [2])
    }

    @Test func `an interrupted slot is never given up, and waits only when it is interrupted again and again`() throws {
        let schedule = try schedule(["*-*-* 02:00:00"]) { $0.retry = .init(attempts: 1) }
        func interrupted(_ attempts: Int) -> Plan {
            plan(
                schedule,
                ["j0": done("2026-11-24T02:00:00Z", attempts: attempts, .interrupted, ended: "2026-11-24T02:10:00Z")],
                "2026-11-24T02:10:01Z")
        }
        #expect(interrupted(1).starts.map(\.attempt) == [2])
        #expect(interrupted(2).wake == instant("2026-11-24T02:15:00Z"))
        #expect(interrupted(4).wake == instant("2026-11-24T02:30:00Z"))
        #expect(interrupted(100).wake == instant("2026-11-25T02:00:00Z"))
    }

    @Test func `a small step back runs nothing twice, a large one counts from now`() throws {
        let schedule = try schedule(["*-*-* 02:00:00"])
        #expect(plan(schedule, ["j0": done("2026-11-24T02:00:00Z")], "2026-11-24T01:59:00Z").starts.isEmpty)
        #expect(
            plan(schedule, ["j0": done("2026-11-24T02:00:00Z")], "2026-11-24T01:59:00Z").wake
                == instant("2026-11-25T02:00:00Z"))
        #expect(plan(schedule, ["j0": done("2099-01-01T02:00:00Z")], "2026-11-24T01:59:00Z").reanchored == ["j0"])
    }

    @Test func `limits hold per server and for the host, and the most overdue goes first`() throws {
        let schedule = try schedule(["*-*-* 02:00:00", "*:00/10", "*-*-* 01:00:00"], concurrency: 2, perServer: 2)
        let facts = [
            "j0": done("2026-11-23T02:00:00Z"), "j1": done("2026-11-24T01:50:00Z"), "j2": done("2026-11-23T01:00:00Z"),
        ]
        let found = plan(schedule, facts, "2026-11-24T02:05:00Z")
        #expect(found.starts.map(\.job) == ["j1", "j2"])
        #expect(found.waiting.map(\.job) == ["j0"])
    }

    @Test func `nobody starves on a server that cannot keep up`() throws {
        let schedule = try schedule(["*:*:00", "*:*:00", "*:*:00", "Sun *-*-* 04:00:00"])
        var facts = Dictionary(uniqueKeysWithValues: (0..<3).map { ("j\($0)", done("2026-11-22T03:59:00Z")) })
        facts["j3"] = done("2026-11-15T04:00:00Z")
        var now = instant("2026-11-22T04:00:00Z")
        var ran: [String] = []
        for _ in 0..<12 {
            let plan = Planner(
                schedule: schedule, facts: facts, now: now, watchingSince: instant("2026-11-01T00:00:00Z")
            ).plan()
            guard let start = plan.starts.first else { break }
            ran.append(start.job)
            for waiting in plan.waiting { facts[waiting.job]?.passedOver += 1 }
            now = now.addingTimeInterval(600)
            facts[start.job] = JobFacts(
                firstSeen: now, account: .init(slot: start.slot, attempts: 1, outcome: .succeeded, ended: now))
        }
        #expect(ran.prefix(6).contains("j3"), "\(ran)")
    }

    @Test func `a slot whose run begins after a restart, moved by jitter, is not missed`() throws {
        for catchUp in Job.CatchUp.allCases {
            let schedule = try schedule(["*-*-* 02:00:00"]) {
                $0.jitterSeconds = 7200
                $0.catchUp = catchUp
            }
            let start = schedule.jobs[0].start(of: instant("2026-11-24T02:00:00Z"))
            // Past what is let pass as lateness, or it would show nothing.
            #expect(start > instant("2026-11-24T02:20:00Z"))
            let planned = Planner(
                schedule: schedule, facts: ["j0": done("2026-11-23T02:00:00Z")], now: start.addingTimeInterval(1),
                watchingSince: start.addingTimeInterval(-60)
            ).plan()
            #expect(planned.skips.isEmpty)
            #expect(planned.starts.map(\.missed) == [0] && planned.starts.map(\.coalesced) == [0])
        }
    }

    @Test func `jitter is the same for the same job and slot, within its limit, and spread`() throws {
        let slots = (0..<1000).map { instant("2026-11-24T00:00:00Z").addingTimeInterval(Double($0) * 3600) }
        let delays = slots.map { Jitter.seconds(job: "a", slot: $0, limit: 600) }
        #expect(delays.allSatisfy { $0 >= 0 && $0 < 600 })
        #expect(delays == slots.map { Jitter.seconds(job: "a", slot: $0, limit: 600) })
        #expect(abs(delays.reduce(0, +) / 1000 - 300) < 30)
        #expect(Jitter.seconds(job: "b", slot: slots[0], limit: 600) != delays[0])
    }

    @Test(arguments: [
        ("archon_db", 1_795_399_200, 704.5149750740384), ("müllers_db", 1_795_399_210, 1670.6957753276313),
        ("n8n_db", 0, 345.54481931018364), ("odoo_db", -86_400, 559.9265232181504),
    ]) func `jitter stays what it was in every version`(job: String, slot: Double, seconds: Double) {
        #expect(Jitter.seconds(job: job, slot: Date(timeIntervalSince1970: slot), limit: 1800) == seconds)
    }

    @Test func `years of a slot a second are counted up to a limit and end at the latest`() throws {
        let found = plan(
            try schedule(["*:*:*"]), ["j0": done("2020-01-01T00:00:00Z")], "2026-11-24T12:00:00Z",
            watching: "2026-11-24T11:59:59Z")
        #expect(found.starts.map(\.slot) == [instant("2026-11-24T12:00:00Z")])
        #expect(found.starts[0].missed == DueSlots.countLimit)
    }
}
