import Foundation

/// How every job stands: made once, printed as a table, as JSON and as systemd's STATUS line.
package struct StatusReport: Sendable, Equatable, Encodable {
    package enum State: String, Sendable, Encodable {
        case ok, running, overdue, failing, waiting, disabled, closed, vanished
    }
    package struct Line: Sendable, Equatable, Encodable {
        package var job: String
        package var database: String
        package var state: State
        /// False when the last run failed or a slot is overdue, also while another attempt is running; when an objective is
        /// missed; when the last dump is not as expected; when the last drill failed or could not verify.
        package var healthy: Bool
        package var lastSuccess: Date?
        package var next: Date?
        /// The next slot in the job's own zone.
        package var nextLocal: String?
        package var overdueSeconds: Double?
        package var dumps: Int
        package var bytes: Int64
        package var missed: Int
        package var error: String?
        /// Why pruning waits, when it does.
        package var suspension: String?
        /// How the database differed, at the last dump, from what is expected still; nil when it did not, or nothing is expected.
        package var drift: String?
        /// Where it differed from what is expected no more, who tells whether it is as expected now. No complaint.
        package var note: String?
        /// Age of the newest good dump's data, and how old it may be.
        package var rpoSeconds: Double?
        package var rpoObjectiveSeconds: Double?
        /// What the last proven drill's restore took, and how long it may take.
        package var rtoSeconds: Double?
        package var rtoObjectiveSeconds: Double?
        /// `rpo`, `rto`.
        package var missedObjectives: [String]
        /// What the last drill says of the newest dump; `proven` alone is good news.
        package var drill: String
        package var drilledDump: String?
        package var lastDrill: Date?
        package var nextDrill: Date?
        /// Why it is not proven.
        package var drillReason: String?
        /// Whether a drill is in progress.
        package var drilling: Bool
        /// For people: each objective beside what was measured, and what is wrong with either.
        package var measure: ObjectiveMeasure?
        /// Whether drills are made of it: an old verdict is no complaint where nobody wants them.
        package var isDrilled: Bool
        /// How the database stands that discovery has made this job of; nil for a written job.
        package var discovery: String?

        private enum CodingKeys: String, CodingKey {
            case job, database, state, healthy, lastSuccess, next, nextLocal, overdueSeconds, dumps, bytes, missed,
                error
            case suspension, drift, note, rpoSeconds, rpoObjectiveSeconds, rtoSeconds, rtoObjectiveSeconds,
                missedObjectives,
                drill
            case drilledDump, lastDrill, nextDrill, drillReason, drilling, discovery
        }

        /// What is wrong beside the runs: objectives, what is expected, then the drill.
        package var complaints: [String] {
            let missed =
                (measure.map { measure in measure.missed.map { measure.text($0) } } ?? [])
                + (drift.map { ["drifts: \($0)"] } ?? [])
            let verdict = DrillVerdict(rawValue: drill)
            guard isDrilled, verdict == .failed || verdict == .couldNotVerify else { return missed }
            let reason = drillReason.map { ": " + $0.prefix { $0 != "\n" } } ?? ""
            return missed + ["drill \(verdict?.text ?? drill)\(reason)"]
        }
    }

    package var jobs: [Line]
    /// False when a job is not healthy.
    package var healthy: Bool { jobs.allSatisfy(\.healthy) }

    private enum CodingKeys: String, CodingKey { case jobs, healthy }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(jobs, forKey: .jobs)
        try container.encode(healthy, forKey: .healthy)
    }

    /// A slot counts as overdue when this long has passed without a good dump for it: a run takes its time.
    package static let grace: TimeInterval = 900

    package static func make(
        _ schedule: Schedule, states: [String: JobState], running: Set<String>,
        drilling: Set<String> = [], totals: [String: (count: Int, bytes: Int64)], now: Date
    ) -> StatusReport {
        StatusReport(
            jobs: schedule.jobs.map { job in
                line(
                    job, states[job.name], isRunning: running.contains(job.name),
                    isDrilling: drilling.contains(job.name), total: totals[job.name] ?? (0, 0), now: now)
            })
    }

    package static func line(
        _ job: Job, _ state: JobState?, isRunning: Bool, isDrilling: Bool = false,
        total: (count: Int, bytes: Int64) = (0, 0), now: Date
    ) -> Line {
        let next = job.isEnabled ? job.trigger.next(after: now, in: job.zone) : nil
        let overdue = overdueSince(job, state).flatMap { since -> Double? in
            let late = now.timeIntervalSince(since)
            return late > 0 ? late + grace : nil
        }
        // One that lets nobody in is not backed up, and nobody has said that it need not be.
        let isClosed = job.found?.standing == .closed
        let runsAreHealthy =
            !isClosed && (!job.isEnabled || (state != nil && state?.failures == 0 && overdue == nil))
        let measure = state.map { ObjectiveMeasure(job, $0, now: now) }
        let drill = state?.lastDrill
        let verdict = DrillVerdict.standing(drill, newestDump: state?.lastSuccess)
        let isDrilled = job.isEnabled && job.drill.isEnabled
        let drillIsHealthy = !isDrilled || (verdict != .failed && verdict != .couldNotVerify)
        let drift = state?.drift(of: job)
        let isHealthy = runsAreHealthy && drillIsHealthy && drift == nil && measure?.missed.isEmpty ?? true
        return Line(
            job: job.name, database: job.database,
            state: self.state(job, state, isRunning: isRunning, overdue: overdue), healthy: isHealthy,
            lastSuccess: state?.lastSuccess, next: next, nextLocal: next.map(job.zone.iso8601),
            overdueSeconds: overdue,
            dumps: total.count, bytes: total.bytes, missed: state?.missed ?? 0,
            error: job.found?.absence
                ?? (state == nil && job.isEnabled ? "no daemon has seen this job yet" : state?.lastError),
            suspension: state?.suspension, drift: drift?.text,
            note: job.expected == nil || drift == state?.drift ? nil : changedExpectation(job),
            rpoSeconds: measure?.rpoSeconds, rpoObjectiveSeconds: measure?.rpoObjectiveSeconds,
            rtoSeconds: measure?.rtoSeconds, rtoObjectiveSeconds: measure?.rtoObjectiveSeconds,
            missedObjectives: measure?.missed.map(\.rawValue) ?? [], drill: verdict.rawValue,
            drilledDump: drill?.dump, lastDrill: drill?.ended,
            nextDrill: isDrilled ? job.drill.trigger.next(after: now, in: job.drill.zone) : nil,
            drillReason: drill?.reason, drilling: isDrilling, measure: measure,
            isDrilled: isDrilled, discovery: job.found?.standing.rawValue)
    }

    private static func changedExpectation(_ job: Job) -> String {
        "expect has changed since the last dump; `archon-backupd audit \(ShellCommand.word(job.name))` tells, as does the next"
    }

    /// Whether STATUS has something to tell of a job that does not run: the faults of its line, found without making it.
    static func hasFault(_ job: Job, _ state: JobState?, _ measure: ObjectiveMeasure?, isOverdue: Bool) -> Bool {
        switch job.found?.standing {
        case .closed: return true
        case .vanished: return false
        case .present, nil: break
        }
        if state?.suspension != nil || state?.drift(of: job) != nil { return true }
        guard job.isEnabled else { return false }
        if isOverdue || state?.failures ?? 0 > 0 || measure?.missed.isEmpty == false { return true }
        let verdict = DrillVerdict.standing(state?.lastDrill, newestDump: state?.lastSuccess)
        return job.drill.isEnabled && (verdict == .failed || verdict == .couldNotVerify)
    }

    private static func state(_ job: Job, _ state: JobState?, isRunning: Bool, overdue: Double?) -> State {
        switch job.found?.standing {
        case .vanished: return .vanished
        case .closed: return .closed
        case .present, nil: break
        }
        if !job.isEnabled { return .disabled }
        if isRunning { return .running }
        if state?.failures ?? 0 > 0 { return .failing }
        if overdue != nil { return .overdue }
        return state?.lastSuccess == nil ? .waiting : .ok
    }

    /// Since when a job counts as overdue, be that to come; nil when it will not.
    static func overdueSince(_ job: Job, _ state: JobState?) -> Date? {
        guard job.isEnabled, let state else { return nil }
        let success = state.lastSuccess.map {
            max($0, state.account?.outcome == .succeeded ? state.account?.slot ?? $0 : $0)
        }
        // An adopted dump may be older than the job.
        let since = max(success ?? state.firstSeen, state.firstSeen)
        return job.trigger.next(after: since, in: job.zone).map { job.start(of: $0).addingTimeInterval(grace) }
    }
}

/// What `systemctl status` shows.
package enum StatusLine {
    /// "5 jobs, next archon_db 02:00 UTC, running odoo_db 41.0 MiB"; faults come first: "n8n_db failing: connection refused".
    package static func text(
        schedule: Schedule, states: [String: JobState], upcoming: [Plan.Upcoming],
        running: [(job: String, bytes: Int64)], drilling: String? = nil, now: Date
    ) -> String {
        var standings = Standings(schedule)
        for (index, job) in schedule.jobs.enumerated() { states[job.name].map { standings.note($0, of: index) } }
        _ = standings.look(now: now) { _, _ in }
        return standings.statusLine(
            next: upcoming.first { $0.start > now }, running: running, drilling: drilling, now: now)
    }

    static func text(
        _ faults: [String], jobs: Int, vanished: Int, next: Plan.Upcoming?, in schedule: Schedule,
        running: [(job: String, bytes: Int64)], drilling: String?, now: Date
    ) -> String {
        var parts = faults
        parts.append(Plural.jobs(jobs))
        if vanished > 0 { parts.append("\(vanished) vanished") }
        if let next, let job = schedule.job(named: next.job) {
            let local = job.zone.iso8601(next.slot)
            let zone = job.zone.name == "UTC" ? "UTC" : job.zone.name
            let isFar = next.slot.timeIntervalSince(now) > 86_400
            parts.append(
                "next \(next.job) \(isFar ? local.prefix(10) + " " : "")\(local.dropFirst(11).prefix(5)) \(zone)")
        }
        let told = running.sorted { $0.job < $1.job }.prefix(Standings.told)
        for run in told { parts.append("running \(run.job) \(ByteSize.text(run.bytes))") }
        if running.count > told.count { parts.append("running \(running.count - told.count) more") }
        if let drilling { parts.append("drilling \(drilling)") }
        return parts.joined(separator: ", ")
    }

    /// What is wrong with one job.
    static func faults(of line: StatusReport.Line) -> [String] {
        (fault(of: line).map { [$0] } ?? []) + line.complaints.map { "\(line.job) \(cut($0, to: 100))" }
    }

    /// With a mark where something is left out.
    private static func cut(_ text: some StringProtocol, to count: Int) -> String {
        text.count > count ? text.prefix(count - 1) + "…" : String(text)
    }

    private static func fault(of line: StatusReport.Line) -> String? {
        let reason = line.error.map { ": " + cut($0.prefix { $0 != "\n" }, to: 80) } ?? ""
        switch line.state {
        case .failing:
            return line.overdueSeconds.map { "\(line.job) overdue by \(hours($0))\(reason)" }
                ?? "\(line.job) failing\(reason)"
        case .overdue: return "\(line.job) overdue by \(hours(line.overdueSeconds ?? 0))\(reason)"
        case .closed: return "\(line.job) does not allow connections"
        case .vanished: return nil
        case .ok, .running, .waiting, .disabled:
            return line.suspension.map { _ in "\(line.job) is suspiciously small, not pruned" }
        }
    }

    private static func hours(_ seconds: Double) -> String {
        seconds < 5400
            ? "\(Int(seconds / 60)) min" : seconds < 172_800 ? "\(Int(seconds / 3600)) h" : "\(Int(seconds / 86_400)) d"
    }
}
