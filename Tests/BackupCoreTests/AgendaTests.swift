@testable import BackupCore
import Foundation
import TestSupport
import Testing

/// An agenda that is kept through a history says at every look what the planner says that goes through all jobs.
@Suite struct AgendaTests {
    /// Each is some days long. Thousands were tried when the agenda was made; these are what CI has time for.
    @Test(arguments: 0..<12) func `after any history it plans as one that begins anew`(seed: UInt64) throws {
        var history = try History(seed: seed, jobs: seed % 4 == 0 ? 40 : 12)
        try history.run(looks: 100)
        // It was a history: runs, drills, waiting and steps were in it.
        #expect(history.begun > 10, "\(history.begun)")
    }

    @Test func `a look at which nothing is due works out nothing`() throws {
        let schedule = try History.schedule(jobs: 3000, seed: 7)
        let now = instant("2026-11-24T12:00:00Z")
        let account = JobFacts.Account(slot: now, attempts: 1, outcome: .succeeded, ended: now)
        var facts: [String: JobFacts] = [:]
        for job in schedule.jobs {
            facts[job.name] = JobFacts(firstSeen: now, account: account)
            facts[job.name]?.drillAccount = account
        }
        var agenda = Agenda(schedule: schedule, facts: facts, now: now, watchingSince: now)
        let first = agenda.look(now: now)
        let wake = try #require(first.wake)
        #expect(first.starts.isEmpty && wake > now && agenda.workedOut == 3000)
        #expect(agenda.look(now: wake.addingTimeInterval(-0.001)).starts.isEmpty && agenda.workedOut == 3000)
        let due = agenda.look(now: wake)
        #expect((1...50).contains(due.starts.count + due.drills.count) && agenda.workedOut < 3100)
        // A step back is an event: all are worked out.
        _ = agenda.look(now: now)
        #expect(agenda.workedOut >= 6000)
    }

    @Test func `the earliest of a tree, of a stretch of it, and the places that are not after a limit`() {
        var random = SplitMix64(seed: 3)
        for count in [1, 2, 3, 17, 64, 100] {
            var tree = EarliestTree(count: count)
            var plain = Array(repeating: Double.infinity, count: count)
            for _ in 0..<300 {
                let place = Int.random(in: 0..<count, using: &random)
                let value =
                    Int.random(in: 0..<5, using: &random) == 0 ? .infinity : Double.random(in: 0...9, using: &random)
                tree[place] = value
                plain[place] = value
                let low = Int.random(in: 0...count, using: &random)
                let range = low..<Int.random(in: low...count, using: &random)
                #expect(tree.earliest == plain.min() && tree[place] == value)
                #expect(tree.earliest(in: range) == plain[range].min() ?? .infinity)
                let limit = Double.random(in: 0...9, using: &random)
                #expect(tree.places(notAfter: limit) == plain.indices.filter { plain[$0] <= limit })
                #expect(
                    tree.places(notAfter: limit, most: 2)
                        == Array(plain.indices.filter { plain[$0] <= limit }.prefix(2)))
            }
        }
    }

    @Test(arguments: 0..<6) func `the last slot that has begun, with jitter, is that of a walk through all`(
        seed: UInt64
    ) throws {
        var random = SplitMix64(seed: seed)
        let texts = ["*:*:00/20", "*:00/10", "*-*-* 00/6:00:00", "*-*-* 02:00:00", "Sun *-*-* 04:00:00"]
        for text in texts {
            let jitter = [0, 30, 900, 86_400].randomElement(using: &random) ?? 0
            let slots = SlotSource(
                job: "job \(seed)", trigger: .calendar(try CalendarExpression(text)), zone: .utc,
                jitterSeconds: Double(jitter))
            let now = instant("2026-11-24T12:00:00Z").addingTimeInterval(Double.random(in: 0...90_000, using: &random))
            func walked(_ now: Date) -> Date? {
                var found: Date?
                var cursor = now.addingTimeInterval(-(text.hasPrefix("Sun") ? 9 : 2.5) * 86_400)
                while let slot = slots.next(after: cursor), slot <= now {
                    if slots.start(of: slot) <= now { found = slot }
                    cursor = slot
                }
                return found
            }
            let (slot, changes) = DueSlots.latest(of: slots, now: now)
            #expect(slot == walked(now), "\(text), jitter \(jitter)")
            #expect(changes > now)
            let before = min(changes, now.addingTimeInterval(3600)).addingTimeInterval(-0.001)
            #expect(walked(before) == slot, "\(text), jitter \(jitter): until \(changes)")
        }
    }
}

@Suite struct SimulatedYearTests {
    /// Three hundred jobs for a month, for CI; `Benchmarks year` has ten thousand and a year.
    @Test(arguments: 0..<4) func `every slot is run, coalesced or missed with its reason, whatever happens`(
        seed: UInt64
    )
        throws
    {
        let began = instant("2026-03-10T00:00:00Z")
        let end = began.addingTimeInterval(30 * 86_400)
        let schedule = try SimulatedSchedule.make(jobs: 300, servers: 30)
        var year = SimulatedYear(schedule, seed: seed, began: began, end: end)
        year.run(until: end)
        #expect(year.accounts.faults.isEmpty, "\(year.accounts.faults.prefix(5))")
        let counts = year.accounts.counts
        #expect(year.runs > 10_000 && (counts[.run] ?? 0) > 10_000 && (counts[.coalesced] ?? 0) > 0, "\(counts)")
        let missed = [SlotAccounts.Fate.missedWhileDown, .missedInSleep, .missedByStep, .missedWaiting]
        #expect(missed.contains { (counts[$0] ?? 0) > 0 }, "\(counts)")
    }

    /// The accounts would see what went wrong: else the test above could not fail.
    @Test func `a slot that nobody begins, one that is begun twice, and a miscount are faults`() throws {
        let began = instant("2026-03-10T00:00:00Z")
        let jobs = try SimulatedSchedule.make(jobs: 1, servers: 1).jobs
        let slots = (1...4).map { began.addingTimeInterval(Double($0) * 21_600) }
        func start(_ slot: Date, missed: Int = 0, coalesced: Int = 0) -> Plan.Start {
            Plan.Start(job: jobs[0].name, slot: slot, attempt: 1, missed: missed, coalesced: coalesced)
        }
        func faults(_ body: (inout SlotAccounts) -> Void) -> [String] {
            var accounts = SlotAccounts(jobs, after: began, through: slots[3])
            body(&accounts)
            return accounts.faults
        }
        #expect(
            faults {
                $0.note(start(slots[0]), of: 0, watchingSince: began)
                $0.note(start(slots[3], coalesced: 2), of: 0, watchingSince: began)
                $0.close(at: .distantFuture)
            }.isEmpty)
        #expect(
            faults {
                $0.note(start(slots[2], coalesced: 2), of: 0, watchingSince: began)
                $0.close(at: .distantFuture)
            } == ["job 0: the slot 2026-03-11T00:00:00Z was never accounted for"])
        #expect(
            faults {
                $0.note(start(slots[0]), of: 0, watchingSince: began)
                $0.note(start(slots[0]), of: 0, watchingSince: began)
            }.first?.contains("was accounted for before") == true)
        #expect(faults { $0.note(start(slots[1]), of: 0, watchingSince: began) }.count == 1)
        #expect(
            faults { $0.note(start(slots[1], missed: 1), of: 0, watchingSince: slots[1]) }
                == ["job 0: the slot 2026-03-10T06:00:00Z was missed without a reason"])
        #expect(
            faults { $0.noteBreak(at: slots[1]) { _ in false } }.first?.contains("nobody had begun it") == true)
    }
}
