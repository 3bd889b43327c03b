import BackupCore
import Foundation
import TestSupport
import Testing

/// How found jobs stand in `status`, and what is planned for them.
@Suite struct DiscoveryStatusTests {
    private static let now = instant("2026-11-24T12:00:00Z")

    private func schedule() throws -> Schedule {
        let schedule = try ScheduleSample.decode(
            ScheduleSample.file(
                server: #""connection": "user=u", "discover": { "as": { "calendar": "daily" } }"#, databases: ""))
        return schedule.including(
            FoundDatabase.Standing.allCases.map { standing in
                FoundDatabase(
                    server: "main", database: standing.rawValue, job: standing.rawValue, standing: standing,
                    since: instant("2026-11-24T01:02:03.5Z"))
            })
    }

    private func states(_ schedule: Schedule) -> [String: JobState] {
        Dictionary(
            uniqueKeysWithValues: schedule.jobs.map {
                (
                    $0.name,
                    JobState(firstSeen: instant("2026-11-20T00:00:00Z"), lastSuccess: instant("2026-11-24T00:00:10Z"))
                )
            })
    }

    @Test func `one that is gone is no fault, one that lets nobody in is`() throws {
        let schedule = try schedule()
        let report = StatusReport.make(schedule, states: states(schedule), running: [], totals: [:], now: Self.now)
        #expect(report.jobs.map(\.state) == [.ok, .closed, .vanished])
        #expect(report.jobs.map(\.healthy) == [true, false, true] && !report.healthy)
        #expect(report.jobs.map(\.discovery) == ["present", "closed", "vanished"])
        #expect(report.jobs[2].error == "the database is gone (since 2026-11-24T01:02:03Z), its dumps are kept")
        #expect(report.jobs.map { $0.next == nil } == [false, true, true])
        let line = StatusLine.text(
            schedule: schedule, states: states(schedule), upcoming: [], running: [], now: Self.now)
        #expect(line == "closed does not allow connections, 3 jobs, 1 vanished")
    }

    @Test func `only those that are there are planned, a new one at once`() throws {
        let schedule = try schedule()
        let planner = Planner(schedule: schedule, facts: [:], now: Self.now, watchingSince: Self.now)
        let plan = planner.plan()
        #expect(plan.starts.map(\.job) == ["present"] && plan.upcoming.isEmpty)
        #expect(plan.upcomingDrills.map(\.job) == ["present"] && plan.drills.isEmpty)
    }
}
