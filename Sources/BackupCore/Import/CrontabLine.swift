import Foundation

/// One line of a crontab: its times, and what its command makes of them when it asks `date` itself.
struct CrontabLine {
    var times: String
    var number: Int
    var variables: [String: ShellValue]
    var zoneName: String?

    /// A line of a person has ten commands.
    private static let stepLimit = 10_000
    private static let clockStepLimit = 400_000
    /// Of all lines together.
    static let allStepLimit = 3_000_000

    func read(_ node: ShellNode, steps: inout Int, _ found: inout ScheduleImport.Found) {
        let first = run(node, ShellMoment(), .meant, min(Self.stepLimit, steps))
        steps -= Self.stepLimit - first.stepsLeft
        func note(_ text: String) { found.notes.append(.init(line: number, text: text)) }
        for text in Set(first.notes.map(\.text)).sorted() { note(text) }
        if first.stepsLeft <= 0 { note("does too much to be followed: what is not found in its beginning is left") }
        guard first.zones.isEmpty else { return readWithClock(node, told: first.notes, steps: &steps, &found) }
        var isNew: Set<OldRetention.Key> = []
        var retention = OldRetention()
        retention.take(first)
        let named = retention.named(Set(first.dumps.map(\.database)))
        for dump in first.dumps {
            let key = OldRetention.Key(database: dump.database, server: dump.server)
            guard isNew.insert(key).inserted else { continue }
            let kept = retention.kept(key, root: nil, named: named)
            for text in kept.notes { note(text) }
            add(key, "cron", times, kept, &found)
        }
        if first.dumps.isEmpty, first.notes.isEmpty { note("backs up no database that is named: left") }
    }

    private func run(_ node: ShellNode, _ moment: ShellMoment, _ reading: ShellReading, _ steps: Int) -> ShellRun {
        var run = ShellRun(moment, reading, steps: steps)
        run.variables = variables
        run.run(node)
        return run
    }

    private func add(
        _ key: OldRetention.Key, _ kind: String, _ times: String, _ kept: OldRetention.Kept,
        _ found: inout ScheduleImport.Found
    ) {
        found.add(
            .init(
                name: key.database, database: key.database, server: key.server, key: kind, times: times,
                timeZone: zoneName, keepLast: kept.last, keepDays: kept.days))
    }

    // MARK: the clock

    /// `0 2 * * * [ "$(date +\%u)" = 7 ] && pg_dump app`: at those of its times at which the command makes a dump.
    private func readWithClock(
        _ node: ShellNode, told: [ShellRun.Note], steps allSteps: inout Int, _ found: inout ScheduleImport.Found
    ) {
        let called = slots()
        var order: [OldRetention.Key] = []
        var dumped: [ShellReading: [OldRetention.Key: [Int: UInt32]]] = [:]
        var retention = OldRetention()
        var notes = Set(told)
        /// Hours at which nothing hangs on the day of the month.
        var whole: Set<Int> = []
        let limit = min(Self.clockStepLimit, allSteps)
        var steps = limit
        for reading in [ShellReading.literal, .meant] {
            for moment in moments(called) where !(moment.day > 1 && whole.contains(moment.weekday * 100 + moment.hour))
            {
                let run = run(node, moment, reading, steps)
                steps = run.stepsLeft
                retention.take(run)
                for note in run.notes where notes.insert(note).inserted {
                    found.notes.append(.init(line: number, text: note.text))
                }
                if !run.asksDay, moment.day == 1 { whole.insert(moment.weekday * 100 + moment.hour) }
                let slot = moment.weekday * 100 + (run.asksDay || moment.day > 1 ? moment.day : 0)
                for dump in run.dumps {
                    let key = OldRetention.Key(database: dump.database, server: dump.server)
                    if !order.contains(key) { order.append(key) }
                    dumped[reading, default: [:]][key, default: [:]][slot, default: 0] |= 1 << UInt32(moment.hour)
                }
            }
            whole = []
        }
        allSteps -= limit - steps
        let isWhole = steps > 0
        if !isWhole {
            found.notes.append(
                .init(
                    line: number, text: "does too much to be followed: what is found of it is written at all its times")
            )
        }
        let named = retention.named(Set(order.map(\.database)))
        for key in order {
            let kept = retention.kept(key, root: nil, named: named)
            let (did, meant) = (dumped[.literal]?[key] ?? [:], dumped[.meant]?[key] ?? [:])
            if isWhole {
                write(key, did, meant, called, kept, &found)
            } else {
                add(key, "cron", times, OldRetention.Kept(), &found)
            }
        }
        if order.isEmpty {
            found.notes.append(.init(line: number, text: "makes no dump at any of its times: left"))
        }
    }

    private func write(
        _ key: OldRetention.Key, _ did: [Int: UInt32], _ meant: [Int: UInt32], _ called: [Int: UInt32],
        _ kept: OldRetention.Kept, _ found: inout ScheduleImport.Found
    ) {
        func note(_ text: String) { found.notes.append(.init(line: number, text: text)) }
        for text in kept.notes { note(text) }
        let all = OldTimes(called, asksDay: true)
        let old = OldTimes(did, asksDay: true)
        let new = OldTimes(meant.isEmpty ? did : meant, asksDay: true)
        if old != new {
            note("\(key.database) was backed up \(old.described); meant, and written, is \(new.described)")
        }
        guard new != all else { return add(key, "cron", times, kept, &found) }
        guard let minute else {
            note(
                "what date says to \(key.database)'s command is not followed: it is dumped at all times of the line, and all is kept"
            )
            return add(key, "cron", times, OldRetention.Kept(), &found)
        }
        note("\(key.database) is dumped \(new.described) only, for its command asks date: so it is written")
        for calendar in new.calendars(minute: minute) { add(key, "calendar", calendar, kept, &found) }
    }

    private func moments(_ called: [Int: UInt32]) -> [ShellMoment] {
        called.sorted { $0.key < $1.key }.flatMap { slot, mask in
            (0..<24).filter { mask & (1 << UInt32($0)) != 0 }.flatMap { hour in
                (1...31).map { ShellMoment(hour: hour, weekday: slot / 100, day: $0) }
            }
        }
    }

    private var fields: [String] {
        let words = [
            "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
        ]
        return (words[times.lowercased()] ?? times).split(separator: " ").map(String.init)
    }

    /// Of a line that has one, and names no days of the month and no months.
    private var minute: Int? {
        guard fields.count == 5, fields[2] == "*", fields[3] == "*" else { return nil }
        return Int(fields[0])
    }

    /// At which hours of which weekdays it is called; all of them where that is not said by weekdays alone.
    private func slots() -> [Int: UInt32] {
        let every = Dictionary(uniqueKeysWithValues: (1...7).map { ($0 * 100, UInt32(1) << 24 - 1) })
        guard minute != nil else { return every }
        let hourly = "0 \(fields[1]) * * \(fields[4])"
        guard let expression = try? CronExpression(hourly) else { return every }  // it was one with its own minute
        var slots: [Int: UInt32] = [:]
        // The fifth of January 1970 was a Monday.
        var time = Date(timeIntervalSince1970: 4 * 86_400 - 1)
        while let next = expression.next(after: time, in: .utc), next.timeIntervalSince1970 < 11 * 86_400 {
            let hours = Int(next.timeIntervalSince1970) / 3600 - 4 * 24
            slots[(hours / 24 + 1) * 100, default: 0] |= 1 << UInt32(hours % 24)
            time = next
        }
        return slots
    }
}
