import BackupCore
import Foundation
import TestSupport
import Testing

@Suite struct ObjectiveMeasureTests {
    private let now = instant("2026-11-24T12:00:00Z")

    private func job(_ calendar: String = "*-*-* 02:00:00", rpo: Double? = nil, rto: Double? = nil) throws -> Job {
        var job = Job(
            name: "app", server: "s", database: "db", trigger: .calendar(try CalendarExpression(calendar)), zone: .utc)
        if let rpo { job.objectives = Objectives(rpoSeconds: rpo) }
        job.objectives.rtoSeconds = rto
        return job
    }

    private func state(hours: Double?, restore: Double? = nil, last: DrillVerdict? = nil) -> JobState {
        var state = JobState(
            firstSeen: now.addingTimeInterval(-3600), lastSuccess: hours.map { now.addingTimeInterval(-$0 * 3600) })
        func record(_ verdict: DrillVerdict, _ seconds: Double?) -> DrillRecord {
            DrillRecord(
                job: "app", dump: "d", dumpTime: now, began: now, ended: now, verdict: verdict, restoreSeconds: seconds,
                place: "throwaway")
        }
        state.lastProven = restore.map { record(.proven, $0) }
        state.lastDrill = last.map { record($0, nil) } ?? state.lastProven
        return state
    }

    @Test func `the RPO follows from the times, and is missed the moment after it has passed`() throws {
        // A day and a tenth.
        let objective = 95_040.0
        let state = state(hours: 0)
        for (seconds, isMissed) in [(0.0, false), (objective, false), (objective + 0.001, true)] {
            let measure = ObjectiveMeasure(try job(), state, now: now.addingTimeInterval(seconds))
            #expect(measure.rpoObjectiveSeconds == objective)
            #expect(measure.rpoDeadline == now.addingTimeInterval(objective))
            #expect(measure.missed == (isMissed ? [.rpo] : []), "\(seconds)")
        }
    }

    @Test func `a job never dumped has the time of one from when it was first seen`() throws {
        let job = try job(rpo: 7200)
        let early = ObjectiveMeasure(job, state(hours: nil), now: now.addingTimeInterval(3600))
        #expect(early.missed.isEmpty && early.rpoSeconds == nil && early.beside(.rpo) == "- / 2h")
        let late = ObjectiveMeasure(job, state(hours: nil), now: now.addingTimeInterval(3601))
        #expect(late.missed == [.rpo])
        #expect(late.text(.rpo) == "RPO missed: there is no good dump, the objective is 2h")
    }

    @Test func `a dump from a clock that was ahead is of no negative age`() throws {
        let measure = ObjectiveMeasure(try job(), state(hours: -5), now: now)
        #expect(measure.rpoSeconds == 0 && measure.missed.isEmpty)
    }

    @Test(
        arguments: [
            // Restore of the last proven drill, verdict of the last one, RTO, whether it is missed.
            (599.0, DrillVerdict?.none, 600.0, false), (600, nil, 600, false), (600.5, nil, 600, true),
            (601, nil, nil, false), (nil, nil, 600, false), (nil, .failed, 600, true),
            (nil, .couldNotVerify, 600, true),
            (300, .couldNotVerify, 600, false), (900, .failed, 600, true), (nil, .failed, nil, false),
        ] as [(Double?, DrillVerdict?, Double?, Bool)])
    func `the RTO is met by a drill that was quick enough, missed where none could measure it, open before the first`(
        restore: Double?, last: DrillVerdict?, rto: Double?, isMissed: Bool
    ) throws {
        let measure = ObjectiveMeasure(
            try job(rto: rto), state(hours: 1, restore: restore, last: last), now: now)
        #expect(measure.missed == (isMissed ? [.rto] : []))
        #expect(measure.rtoSeconds == restore && measure.rtoObjectiveSeconds == rto)
    }

    @Test func `a disabled job misses nothing`() throws {
        var job = try job(rpo: 60, rto: 1)
        job.isEnabled = false
        #expect(ObjectiveMeasure(job, state(hours: 100, restore: 100), now: now).missed.isEmpty)
    }

    @Test func `texts say what is measured and what is wanted, in two units at most`() throws {
        let measure = ObjectiveMeasure(
            try job("*-*-* 00/6:00:00", rpo: 25_200, rto: 60), state(hours: 9.26, restore: 90.4), now: now)
        #expect(measure.missed == [.rpo, .rto])
        #expect(measure.text(.rpo) == "RPO missed: the newest good dump is 9h 16min old, the objective is 7h")
        #expect(measure.text(.rto) == "RTO missed: the last drill took 1min 30s, the objective is 1min")
        #expect(measure.beside(.rpo) == "9h 16min / 7h" && measure.beside(.rto) == "1min 30s / 1min")
        let unmeasured = ObjectiveMeasure(try job(rto: 60), state(hours: 0, last: .couldNotVerify), now: now)
        #expect(unmeasured.text(.rto) == "RTO missed: no drill could measure it, the objective is 1min")
        #expect(unmeasured.beside(.rto) == "- / 1min" && unmeasured.beside(.rpo) == "0s / 1d 2h 24min")
        #expect(ObjectiveMeasure(try job(), state(hours: 100), now: now).beside(.rto) == "- / -")
        #expect(ObjectiveMeasure(try job(), state(hours: 100), now: now).beside(.rpo) == "4d 4h / 1d 2h 24min")
        // A restore of a tiny database.
        #expect(
            ObjectiveMeasure(try job(rto: 1), state(hours: 0, restore: 0.4), now: now).beside(.rto) == "0s / 1s")
    }
}
