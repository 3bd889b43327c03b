/// What an old script or crontab says of backups, as a schedule.json.
package struct ScheduleImport: Sendable {
    /// What a person should know of the file; line 0 is the whole file.
    package struct Note: Sendable, Equatable {
        package let line: Int
        package let text: String
    }
    /// A job of the schedule that is written.
    struct Job: Sendable, Equatable {
        var name: String
        var database: String
        var server: FoundServer
        /// `"calendar"` or `"cron"`, and its expression.
        var key: String
        var times: String
        var timeZone: String?
        var keepLast: Int?
        var keepDays: Int?
    }

    /// Valid to `ScheduleDecoder`.
    package let schedule: String
    package let notes: [Note]
    package let jobCount: Int
    /// When a script as it stands makes dumps, by database: `weekday * 100 + hour`, 1 being Monday.
    package let literalTimes: [String: Set<Int>]

    /// No script that people write has more; a larger file is not followed.
    private static let sizeLimit = 256 << 10

    /// Reads `text`, which is never run. `zoneName` is the zone of the clock that the old times mean; nil takes what the file
    /// says, or UTC. Throws `.failed` when no backup is found in it.
    package static func read(
        _ text: String, file: String, zoneName: String? = nil, zones: @escaping (String) -> Zone?
    ) throws -> ScheduleImport {
        guard text.utf8.count <= sizeLimit else {
            throw Failure(
                .failed, "\(file) has more than \(ByteSize.text(Int64(sizeLimit)))",
                hint: "Name the script or the crontab alone.")
        }
        let text = text.replacing("\r\n", with: "\n")
        var found = Crontab.isCrontab(text) ? Crontab.read(text, file: file) : try OldScript.read(text, file: file)
        guard !found.jobs.isEmpty else {
            throw Failure(
                .failed, "no backup of a database is found in \(file)",
                hint: "It looks for pg_dump, and for calls like backup_database \"name\" 30.",
                cause: found.notes.sorted { $0.line < $1.line }.map { "line \($0.line): \($0.text)" }
                    .joined(separator: "\n"))
        }
        found.leaveUnknownZones(zones)
        found.tellWhatIsMissing(isZoneGiven: zoneName != nil)
        let schedule = ScheduleText.write(
            found.jobs, root: found.root ?? "/backups", zoneName: zoneName ?? found.zoneName ?? "UTC")
        if let fault = ScheduleDecoder.faults(in: Array(schedule.utf8), file: file, zones: zones).first {
            throw Failure(
                .failed, "what \(file) says makes no schedule: \(fault.path) \(fault.message)", hint: fault.hint)
        }
        let notes = found.notes.enumerated().sorted { ($0.element.line, $0.offset) < ($1.element.line, $1.offset) }
        return ScheduleImport(
            schedule: schedule, notes: notes.map(\.element), jobCount: found.jobs.count,
            literalTimes: found.literalTimes)
    }

    /// What a reader finds.
    struct Found {
        var jobs: [Job] = []
        var notes: [Note] = []
        var root: String?
        var zoneName: String?
        var literalTimes: [String: Set<Int>] = [:]

        /// A zone may be of another system, or none.
        mutating func leaveUnknownZones(_ zones: (String) -> Zone?) {
            let names = Set(jobs.compactMap(\.timeZone) + [zoneName].compactMap { $0 })
            for name in names.sorted() where zones(name) == nil {
                notes.append(.init(line: 0, text: "the time zone \(name) is not known here: --time-zone names another"))
                if zoneName == name { zoneName = nil }
                for index in jobs.indices where jobs[index].timeZone == name { jobs[index].timeZone = nil }
            }
        }

        mutating func tellWhatIsMissing(isZoneGiven: Bool) {
            func note(_ text: String) { notes.append(.init(line: 0, text: text)) }
            if !isZoneGiven, zoneName == nil {
                note(
                    "its times are those of this host's clock, and \"timeZone\" is written as UTC: --time-zone names another"
                )
            }
            let names = jobs.filter { $0.keepLast == nil && $0.keepDays == nil }.map(\.name)
            if !names.isEmpty {
                note("nothing says how many dumps of \(names.joined(separator: ", ")) to keep: all are kept")
            }
            if root == nil { note("no BACKUP_DIR is found: \"root\" is written as /backups") }
        }

        /// With a name that no other has.
        mutating func add(_ job: Job) {
            let names = Set(jobs.map { NameRule.folder(of: $0.name) })
            var job = job
            let base = NameRule.isSafe(job.database) ? job.database : "database"
            job.name = base
            var number = 1
            while names.contains(NameRule.folder(of: job.name)) {
                number += 1
                job.name = "\(base)-\(number)"
            }
            jobs.append(job)
        }
    }
}
