@testable import BackupCore
import Foundation
import TestSupport

/// Time that goes on without end for many jobs, with failures, outages and clock steps: what the agenda says is carried out, and
/// each slot that passes is accounted for by one run, one coalescing or one note of having been missed. What is not is a fault.
struct SimulatedYear {
    let schedule: Schedule
    private var random: SplitMix64
    private var agenda: Agenda
    private var now: Date
    private var watchingSince: Date
    private var ends: EarliestTree
    private let places: [String: Int]
    private(set) var faults: [String] = []
    private(set) var runs = 0
    private(set) var coalesced = 0
    private(set) var missed = 0
    private(set) var skipped = 0
    private(set) var reanchored = 0

    init(_ schedule: Schedule, seed: UInt64, began: Date) {
        self.schedule = schedule
        random = SplitMix64(seed: seed)
        now = began
        watchingSince = began
        ends = EarliestTree(count: schedule.jobs.count)
        places = Dictionary(schedule.jobs.enumerated().map { ($0.element.name, $0.offset) }) { first, _ in first }
        var facts: [String: JobFacts] = [:]
        for job in schedule.jobs {
            facts[job.name] = JobFacts(
                firstSeen: began, account: .init(slot: began, attempts: 1, outcome: .succeeded, ended: began))
        }
        agenda = Agenda(schedule: schedule, facts: facts, now: began, watchingSince: began)
    }

    /// Until `end`, with something amiss every few days.
    mutating func run(until end: Date) {
        var trouble = now.addingTimeInterval(Double.random(in: 1...600_000, using: &random))
        while now < end {
            endRuns()
            if now >= trouble {
                haveTrouble()
                trouble = now.addingTimeInterval(Double.random(in: 1...600_000, using: &random))
            }
            let due = agenda.look(now: now)
            for start in due.starts { begin(start) }
            for skip in due.skips { note(skip) }
            for job in due.reanchored { reanchor(job) }
            guard due.skips.isEmpty, due.reanchored.isEmpty else { continue }
            let next = min(ends.earliest, due.wake?.timeIntervalSinceReferenceDate ?? .infinity)
            now = min(
                trouble, end,
                Date(timeIntervalSinceReferenceDate: max(next, now.timeIntervalSinceReferenceDate + 0.001)))
        }
        endRuns()
        checkNothingIsLost()
    }

    private mutating func change(_ job: String, _ body: (inout JobFacts) -> Void) {
        guard var facts = agenda.facts(of: job) else { return }
        body(&facts)
        agenda.note(facts, of: job)
    }

    private mutating func endRuns() {
        for place in ends.places(notAfter: now.timeIntervalSinceReferenceDate) {
            ends[place] = .infinity
            let outcome: JobFacts.Account.Outcome = Int.random(in: 0..<12, using: &random) == 0 ? .failed : .succeeded
            change(schedule.jobs[place].name) { [now] facts in
                facts.isRunning = false
                facts.account?.outcome = outcome
                facts.account?.ended = now
            }
        }
    }

    private mutating func begin(_ start: Plan.Start) {
        guard let place = places[start.job], let account = agenda.facts(of: start.job)?.account else {
            return faults.append("\(start.job) is not known")
        }
        runs += 1
        coalesced += start.coalesced
        missed += start.missed
        if ends[place] < .infinity { faults.append("\(start.job) runs twice at \(now)") }
        if start.attempt > 1 {
            if start.slot != account.slot { faults.append("\(start.job): another attempt for another slot") }
        } else {
            let own = start.slot < watchingSince ? 0 : 1
            hold(start.job, from: account.slot, through: start.slot, to: start.missed + start.coalesced + own)
        }
        ends[place] = now.timeIntervalSinceReferenceDate + Double.random(in: 5...600, using: &random)
        change(start.job) { [now] in
            $0.account = .init(slot: start.slot, attempts: start.attempt, outcome: .interrupted, ended: now)
        }
    }

    private mutating func note(_ skip: Plan.Skip) {
        guard let account = agenda.facts(of: skip.job)?.account else { return }
        skipped += skip.missed
        hold(skip.job, from: account.slot, through: skip.slot, to: skip.missed)
        change(skip.job) { [now] in $0.account = .init(slot: skip.slot, attempts: 0, outcome: .skipped, ended: now) }
    }

    private mutating func reanchor(_ job: String) {
        reanchored += 1
        change(job) { [now] in $0.account = .init(slot: now, attempts: 0, outcome: .skipped, ended: now) }
    }

    /// The slots after one instant and up to another are as many as were accounted for.
    private mutating func hold(_ name: String, from: Date, through: Date, to count: Int) {
        guard let job = schedule.job(named: name) else { return }
        var found = 0
        var cursor = from
        while let slot = job.trigger.next(after: cursor, in: job.zone), slot <= through {
            found += 1
            cursor = slot
        }
        if found != count {
            faults.append("\(name): \(found) slots after \(from) until \(through), \(count) accounted for")
        }
    }

    private mutating func haveTrouble() {
        if Bool.random(using: &random) {
            // The service is down for a while, and what ran is cut off.
            now = now.addingTimeInterval(Double.random(in: 1...200_000, using: &random))
            for place in ends.places(notAfter: .greatestFiniteMagnitude) {
                ends[place] = .infinity
                change(schedule.jobs[place].name) { $0.isRunning = false }
            }
        } else {
            // Runs go on for as long as they take, by whatever clock.
            let step = Double.random(in: -100_000...100_000, using: &random)
            now = now.addingTimeInterval(step)
            for place in ends.places(notAfter: .greatestFiniteMagnitude) { ends[place] += step }
        }
        watchingSince = now
        agenda.restart(watchingSince: now)
    }

    /// What is due and not begun waits for a place.
    private mutating func checkNothingIsLost() {
        let due = agenda.look(now: now)
        let waiting = Set(
            agenda.plan(due).waiting.map(\.job) + due.starts.map(\.job) + due.skips.map(\.job) + due.reanchored)
        for job in schedule.jobs where !waiting.contains(job.name) {
            guard let facts = agenda.facts(of: job.name), !facts.isRunning, let slot = facts.account?.slot else {
                continue
            }
            if let next = job.trigger.next(after: slot, in: job.zone), job.start(of: next) <= now {
                faults.append("\(job.name): nobody has seen the slot \(next)")
            }
        }
    }

    /// Jobs of every kind of time, a quarter of which make up for nothing.
    static func schedule(jobs: Int, servers: Int) throws -> Schedule {
        let texts = [
            "*-*-* 02:00:00", "*-*-* 00/6:10:00", "Sun *-*-* 04:00:00", "*-*-* 03:30:00", "Mon..Fri *-*-* 22:15:00",
        ]
        let triggers = try texts.map { Trigger.calendar(try CalendarExpression($0)) }
        let all = (0..<jobs).map { number in
            var job = Job(
                name: "job \(number)", server: "server \(number % servers)", database: "d",
                trigger: triggers[number % triggers.count], zone: .utc)
            job.drill.isEnabled = false
            job.jitterSeconds = number % 3 == 0 ? 1800 : 0
            job.catchUp = number % 4 == 0 ? .never : .once
            return job
        }
        return Schedule(
            storage: .init(root: "/r", minimumFree: 0), concurrency: max(4, servers),
            servers: (0..<servers).map { Server(name: "server \($0)", connection: "", concurrency: 2) }, jobs: all)
    }
}
