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
    /// Thirty jobs for two months, for CI; ten thousand for a year take a minute in a release build.
    @Test(arguments: 0..<4) func `every slot is run, coalesced or missed with a note, whatever happens`(seed: UInt64)
        throws
    {
        let began = instant("2026-01-01T00:00:00Z")
        var year = SimulatedYear(try SimulatedYear.schedule(jobs: 30, servers: 3), seed: seed, began: began)
        year.run(until: began.addingTimeInterval(60 * 86_400))
        #expect(year.faults.isEmpty, "\(year.faults.prefix(5))")
        #expect(year.runs > 1000 && year.missed > 0 && year.skipped > 0 && year.coalesced >= 0)
    }
}
