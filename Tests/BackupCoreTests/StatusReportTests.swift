import BackupCore
import Foundation
import TestSupport
import Testing

@Suite struct StatusReportTests {
    private let now = instant("2026-11-24T12:00:00Z")
    private let night = instant("2026-11-24T02:00:00Z")

    private func schedule(change: (inout Job) throws -> Void = { _ in }) throws -> Schedule {
        var job = Job(
            name: "app", server: "s", database: "db", trigger: .calendar(try CalendarExpression("*-*-* 02:00:00")),
            zone: .utc)
        job.drill.trigger = .calendar(try CalendarExpression("Sun *-*-* 05:00:00"))
        try change(&job)
        return Schedule(
            storage: .init(root: "/r", minimumFree: 0), concurrency: 1, servers: [Server(name: "s", connection: "")],
            jobs: [job])
    }

    private func state(_ verdict: DrillVerdict?, of dump: Date? = nil, reason: String? = nil) -> JobState {
        var state = JobState(
            firstSeen: night.addingTimeInterval(-86_400),
            account: .init(slot: night, attempts: 1, outcome: .succeeded, ended: night), lastSuccess: night)
        state.lastDrill = verdict.map {
            DrillRecord(
                job: "app", dump: "the dump", dumpTime: dump ?? night, began: night, ended: night, verdict: $0,
                reason: reason, place: "throwaway")
        }
        return state
    }

    private func line(_ state: JobState?, _ schedule: Schedule? = nil) throws -> StatusReport.Line {
        try #require(
            StatusReport.make(
                schedule ?? self.schedule(), states: state.map { ["app": $0] } ?? [:], running: [], totals: [:],
                now: now
            ).jobs.first)
    }

    private func statusLine(_ state: JobState, _ schedule: Schedule? = nil, drilling: String? = nil) throws -> String {
        StatusLine.text(
            schedule: try schedule ?? self.schedule(), states: ["app": state], upcoming: [], running: [],
            drilling: drilling, now: now)
    }

    @Test func `an adopted dump that is older than the job makes nothing overdue before the job's first slot`() throws {
        let adopted = JobState(
            firstSeen: now.addingTimeInterval(-60), lastSuccess: now.addingTimeInterval(-86_400 * 300))
        let line = try line(adopted)
        #expect(line.state == .ok && line.overdueSeconds == nil && line.lastSuccess == adopted.lastSuccess)
        let later = JobState(
            firstSeen: now.addingTimeInterval(-86_400 * 3), lastSuccess: now.addingTimeInterval(-86_400 * 300))
        #expect(try self.line(later).state == .overdue)
    }

    @Test(arguments: [(80, false), (81, true)])
    func `what STATUS cuts has a mark at its end`(length: Int, isCut: Bool) throws {
        let error = String(repeating: "x", count: length)
        let failing = try statusLine(JobState(firstSeen: now, lastSuccess: now, lastError: error, failures: 1))
        #expect(failing.contains(isCut ? ": \(error.prefix(79))…, " : ": \(error), "), "\(failing)")
        var state = JobState(firstSeen: now, lastSuccess: now)
        // With "drifts: " before it.
        let text = String(repeating: "y", count: length + 12)
        state.drift = Drift(differences: [.init(expectation: nil, text: text)])
        let schedule = try self.schedule { $0.expected = ExpectedContents() }
        let drifts = try statusLine(state, schedule)
        #expect(drifts.contains("…") == isCut && drifts.contains("app drifts: yyy"), "\(drifts)")
    }

    @Test func `a drift counts while what it differs from is expected, and says so where that has changed`() throws {
        func expecting(_ tables: Int, _ extensions: [String] = [], database: String = "app") throws -> Schedule {
            try schedule {
                $0.database = database
                $0.expected = ExpectedContents()
                $0.expected?.tables = [.init(pattern: try #require(TablePattern("public.a_*")), count: tables)]
                $0.expected?.extensions = extensions
            }
        }
        let found = DatabaseContents(tables: [], extensions: [], schemas: [], owner: "app")
        let job = try #require(try expecting(2, ["vector"]).jobs.first)
        var state = JobState(firstSeen: now, lastSuccess: now)
        state.drift = Audit(try #require(job.expected), found, database: "app").noted(after: nil)
        let (tables, vector) = ("0 tables public.a_* where 2 are expected", "the extension vector is missing")
        for (schedule, drift, isChanged) in [
            (try expecting(2, ["vector"]), "\(tables); \(vector)", false),
            (try expecting(2, ["vector", "pg_trgm"]), "\(tables); \(vector)", false),
            (try expecting(0, ["vector"]), vector, true), (try expecting(2), tables, true),
            (try expecting(0), nil, true), (try expecting(2, ["vector"], database: "other"), nil, true),
            (try self.schedule(), nil, false),
        ] as [(Schedule, String?, Bool)] {
            let line = try line(state, schedule)
            #expect(line.drift == drift && line.healthy == (drift == nil))
            #expect((line.note != nil) == isChanged && line.complaints == (drift.map { ["drifts: \($0)"] } ?? []))
            #expect(try statusLine(state, schedule) == (drift.map { "app drifts: \($0), " } ?? "") + "1 job")
        }
        // What an older program has noted counts while anything is expected.
        state.drift = Drift(differences: [.init(expectation: nil, text: "old")])
        #expect(try line(state, try expecting(0)).drift == "old" && line(state).drift == nil)
    }

    @Test func `without a drill it is not run, which is no fault`() throws {
        let line = try line(state(nil))
        #expect(line.drill == "not-run" && line.healthy && line.complaints.isEmpty)
        #expect(line.nextDrill == instant("2026-11-29T05:00:00Z") && line.lastDrill == nil && !line.drilling)
        #expect(try statusLine(state(nil)) == "1 job")
    }

    @Test func `proven of the newest dump, stale of an older one`() throws {
        #expect(try line(state(.proven)).drill == "proven")
        let stale = try line(state(.proven, of: night.addingTimeInterval(-86_400)))
        #expect(stale.drill == "stale" && stale.healthy && stale.complaints.isEmpty)
        // A newer one than the catalog knows is not stale, nor is the only one.
        #expect(try line(state(.proven, of: night.addingTimeInterval(1))).drill == "proven")
        var none = state(.proven)
        none.lastSuccess = nil
        #expect(try line(none).drill == "proven")
    }

    @Test(arguments: [
        (DrillVerdict.failed, "drill failed: rows differ"), (.couldNotVerify, "drill could not verify: rows differ"),
    ])
    func `failed, or not verified, is a fault with its reason, also when a newer dump is there`(
        verdict: DrillVerdict, text: String
    ) throws {
        for dump in [night, night.addingTimeInterval(-86_400)] {
            let state = state(verdict, of: dump, reason: "rows differ\nin a hundred tables")
            let line = try line(state)
            #expect(line.drill == verdict.rawValue && !line.healthy && line.state == .ok)
            #expect(line.complaints == [text] && line.drilledDump == "the dump")
            #expect(line.drillReason == "rows differ\nin a hundred tables")
            #expect(try statusLine(state) == "app \(text), 1 job")
        }
        let without = try line(state(verdict))
        #expect(without.complaints == ["drill \(verdict.text)"])
    }

    @Test func `where drills or the job are disabled, an old verdict is no fault`() throws {
        for schedule in [try schedule { $0.drill.isEnabled = false }, try schedule { $0.isEnabled = false }] {
            let line = try line(state(.failed, reason: "x"), schedule)
            #expect(line.healthy && line.complaints.isEmpty && line.nextDrill == nil && line.drill == "failed")
            #expect(try statusLine(state(.failed, reason: "x"), schedule) == "1 job")
        }
    }

    @Test func `a missed objective makes a job unhealthy and stands in STATUS`() throws {
        let tight = try schedule { $0.objectives = Objectives(rpoSeconds: 7200) }
        let state = state(.proven)
        let line = try line(state, tight)
        #expect(!line.healthy && line.missedObjectives == ["rpo"] && line.state == .ok)
        #expect(line.rpoSeconds == 36_000 && line.rpoObjectiveSeconds == 7200)
        let text = "RPO missed: the newest good dump is 10h old, the objective is 2h"
        #expect(line.complaints == [text])
        #expect(try statusLine(state, tight) == "app \(text), 1 job")
        #expect(try self.line(state).healthy)
    }

    @Test func `both objectives and the drill complain in this order, after the fault of the runs`() throws {
        let tight = try schedule { $0.objectives = Objectives(rpoSeconds: 7200, rtoSeconds: 1) }
        var state = state(.failed, reason: "no")
        state.failures = 1
        state.lastError = "connection refused"
        #expect(
            try statusLine(state, tight)
                == "app failing: connection refused, app RPO missed: the newest good dump is 10h old, the objective is 2h, app RTO missed: no drill could measure it, the objective is 1s, app drill failed: no, 1 job"
        )
    }

    @Test func `a drill in progress stands in both`() throws {
        let report = StatusReport.make(
            try schedule(), states: ["app": state(nil)], running: [], drilling: ["app"], totals: [:], now: now)
        #expect(report.jobs.map(\.drilling) == [true] && report.healthy)
        #expect(try statusLine(state(nil), drilling: "app") == "1 job, drilling app")
    }

    @Test func `a failure says of the dump what its kind says`() {
        for kind in Failure.Kind.allCases {
            let expected: DrillVerdict = kind == .damaged || kind == .failed ? .failed : .couldNotVerify
            #expect(DrillVerdict.of(kind) == expected, "\(kind)")
        }
    }

    @Test func `only a verdict about the dump goes into its manifest`() {
        for verdict in DrillVerdict.allCases {
            let record = DrillRecord(
                job: "app", dump: "d", dumpTime: now, began: night, ended: now, verdict: verdict, reason: "why",
                restoreSeconds: 2, bytes: 3, place: "s", assertions: 4)
            #expect((record.manifestDrill != nil) == (verdict == .proven || verdict == .failed), "\(verdict)")
            if let drill = record.manifestDrill {
                #expect(drill.verdict == verdict && drill.reason == "why" && drill.restoreSeconds == 2)
                #expect(drill.databaseBytes == 3 && drill.place == "s" && drill.assertions == 4)
                #expect(drill.began == night && drill.ended == now)
            }
        }
    }
}
