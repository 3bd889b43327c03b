import Foundation

/// How to bring this host's databases back, as things stand: made of schedule, catalog and manifests, written as blocks.
package struct Runbook: Sendable {
    /// One job, and its dumps that count.
    package struct Database: Sendable {
        package var job: Job
        package var state: JobState?
        /// The newest good dump: what a restore takes.
        package var newest: Manifest?
        /// The newest good dump that a drill has restored.
        package var proven: Manifest?
        /// What stands behind it and is newer, but not good.
        package var refused: Refused?
        package var folder: String

        package struct Refused: Sendable {
            package var dump: String
            package var reason: String

            package init(dump: String, reason: String) {
                self.dump = dump
                self.reason = reason
            }
        }

        package init(
            job: Job, state: JobState?, newest: Manifest?, proven: Manifest?, refused: Refused? = nil, folder: String
        ) {
            self.job = job
            self.state = state
            self.newest = newest
            self.refused = refused
            self.proven = proven
            self.folder = folder
        }
    }

    let schedule: Schedule
    /// The most critical first, then by name.
    package let databases: [Database]
    let host: String
    /// ` --config PATH`, quoted; empty for the usual path.
    let option: String
    let config: String
    let now: Date

    package init(
        _ schedule: Schedule, _ databases: [Database], host: String, config: String, isUsualConfig: Bool, now: Date
    ) {
        self.schedule = schedule
        self.databases = databases.sorted { left, right in
            let ranks = (Self.rank(left.job), Self.rank(right.job))
            return ranks.0 == ranks.1 ? left.job.name < right.job.name : ranks.0 < ranks.1
        }
        self.host = host
        self.config = config
        option = isUsualConfig ? "" : " --config \(ShellCommand.word(config))"
        self.now = now
    }

    private static func rank(_ job: Job) -> Int { Job.Criticality.allCases.firstIndex(of: job.criticality) ?? 0 }

    package var title: String { "Disaster recovery of \(host)" }

    package var blocks: [RunbookBlock] {
        var blocks = head + inventory
        blocks += whole
        blocks.append(.heading(2, "One database"))
        blocks += beforehand
        for entry in databases { blocks += procedure(entry) }
        blocks += trouble
        return blocks + contacts
    }

    static func time(_ date: Date) -> String {
        Zone.utc.iso8601(Date(timeIntervalSince1970: date.timeIntervalSince1970.rounded(.down)))
    }

    private var head: [RunbookBlock] {
        [
            .heading(1, "\(title)"),
            .paragraph(
                "Made at \(Self.time(now)) on \(code: host) by archon-backupd \(Version.current) from \(code: config). It is as old as that: make it anew with \(code: "archon-backupd runbook\(option)") after each change, and keep a copy that does not need this host."
            ),
            .paragraph(
                "The dumps lie under \(code: schedule.storage.root). Each is an archive of pg_dump, its manifest (.json) and its roles (.globals.sql). When the host is lost, put a copy of that folder in the same place first."
            ),
        ]
    }

    private var inventory: [RunbookBlock] {
        let rows = databases.map { entry -> [RunbookText] in
            let job = entry.job
            let measure = entry.state.map { ObjectiveMeasure(job, $0, now: now) }
            return [
                job.isPartial
                    ? "\(code: job.database), without \(code: Self.omissions(job))" : "\(code: job.database)",
                "\(job.criticality.rawValue)",
                job.isEnabled ? "\(code: job.trigger.source) \(job.zone.name)" : "disabled",
                "\(Self.rules(job.retention))",
                "\(measure?.beside(.rpo) ?? "- / " + TimeSpan.text(job.objectives.rpoSeconds))",
                "\(measure?.beside(.rto) ?? "- / " + (job.objectives.rtoSeconds.map(TimeSpan.text) ?? "-"))",
                Self.dump(entry.proven, entry.folder), Self.dump(entry.newest, entry.folder),
            ]
        }
        return [
            .heading(2, "Inventory"),
            .table(
                [
                    "Database", "Criticality", "Schedule", "Retention", "RPO measured / objective",
                    "RTO measured / objective", "Newest drilled dump", "Newest good dump",
                ], rows: rows),
        ]
    }

    /// `the rows of audit_log; the tables scratch_*`.
    static func omissions(_ job: Job) -> String { job.omissions.joined(separator: "; ") }

    private static func dump(_ manifest: Manifest?, _ folder: String) -> RunbookText {
        guard let manifest else { return "none" }
        return
            "\(code: "\(folder)/\(manifest.dump).dump"), \(ByteSize.text(manifest.bytes)), data of \(time(manifest.snapshot)), \(manifest.proof.rawValue)"
    }

    private static func rules(_ retention: Retention) -> String {
        let counts: [(String, Int?)] = [
            ("keepLast", retention.keepLast), ("keepHourly", retention.keepHourly),
            ("keepDaily", retention.keepDaily), ("keepWeekly", retention.keepWeekly),
            ("keepMonthly", retention.keepMonthly), ("keepYearly", retention.keepYearly),
            ("keepAtLeast", retention.keepAtLeast),
        ]
        var rules = counts.compactMap { name, count in count.map { "\(name) \($0)" } }
        if let seconds = retention.keepWithinSeconds { rules.append("keepWithin \(TimeSpan.text(seconds))") }
        if let bytes = retention.maximumBytes { rules.append("maximumBytes \(ByteSize.text(bytes))") }
        return rules.isEmpty ? "all are kept" : rules.joined(separator: ", ")
    }

    private var contacts: [RunbookBlock] {
        let rows = schedule.contacts.map { one -> [RunbookText] in
            [one.name, one.role, one.phone, one.email, one.note].map { "\($0 ?? "")" }
        }
        return [
            .heading(2, "Contacts"),
            rows.isEmpty
                ? .paragraph("Nobody is named: write \(code: "\"contacts\"") at the top of \(code: config).")
                : .table(["Name", "Role", "Phone", "Email", "Note"], rows: rows),
        ]
    }
}
