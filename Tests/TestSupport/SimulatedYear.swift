import BackupCore
import Foundation

/// Time that goes on without end for many jobs, as the daemon sees it: what the agenda says is carried out; runs fail and are tried
/// again, servers are down for hours, the daemon is, the host sleeps, and the clock is stepped both ways.
package struct SimulatedYear {
    private let schedule: Schedule
    private let seed: UInt64
    private var random: SplitMix64
    private var agenda: Agenda
    private var now: Date
    private var watchingSince: Date
    /// When the run of each job ends, and how.
    private var ends: EarliestTree
    private var outcomes: [JobFacts.Account.Outcome]
    private let serverOf: [Int]
    private var runningOn: [Int]
    private var running = 0
    private(set) package var runs = 0
    private(set) package var accounts: SlotAccounts

    /// Slots until `end` and for some days after it: what is due at the end is carried out in calm weather.
    package init(_ schedule: Schedule, seed: UInt64, began: Date, end: Date) {
        self.schedule = schedule
        self.seed = seed
        random = SplitMix64(seed: seed)
        (now, watchingSince) = (began, began)
        ends = EarliestTree(count: schedule.jobs.count)
        outcomes = Array(repeating: .succeeded, count: schedule.jobs.count)
        let numbers = Dictionary(schedule.servers.enumerated().map { ($1.name, $0) }) { first, _ in first }
        serverOf = schedule.jobs.map { numbers[$0.server] ?? 0 }
        runningOn = Array(repeating: 0, count: schedule.servers.count)
        accounts = SlotAccounts(schedule.jobs, after: began, through: end.addingTimeInterval(8 * 86_400))
        var facts: [String: JobFacts] = [:]
        for (place, job) in schedule.jobs.enumerated() {
            let account = JobFacts.Account(slot: began, attempts: 1, outcome: .succeeded, ended: began)
            // Some are new.
            facts[job.name] = JobFacts(firstSeen: began, account: place % 19 == 0 ? nil : account)
        }
        agenda = Agenda(schedule: schedule, facts: facts, now: began, watchingSince: began)
    }

    /// Until `end`, with something amiss every few days, and until what was due by then has been begun.
    package mutating func run(until end: Date) {
        var trouble = nextTrouble
        let calm = end.addingTimeInterval(1.5 * 86_400)
        while now < calm {
            endRuns()
            let due = agenda.look(now: now)
            for start in due.starts { begin(start) }
            for skip in due.skips { note(skip) }
            for job in due.reanchored { reanchor(job) }
            guard due.skips.isEmpty, due.reanchored.isEmpty else { continue }
            if now >= trouble {
                if now < end { haveTrouble() }
                trouble = now < end ? nextTrouble : .distantFuture
                continue
            }
            let next = min(ends.earliest, due.wake?.timeIntervalSinceReferenceDate ?? .infinity)
            // The timer is set a little late.
            now = min(
                trouble, calm,
                Date(timeIntervalSinceReferenceDate: max(next, now.timeIntervalSinceReferenceDate) + 0.001))
        }
        accounts.close(at: end)
    }

    private var nextTrouble: Date {
        mutating get { now.addingTimeInterval(Double.random(in: 1...600_000, using: &random)) }
    }

    private mutating func change(_ job: String, _ body: (inout JobFacts) -> Void) {
        guard var facts = agenda.facts(of: job) else { return }
        body(&facts)
        agenda.note(facts, of: job)
    }

    // MARK: runs

    private mutating func begin(_ start: Plan.Start) {
        guard let job = schedule.place(of: start.job), var facts = agenda.facts(of: start.job) else { return }
        let last = facts.account?.slot
        if let last, start.attempt > 1 {
            accounts.noteRetry(start, of: job, for: last)
        } else if last == nil, schedule.jobs[job].catchUp == .once {
            accounts.noteFirst(start, of: job)
        } else {
            accounts.note(start, of: job, watchingSince: watchingSince)
        }
        occupy(job)
        let seconds: Double
        (outcomes[job], seconds) = fortune(of: job)
        ends[job] = now.timeIntervalSinceReferenceDate + seconds
        facts.account = .init(slot: start.slot, attempts: start.attempt, outcome: .interrupted, ended: now)
        agenda.note(facts, of: start.job)
    }

    private mutating func occupy(_ job: Int) {
        runs += 1
        running += 1
        runningOn[serverOf[job]] += 1
        let server = schedule.servers[serverOf[job]]
        if ends[job] < .infinity { accounts.note(fault: "\(schedule.jobs[job].name) runs twice at \(now)") }
        if runningOn[serverOf[job]] > server.concurrency || running > schedule.concurrency {
            accounts.note(fault: "\(server.name) or the host has more runs than places at \(now)")
        }
    }

    /// How a run that begins now will end, and after how many seconds.
    private mutating func fortune(of job: Int) -> (JobFacts.Account.Outcome, seconds: Double) {
        // Each server is down for six hours now and then.
        let hours = UInt64(max(0, now.timeIntervalSinceReferenceDate) / 21_600)
        var weather = SplitMix64(seed: seed ^ (hours << 20) ^ UInt64(serverOf[job]))
        if weather.next() % 200 == 0 { return (.failed, Double.random(in: 0.1...20, using: &random)) }
        let isLong = Int.random(in: 0..<500, using: &random) == 0
        let seconds = Double.random(in: isLong ? 3600...30_000 : 5...120, using: &random)
        switch Int.random(in: 0..<200, using: &random) {
        case 0: return (.interrupted, seconds)
        case 1...8: return (.failed, seconds)
        default: return (.succeeded, seconds)
        }
    }

    private mutating func endRuns() {
        for job in ends.places(notAfter: now.timeIntervalSinceReferenceDate) {
            vacate(job)
            let outcome = outcomes[job]
            change(schedule.jobs[job].name) { [now] in
                $0.isRunning = false
                $0.account?.outcome = outcome
                $0.account?.ended = now
            }
        }
    }

    private mutating func vacate(_ job: Int) {
        ends[job] = .infinity
        running -= 1
        runningOn[serverOf[job]] -= 1
    }

    private mutating func note(_ skip: Plan.Skip) {
        guard let job = schedule.place(of: skip.job) else { return }
        accounts.note(skip, of: job, watchingSince: watchingSince)
        change(skip.job) { [now] in $0.account = .init(slot: skip.slot, attempts: 0, outcome: .skipped, ended: now) }
    }

    private mutating func reanchor(_ name: String) {
        guard let job = schedule.place(of: name) else { return }
        let instant = min(now, watchingSince)
        accounts.takeBack(job, after: instant)
        change(name) { $0.account = .init(slot: instant, attempts: 0, outcome: .skipped, ended: instant) }
    }

    // MARK: trouble

    private mutating func haveTrouble() {
        checkNothingIsLost()
        // Mostly minutes, at times two days.
        let seconds = exp(Double.random(in: 0...12, using: &random))
        switch Int.random(in: 0..<5, using: &random) {
        case 0:
            endDaemon()
            pass(seconds, .missedWhileDown)
            beginDaemon()
        case 1: step(by: seconds, .missedInSleep)
        case 2: step(by: seconds, .missedByStep)
        case 3: step(by: -seconds, .missedByStep)
        default:
            // A correction that the daemon does not take for a step.
            let seconds = Double.random(in: -4.9...4.9, using: &random)
            now = now.addingTimeInterval(seconds)
            delayEnds(by: seconds)
        }
    }

    /// Whatever is due and has not begun waits for a place.
    private mutating func checkNothingIsLost() {
        let isHostFull = running >= schedule.concurrency
        accounts.noteBreak(at: now) { job in
            isHostFull || ends[job] < .infinity
                || runningOn[serverOf[job]] >= schedule.servers[serverOf[job]].concurrency
        }
    }

    private mutating func pass(_ seconds: Double, _ fate: SlotAccounts.Fate) {
        let from = now
        now = now.addingTimeInterval(seconds)
        accounts.note(.init(from: from, to: now, fate: fate))
    }

    /// Runs go on for as long as they take, by whatever clock, and sleep with the host.
    private mutating func step(by seconds: Double, _ fate: SlotAccounts.Fate) {
        pass(seconds, fate)
        delayEnds(by: seconds)
        guard abs(seconds) > 5 else { return }
        watchingSince = now
        agenda.restart(watchingSince: now)
    }

    private mutating func delayEnds(by seconds: Double) {
        for job in ends.places(notAfter: .greatestFiniteMagnitude) { ends[job] += seconds }
    }

    /// What runs is cut off.
    private mutating func endDaemon() {
        for job in ends.places(notAfter: .greatestFiniteMagnitude) { vacate(job) }
    }

    private mutating func beginDaemon() {
        watchingSince = now
        var facts: [String: JobFacts] = Dictionary(minimumCapacity: schedule.jobs.count)
        for job in schedule.jobs {
            facts[job.name] = agenda.facts(of: job.name)
            facts[job.name]?.isRunning = false
            facts[job.name]?.passedOver = 0
        }
        agenda = Agenda(schedule: schedule, facts: facts, now: now, watchingSince: now)
    }
}
