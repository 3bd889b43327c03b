/// A script that cron calls every hour and that asks `date` which hour it is: followed at every hour of every day.
struct OldScript {
    /// A database and when its dumps are made; each bit is an hour. Slots are `weekday * 100 + day`, with day 0 for all.
    private struct Times {
        var line: Int
        var literal: [Int: UInt32] = [:]
        var meant: [Int: UInt32] = [:]
        /// Those of `meant` that hang on the clock alone.
        var certain: [Int: UInt32] = [:]
    }

    private var order: [OldRetention.Key] = []
    private var times: [OldRetention.Key: Times] = [:]
    private var retention = OldRetention()
    private var comparisons: [ShellReading: [ShellRun.Comparison: Bool]] = [:]
    private var notes: [ShellRun.Note] = []
    private var isNoted: Set<ShellRun.Note> = []
    private var reached: Set<Int> = []
    private var zones: Set<String> = []
    private var asksDay = false
    private var ownZone: String?
    private var root: String?
    private var steps: Int

    /// Each step is one command; a script of a thousand lines takes a few hundred thousand for all hours of a week.
    private static let stepLimit = 1_200_000
    /// For scripts that ask for the day of the month as well.
    private static let dayStepLimit = 6_000_000

    /// Throws `.failed` for a script that does too much to be followed.
    static func read(_ text: String, file: String) throws -> ScheduleImport.Found {
        var script = OldScript(steps: stepLimit)
        let node = ShellParser.parse(text)
        for reading in [ShellReading.literal, .meant] {
            for weekday in 1...7 {
                for hour in 0..<24 { try script.follow(node, reading, weekday, hour, file: file) }
            }
        }
        for place in ShellSurvey.places(in: node) where !script.reached.contains(place.number) {
            script.note(.init(line: place.line, text: "\(place.text) is never reached, whatever the clock shows: left"))
        }
        if let line = ShellLexer.unclosed(text) {
            script.note(
                .init(line: line, text: "a quote or bracket that begins here has no end: what follows it may be left"))
        }
        return script.found()
    }

    private init(steps: Int) { self.steps = steps }

    /// On each day of the month, when something hangs on it.
    private mutating func follow(
        _ node: ShellNode, _ reading: ShellReading, _ weekday: Int, _ hour: Int, file: String
    ) throws {
        for day in 1...31 {
            var run = ShellRun(ShellMoment(hour: hour, weekday: weekday, day: day), reading, steps: steps)
            run.run(node)
            steps = run.stepsLeft - run.dumps.count * (run.prunes.count + 1) / 4
            guard steps > 0 else {
                throw Failure(
                    .failed, "\(file) does too much to be followed",
                    hint: "Name a file with the schedule block alone.")
            }
            if run.asksDay, !asksDay {
                asksDay = true
                steps += Self.dayStepLimit
            }
            take(run, slot: weekday * 100 + (run.asksDay || day > 1 ? day : 0))
            if !run.asksDay, day == 1 { return }
        }
    }

    private mutating func take(_ run: ShellRun, slot: Int) {
        for dump in run.dumps {
            let key = OldRetention.Key(database: dump.database, server: dump.server)
            if times[key] == nil { order.append(key) }
            let bit = UInt32(1) << UInt32(run.moment.hour)
            switch run.reading {
            case .literal: times[key, default: Times(line: dump.line)].literal[slot, default: 0] |= bit
            case .meant:
                times[key, default: Times(line: dump.line)].meant[slot, default: 0] |= bit
                if !dump.isDoubtful { times[key]?.certain[slot, default: 0] |= bit }
            }
        }
        retention.take(run)
        for (comparison, isMet) in run.comparisons {
            let before = comparisons[run.reading]?[comparison] == true
            comparisons[run.reading, default: [:]][comparison] = before || isMet
        }
        for note in run.notes { self.note(note) }
        reached.formUnion(run.reached)
        zones.formUnion(run.zones)
        ownZone = ownZone ?? run.variables["TZ"]?.text
        root = root ?? Self.roots.lazy.compactMap { run.variables[$0]?.text }.first { Self.isFolder($0) }
    }

    private static let roots = [
        "BACKUP_DIR", "BACKUP_ROOT", "BACKUP_PATH", "BACKUP_BASE", "DUMP_DIR", "BACKUPDIR", "BACKUP_FOLDER",
        "BACKUPS_DIR",
    ]

    private mutating func note(_ note: ShellRun.Note) {
        guard notes.count < 2000, isNoted.insert(note).inserted else { return }
        notes.append(note)
    }

    static func isFolder(_ path: String) -> Bool {
        let parts = path.split(separator: "/")
        return path.hasPrefix("/") && !parts.isEmpty && !parts.contains("..") && !parts.contains(".")
    }

    private func found() -> ScheduleImport.Found {
        var found = ScheduleImport.Found()
        found.root = root
        addZone(&found)
        for note in notes.sorted(by: { $0.line < $1.line }) {
            found.notes.append(.init(line: note.line, text: note.text))
        }
        addComparisons(&found)
        let named = retention.named(Set(order.map(\.database)), root: root)
        let lines = order.enumerated().sorted {
            (times[$0.element]?.line ?? 0, $0.offset) < (times[$1.element]?.line ?? 0, $1.offset)
        }
        for (_, key) in lines {
            guard let times = times[key] else { continue }
            for (slot, mask) in times.literal {
                for hour in 0..<24 where mask & (1 << UInt32(hour)) != 0 {
                    found.literalTimes[key.database, default: []].insert(slot / 100 * 100 + hour)
                }
            }
            addJobs(key, times, named, &found)
        }
        found.notes.append(
            .init(
                line: 0,
                text: zones.isEmpty
                    ? "nothing in it hangs on the clock: every hour is written, write the times at which it is called"
                    : "it is taken to be called at minute 0 of every hour, as by the crontab line 0 * * * *"))
        return found
    }

    /// A `date -u` in a file's name says nothing of when the script does what.
    private func addZone(_ found: inout ScheduleImport.Found) {
        let named = zones.subtracting([""]).sorted()
        found.zoneName = named.first ?? ownZone
        if zones.count > 1 {
            found.notes.append(
                .init(
                    line: 0, text: "it asks clocks of more than one zone: its times are written as those of \(named[0])"
                ))
        }
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

    private func addJobs(
        _ key: OldRetention.Key, _ times: Times, _ named: [String: Set<String>], _ found: inout ScheduleImport.Found
    ) {
        let did = OldTimes(times.literal, asksDay: asksDay)
        let meant = OldTimes(times.meant, asksDay: asksDay)
        func note(_ text: String) { found.notes.append(.init(line: times.line, text: text)) }
        if did != meant {
            note("\(key.database) was backed up \(did.described); meant, and written, is \(meant.described)")
        }
        if meant != OldTimes(times.certain, asksDay: asksDay) {
            note("whether \(key.database) is dumped hangs on more than the clock: taken as if it always were")
        }
        let kept = retention.kept(key, root: root, named: named)
        for text in kept.notes { note(text) }
        // What is only done as it stands, and was not meant, is no time of it; it is told above.
        let calendars = meant.isEmpty ? did.calendars() : meant.calendars()
        for calendar in calendars {
            found.add(
                .init(
                    name: key.database, database: key.database, server: key.server, key: "calendar",
                    times: calendar, timeZone: nil, keepLast: kept.last, keepDays: kept.days))
        }
        if calendars.count > 1 {
            note("\(key.database) has other hours on other days: \(calendars.count) jobs are written for it")
        }
    }
}
