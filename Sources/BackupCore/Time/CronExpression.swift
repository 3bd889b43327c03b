import Foundation

/// A five-field cron line or one of its `@` words; see crontab(5).
package struct CronExpression: Sendable, Equatable {
    /// As it was written.
    package let source: String
    let fields: CronFields

    /// Throws a `Failure(.configInvalid)` that says what is wrong and what to write.
    package init(_ text: String) throws {
        source = text
        fields = try CronFields(text)
    }

    /// A line that names no instant: the place where a real one will stand.
    static let never = CronExpression()

    private init() {
        source = ""
        fields = CronFields()
    }

    /// The first instant strictly after `date`, or nil when the line names no day that exists (`0 0 30 2 *`).
    package func next(after date: Date, in zone: Zone) -> Date? { fields.nextInstant(after: date, in: zone) }
}

/// Each field as a set of bits.
struct CronFields: Sendable, Equatable, LocalTimes {
    private var minutes: UInt64
    private var hours: UInt64
    private var days: UInt64
    private var months: UInt64
    /// 0 is Sunday.
    private var weekdays: UInt64
    /// Vixie's rule: when both day fields are restricted, either one is enough. A field that begins with `*` is not
    /// restricted, whatever its step.
    private var eitherDayField: Bool

    var isInterval: Bool { hours == (1 << 24) - 1 }

    var isWeekly: Bool { !eitherDayField && Self.holds(days, all: 1...31) && Self.holds(months, all: 1...12) }

    var times: TimesOfDay? {
        TimesOfDay((0..<60).filter { minutes & (1 << UInt64($0)) != 0 }.map { $0 * 60_000_000 })?
            .repeated(at: (0..<24).filter { hours & (1 << UInt64($0)) != 0 }.map { $0 * 3_600_000_000 })
    }

    fileprivate init() {
        (minutes, hours, days, months, weekdays, eitherDayField) = (0, 0, 0, 0, 0, false)
    }

    private static let words = [
        "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
    ]

    init(_ text: String) throws {
        let line = Self.words[text.trimmingCharacters(in: .whitespaces).lowercased()] ?? text
        let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
        func fault(_ what: String, hint: String) -> Failure {
            Failure(.configInvalid, "\"\(text)\" is no cron line: \(what)", hint: hint)
        }
        if line.hasPrefix("@") {
            throw fault(
                "\(line) is not known here",
                hint: "Known are \(Self.words.keys.sorted().joined(separator: ", ")); for @reboot there is catchUp.")
        }
        guard words.count == 5 else {
            throw fault(
                "it has \(words.count) fields",
                hint: "Write five: minute hour day-of-month month day-of-week, such as \"0 2 * * *\".")
        }
        do {
            minutes = try CronField.bits(words[0], CronField(name: "minute", range: 0...59))
            hours = try CronField.bits(words[1], CronField(name: "hour", range: 0...23))
            days = try CronField.bits(words[2], CronField(name: "day of month", range: 1...31))
            months = try CronField.bits(words[3], CronField(name: "month", range: 1...12, names: CronField.months))
            weekdays = try CronField.bits(words[4], CronField(name: "day of week", range: 0...7, names: CronField.days))
        } catch let error as CronField.Fault {
            throw fault(error.what, hint: "See crontab(5): values, names, ranges a-b, steps */n or a-b/n, lists a,b.")
        }
        // 7 is Sunday as well.
        if weekdays & (1 << 7) != 0 { weekdays = weekdays & 0x7f | 1 }
        eitherDayField = !words[2].hasPrefix("*") && !words[4].hasPrefix("*")
    }

    func next(fromLocal local: Int) -> Int? {
        // A cron line names whole minutes: the first one that begins at or after the reading.
        let (quotient, remainder) = flooredDivision(local, by: 60_000_000)
        let first = quotient + (remainder > 0 ? 1 : 0)
        let (firstDay, firstMinute) = flooredDivision(first, by: 1440)
        for day in Self.horizon(from: firstDay) where isNamed(day: day) {
            if let minute = nextMinute(from: day == firstDay ? firstMinute : 0) {
                return (day * 1440 + minute) * 60_000_000
            }
        }
        return nil
    }

    func nextDay(from day: Int) -> Int? { Self.horizon(from: day).first(where: isNamed) }

    /// Weekdays and leap days repeat within 40 years (over a century that is no leap year).
    private static func horizon(from day: Int) -> Range<Int> { day..<(day + 40 * 366) }

    private static func holds(_ bits: UInt64, all values: ClosedRange<UInt64>) -> Bool {
        values.allSatisfy { bits & (1 << $0) != 0 }
    }

    private func isNamed(day: Int) -> Bool {
        let date = CivilDate(daysSince1970: day)
        guard months & (1 << UInt64(date.month)) != 0 else { return false }
        let dayMatches = days & (1 << UInt64(date.day)) != 0
        let weekdayMatches = weekdays & (1 << UInt64(CivilDate.weekday(daysSince1970: day))) != 0
        return eitherDayField ? dayMatches || weekdayMatches : dayMatches && weekdayMatches
    }

    private func nextMinute(from minute: Int) -> Int? {
        for hour in (minute / 60)..<24 where hours & (1 << UInt64(hour)) != 0 {
            let from = hour == minute / 60 ? minute % 60 : 0
            let rest = minutes >> UInt64(from)
            if rest != 0 { return hour * 60 + from + rest.trailingZeroBitCount }
        }
        return nil
    }
}

/// One field of a cron line.
private struct CronField {
    struct Fault: Error { let what: String }

    static let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
    static let days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]

    let name: String
    let range: ClosedRange<Int>
    var names: [String] = []

    static func bits(_ text: Substring, _ field: CronField) throws -> UInt64 {
        var bits: UInt64 = 0
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            for value in try field.values(part) { bits |= 1 << UInt64(value) }
        }
        return bits
    }

    private func values(_ part: Substring) throws -> StrideThrough<Int> {
        let pieces = part.split2(on: "/")
        var step = 1
        if let text = pieces.second {
            guard let value = Int(text), value > 0, value <= range.upperBound - range.lowerBound + 1 else {
                throw Fault(what: "the \(name) has the step \"\(text)\"")
            }
            step = value
        }
        if pieces.first == "*" { return stride(from: range.lowerBound, through: range.upperBound, by: step) }
        let ends = pieces.first.split2(on: "-")
        let first = try value(ends.first)
        // Vixie's cron refuses a step without a range; later ones take it to the end of the field.
        let last = try ends.second.map(value) ?? (pieces.second == nil ? first : range.upperBound)
        guard first <= last else { throw Fault(what: "the \(name) has the range \(part), which runs backwards") }
        return stride(from: first, through: last, by: step)
    }

    private func value(_ text: Substring) throws -> Int {
        if let index = names.firstIndex(of: text.lowercased()) { return index + range.lowerBound }
        guard let value = Int(text), text.allSatisfy(\.isNumber), range.contains(value) else {
            throw Fault(what: "the \(name) \"\(text)\" is not within \(range.lowerBound)-\(range.upperBound)")
        }
        return value
    }
}
