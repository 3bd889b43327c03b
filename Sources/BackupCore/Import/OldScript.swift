/// A script that cron calls every hour and that asks `date` which hour it is: followed at every hour of every day.
struct OldScript {
    /// A database and when its dumps are made; each bit is an hour.
    private struct Times {
        var database: String
        var server: FoundServer
        var line: Int
        var keep: Int?
        var isDoubtful = true
        var literal: [Int: UInt32] = [:]
        var meant: [Int: UInt32] = [:]
    }

    private struct Key: Hashable {
        var database: String
        var server: FoundServer
    }

    private var order: [Key] = []
    private var times: [Key: Times] = [:]
    private var prunes: Set<FoundPrune> = []
    private var comparisons: [ShellReading: [ShellRun.Comparison: Bool]] = [:]
    private var notes: [Int: String] = [:]
    private var zoneName: String?
    private var root: String?

    /// Each step is one command; a script of a thousand lines takes a few hundred thousand for all hours of a week.
    private static let stepLimit = 1_200_000

    /// Throws `.failed` for a script that does too much to be followed.
    static func read(_ text: String, file: String) throws -> ScheduleImport.Found {
        var script = OldScript()
        let node = ShellParser.parse(text)
        // Of times in file names nothing hangs on the day.
        let asksDay = ["", "\"", "'"].contains { quote in
            ["%d", "%e", "%-d", "%_d"].contains { text.contains("+\(quote)\($0)") }
        }
        var steps = stepLimit
        for reading in [ShellReading.literal, .meant] {
            for weekday in 1...7 {
                for day in asksDay ? 1...31 : 1...1 {
                    for hour in 0..<24 {
                        let moment = ShellMoment(hour: hour, weekday: weekday, day: day)
                        var run = ShellRun(moment, reading, steps: steps)
                        run.run(node)
                        steps = run.stepsLeft
                        guard steps > 0 else {
                            throw Failure(
                                .failed, "\(file) does too much to be followed",
                                hint: "Name a file with the schedule block alone.")
                        }
                        script.take(run)
                    }
                }
            }
        }
        return script.found(asksDay: asksDay)
    }

    private mutating func take(_ run: ShellRun) {
        let slot = run.moment.weekday * 100 + run.moment.day
        for dump in run.dumps {
            let key = Key(database: dump.database, server: dump.server)
            if times[key] == nil { order.append(key) }
            var known = times[key] ?? Times(database: dump.database, server: dump.server, line: dump.line)
            known.keep = [known.keep, dump.keep].compactMap { $0 }.max()
            if !dump.isDoubtful { known.isDoubtful = false }
            let bit = UInt32(1) << UInt32(run.moment.hour)
            switch run.reading {
            case .literal: known.literal[slot, default: 0] |= bit
            case .meant: known.meant[slot, default: 0] |= bit
            }
            times[key] = known
        }
        prunes.formUnion(run.prunes)
        for (comparison, isMet) in run.comparisons {
            let before = comparisons[run.reading]?[comparison] == true
            comparisons[run.reading, default: [:]][comparison] = before || isMet
        }
        for (line, note) in run.notes { notes[line] = notes[line] ?? note }
        zoneName = zoneName ?? run.zoneName
        root =
            root
            ?? ["BACKUP_DIR", "BACKUP_ROOT", "BACKUP_PATH", "BACKUP_BASE", "DUMP_DIR"].lazy
            .compactMap { run.variables[$0]?.text }.first { Self.isFolder($0) }
    }

    static func isFolder(_ path: String) -> Bool {
        let parts = path.split(separator: "/")
        return path.hasPrefix("/") && !parts.isEmpty && !parts.contains("..") && !parts.contains(".")
    }

    private func found(asksDay: Bool) -> ScheduleImport.Found {
        var found = ScheduleImport.Found()
        found.root = root
        found.zoneName = zoneName
        for (line, note) in notes.sorted(by: { $0.key < $1.key }) { found.notes.append(.init(line: line, text: note)) }
        addComparisons(&found)
        let lines = order.enumerated().sorted {
            (times[$0.element]?.line ?? 0, $0.offset) < (times[$1.element]?.line ?? 0, $1.offset)
        }
        for (_, key) in lines {
            guard let times = times[key] else { continue }
            for (slot, mask) in times.literal {
                for hour in 0..<24 where mask & (1 << UInt32(hour)) != 0 {
                    found.literalTimes[times.database, default: []].insert(slot / 100 * 100 + hour)
                }
            }
            addJobs(times, asksDay: asksDay, &found)
        }
        found.notes.append(
            .init(line: 0, text: "it is taken to be called at minute 0 of every hour, as by the crontab line 0 * * * *")
        )
        return found
    }

    /// What is never met as it stands, and would be as it was meant.
    private func addComparisons(_ found: inout ScheduleImport.Found) {
        let literal = comparisons[.literal] ?? [:]
        let lost = (comparisons[.meant] ?? [:]).filter { $0.value && literal[$0.key] != true }.keys
        for comparison in lost.sorted(by: { ($0.line, $0.wanted) < ($1.line, $1.wanted) }) {
            let number = ShellReading.meant.number(comparison.wanted) ?? 7
            let shown = ShellMoment(hour: min(number, 23), weekday: (number + 6) % 7 + 1, day: max(1, min(number, 31)))
            let example = shown.formatted(String(comparison.format.drop { $0 == "+" }))?.text ?? ""
            found.notes.append(
                .init(
                    line: comparison.line,
                    text: "\"\(comparison.wanted)\" is never what `date +\(comparison.format)` prints, which is like "
                        + "\(example): never met; the schedule has what was meant"))
        }
    }

    private func addJobs(_ times: Times, asksDay: Bool, _ found: inout ScheduleImport.Found) {
        let did = OldTimes(times.literal, asksDay: asksDay)
        let meant = OldTimes(times.meant, asksDay: asksDay)
        if times.literal != times.meant {
            found.notes.append(
                .init(
                    line: times.line,
                    text: "\(times.database) was backed up \(did.described); meant, and written, is \(meant.described)")
            )
        }
        if times.isDoubtful {
            found.notes.append(
                .init(
                    line: times.line,
                    text: "whether \(times.database) is dumped hangs on more than the clock: taken as if it always were"
                ))
        }
        guard let calendars = meant.calendars else {
            found.notes.append(
                .init(line: times.line, text: "the days of \(times.database) are no calendar expression: left"))
            return
        }
        let scoped = prunes.filter { $0.scope == times.line || $0.scope == nil }
        for calendar in calendars {
            found.add(
                .init(
                    name: times.database, database: times.database, server: times.server, key: "calendar",
                    times: calendar, timeZone: nil, keepLast: times.keep ?? scoped.compactMap(\.keep).max(),
                    keepDays: scoped.compactMap(\.days).max().map { min($0, 36_000) + 1 }))
        }
        if calendars.count > 1 {
            found.notes.append(
                .init(
                    line: times.line,
                    text: "\(times.database) has other hours on other days: \(calendars.count) jobs are written for it")
            )
        }
    }
}
