@testable import BackupCore
import Foundation
import TestSupport
import Testing

/// The planner over a month of simulated time in which dumps and drills take theirs.
@Suite struct DrillSimulationTests {
    /// Asks the planner as the scheduler does, and holds what it says to the rules.
    private struct Simulation {
        let schedule: Schedule
        let dumpSeconds: [String: Double]
        let drillSeconds: [String: Double]
        let began: Date
        var now: Date
        var facts: [String: JobFacts] = [:]
        var ends: [String: Date] = [:]
        var drillEnd: (job: String, at: Date)?
        /// How late each run and drill began.
        var dumpDelays: [String: [Double]] = [:]
        var drillDelays: [String: [Double]] = [:]
        var faults: [String] = []

        init(_ schedule: Schedule, dumps: [String: Double], drills: [String: Double], began: Date) {
            self.schedule = schedule
            dumpSeconds = dumps
            drillSeconds = drills
            self.began = began
            now = began
            for job in schedule.jobs { facts[job.name] = JobFacts(firstSeen: began) }
        }

        mutating func run(days: Double) {
            let end = began.addingTimeInterval(days * 86_400)
            while now < end {
                finish()
                let plan = Planner(schedule: schedule, facts: facts, now: now, watchingSince: began).plan()
                for start in plan.starts { begin(start) }
                if plan.drills.count > 1 { faults.append("\(now): \(plan.drills)") }
                for drill in plan.drills { begin(drill) }
                for waiting in plan.waiting {
                    let others = plan.starts.count { server($0.job) == server(waiting.job) }
                    facts[waiting.job]?.passedOver += others
                }
                let next = ([plan.wake, drillEnd?.at] + ends.values.map { $0 }).compactMap(\.self).filter { $0 > now }
                now = min(next.min() ?? end, now.addingTimeInterval(1800))
            }
        }

        private func server(_ job: String) -> String { schedule.job(named: job)?.server ?? "" }

        private mutating func finish() {
            for (job, end) in ends where end <= now {
                ends[job] = nil
                facts[job]?.isRunning = false
                facts[job]?.account?.outcome = .succeeded
                facts[job]?.account?.ended = now
            }
            guard let drill = drillEnd, drill.at <= now else { return }
            drillEnd = nil
            facts[drill.job]?.isRunning = false
            facts[drill.job]?.drillingOn = []
            facts[drill.job]?.drillAccount?.outcome = .succeeded
            facts[drill.job]?.drillAccount?.ended = now
            facts[drill.job]?.drillSeconds = drillSeconds[drill.job]
        }

        private mutating func begin(_ start: Plan.Start) {
            let drilling = drillEnd.flatMap { schedule.job(named: $0.job)?.drillServers } ?? []
            if drilling.contains(server(start.job)) { faults.append("\(now): \(start.job) is dumped beside a drill") }
            dumpDelays[start.job, default: []].append(now.timeIntervalSince(max(start.slot, began)))
            ends[start.job] = now.addingTimeInterval(dumpSeconds[start.job] ?? 60)
            facts[start.job]?.isRunning = true
            facts[start.job]?.passedOver = 0
            facts[start.job]?.account = .init(slot: start.slot, attempts: 1, outcome: .interrupted, ended: now)
        }

        private mutating func begin(_ drill: Plan.Drill) {
            guard let job = schedule.job(named: drill.job) else { return }
            if let other = drillEnd { faults.append("\(now): \(drill.job) is drilled beside \(other.job)") }
            let dumped = ends.keys.filter { job.drillServers.contains(server($0)) }
            if !dumped.isEmpty { faults.append("\(now): \(drill.job) is drilled beside dumps of \(dumped)") }
            drillDelays[drill.job, default: []].append(now.timeIntervalSince(drill.slot))
            drillEnd = (drill.job, now.addingTimeInterval(drillSeconds[drill.job] ?? 60))
            facts[drill.job]?.isRunning = true
            facts[drill.job]?.drillingOn = job.drillServers
            facts[drill.job]?.drillAccount = .init(
                slot: drill.slot, attempts: 1, outcome: .interrupted, ended: now)
        }
    }

    private static let began = instant("2026-11-01T00:00:00Z")

    @Test(arguments: 0..<12)
    func `over a month of random schedules no drill meets a dump on its server, and nobody starves`(seed: Int) throws {
        var random = SplitMix64(seed: UInt64(seed))
        let calendars: [(text: String, seconds: Double)] = [
            ("*-*-* *:00/30:00", 1800), ("*-*-* *:20:00", 3600), ("*-*-* 00/3:10:00", 10_800),
            ("*-*-* 00/6:00:00", 21_600), ("*-*-* 02:00:00", 86_400), ("*-*-* 03:30:00", 86_400),
            ("Sun *-*-* 04:00:00", 604_800),
        ]
        let servers = ["s", "t"]
        var dumps: [String: Double] = [:]
        var drills: [String: Double] = [:]
        let jobs = try (0..<Int.random(in: 2...6, using: &random)).map { index in
            let (text, interval) = calendars[Int.random(in: 0..<calendars.count, using: &random)]
            let name = "j\(index)-\(seed)"
            var job = Job(
                name: name, server: servers[Int.random(in: 0...1, using: &random)], database: "d",
                trigger: .calendar(try CalendarExpression(text)), zone: .utc)
            // Together they take less than the time there is.
            dumps[name] = Double.random(in: 0.02...0.25, using: &random) * min(interval, 10_800)
            drills[name] = Double.random(in: 10...5000, using: &random)
            if Int.random(in: 0..<4, using: &random) == 0 {
                job.drill.trigger = .calendar(try CalendarExpression("*-*-* 04:45:00"))
            }
            if Int.random(in: 0..<3, using: &random) == 0 { job.drill.place = .server("t") }
            if Int.random(in: 0..<3, using: &random) == 0 { job.jitterSeconds = 600 }
            return job
        }
        let schedule = Schedule(
            storage: .init(root: "/r", minimumFree: 0), concurrency: 3,
            servers: servers.map {
                Server(name: $0, connection: "", concurrency: Int.random(in: 1...2, using: &random))
            }, jobs: jobs)
        var simulation = Simulation(schedule, dumps: dumps, drills: drills, began: Self.began)
        simulation.run(days: 30)
        #expect(simulation.faults.isEmpty)
        for job in jobs {
            let slots = slots(job.drill.trigger, after: Self.began, in: job.drill.zone, count: 40)
                .count { $0 < Self.began.addingTimeInterval(25 * 86_400) }
            let delays = simulation.drillDelays[job.name] ?? []
            // A slot that passes while the one before it waits is served with it.
            #expect(
                delays.count >= min(slots, 4) - 1 && delays.count >= slots / 3,
                "\(job.name), \(slots) slots: \(delays)")
            #expect(delays.allSatisfy { $0 < 4 * 86_400 }, "\(job.name): \(delays)")
            // Three dumps and a drill at most go before.
            let late = simulation.dumpDelays[job.name]?.max() ?? .infinity
            #expect(late < 6 * 3600, "\(job.name) waited \(late) s")
        }
    }

    @Test func `where a server is never idle, dumps wait for a drill a day, and every drill is held`() throws {
        // Two at once, one begun every half hour, each for 40 minutes.
        let schedule = try DrillPlannerTests.schedule(["s", "s", "s"]) {
            let minutes = ["j0": "*:00", "j1": "*:30", "j2": "01:15"]
            $0.trigger = .calendar(try CalendarExpression(minutes[$0.name] ?? ""))
        }
        let dumps = ["j0": 2400.0, "j1": 2400, "j2": 600]
        let drills = ["j0": 900.0, "j1": 900, "j2": 900]
        var simulation = Simulation(schedule, dumps: dumps, drills: drills, began: Self.began)
        simulation.run(days: 30)
        #expect(simulation.faults.isEmpty)
        for job in schedule.jobs {
            let delays = simulation.drillDelays[job.name] ?? []
            #expect(delays.count == 5 || delays.count == 4, "\(job.name): \(delays)")
            #expect(delays.allSatisfy { $0 < 4.5 * 86_400 }, "\(job.name): \(delays)")
            let waits = simulation.dumpDelays[job.name] ?? []
            #expect((waits.max() ?? 0) < 2 * 3600)
            // At other times they wait for nobody.
            #expect(waits.count { $0 > 2400 } <= 40, "\(job.name): \(waits.count { $0 > 2400 })")
        }
    }

    @Test func `after a pause of the service what was not dumped comes before what was not drilled`() throws {
        let schedule = try DrillPlannerTests.schedule(["s", "s"])
        let facts = DrillPlannerTests.calm(schedule)
        let now = instant("2026-11-25T12:00:00Z")
        let plan = Planner(schedule: schedule, facts: facts, now: now, watchingSince: now).plan()
        #expect(plan.starts.map(\.job) == ["j0", "j1"] && plan.drills.isEmpty)
    }
}
