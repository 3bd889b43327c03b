/// Reads a calendar expression. What it refuses, systemd 252 refuses too.
struct CalendarParser {
    struct Fault: Error {
        var what: String
        var hint: String?
    }

    private(set) var zoneName: String?
    private let text: String
    private var words: [Substring]

    init(_ text: String) {
        self.text = text
        words = text.split(separator: " ", omittingEmptySubsequences: true)
    }

    mutating func parse() throws -> CalendarFields {
        guard !text.isEmpty, !words.isEmpty else { throw Fault(what: "it is empty") }
        takeZone()
        guard let first = words.first else { throw Fault(what: "it names a zone and no time") }
        if words.count == 1, let shorthand = Self.shorthand(first.lowercased()) { return shorthand }
        if words.count == 1, first.hasPrefix("@") { return try Self.epoch(first.dropFirst(), parser: &self) }
        var fields = CalendarFields()
        var hasDate = false
        if let letter = first.first, letter.isLetter {
            fields.weekdays = try Self.weekdays(words.removeFirst())
        }
        if let word = words.first, !word.contains(":") {
            try Self.date(word, into: &fields)
            words.removeFirst()
            hasDate = true
        }
        if let word = words.first {
            try Self.time(word, into: &fields)
            words.removeFirst()
        } else if !hasDate, fields.weekdays == 0x7f {
            throw Fault(what: "it names neither a day nor a time")
        }
        if let extra = words.first { throw Fault(what: "\"\(extra)\" is one word too many") }
        return fields
    }

    /// A last word that is no weekday, shorthand, date or time is a zone.
    private mutating func takeZone() {
        guard words.count > 1, let last = words.last, let letter = last.first, letter.isLetter else { return }
        zoneName = String(last)
        words.removeLast()
    }

    private static func shorthand(_ word: String) -> CalendarFields? {
        var fields = CalendarFields()
        switch word {
        case "minutely":
            fields.hour = .any
            fields.minute = .any
        case "hourly": fields.hour = .any
        case "daily": break
        case "weekly": fields.weekdays = 1 << 1
        case "monthly": fields.day = .only(1)
        case "yearly", "annually", "anually":
            fields.month = .only(1)
            fields.day = .only(1)
        case "quarterly":
            fields.month = .only(1, 4, 7, 10)
            fields.day = .only(1)
        case "semiannually", "semi-annually", "biannually", "bi-annually":
            fields.month = .only(1, 7)
            fields.day = .only(1)
        default: return nil
        }
        return fields
    }

    /// `@SECONDS`: one instant, always in UTC.
    private static func epoch(_ digits: Substring, parser: inout CalendarParser) throws -> CalendarFields {
        guard let seconds = Int(digits), seconds >= 0, parser.zoneName == nil else {
            throw Fault(what: "after @ there must be a count of seconds since 1970")
        }
        let (day, time) = seconds.quotientAndRemainder(dividingBy: 86_400)
        let date = CivilDate(daysSince1970: day)
        guard CalendarFields.years.contains(date.year) else { throw Fault(what: "it lies beyond the year 2199") }
        parser.zoneName = "UTC"
        var fields = CalendarFields()
        fields.year = .only(date.year)
        fields.month = .only(date.month)
        fields.day = .only(date.day)
        fields.hour = .only(time / 3600)
        fields.minute = .only(time / 60 % 60)
        fields.second = .only(time % 60 * 1_000_000)
        return fields
    }

    // MARK: weekdays

    private static let weekdayNames = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]

    private static func weekdays(_ word: Substring) throws -> UInt8 {
        var mask: UInt8 = 0
        for part in word.split(separator: ",", omittingEmptySubsequences: false) {
            // systemd lets one comma stand at the end.
            if part.isEmpty, mask != 0, word.hasSuffix(",") { continue }
            let ends = part.contains("..") ? part.split2(on: "..") : part.split2(on: "-")
            let first = try weekday(ends.first)
            let last = try ends.second.map(weekday) ?? first
            // A week begins on Monday here.
            let (from, to) = ((first + 6) % 7, (last + 6) % 7)
            guard from <= to else {
                throw Fault(
                    what: "the range \(part) runs backwards in a week that begins on Monday",
                    hint: "Write the days as a list, such as Fri..Sun,Mon.")
            }
            for day in from...to { mask |= 1 << UInt8((day + 1) % 7) }
        }
        return mask
    }

    private static func weekday(_ name: Substring) throws -> Int {
        let name = name.lowercased()
        guard let index = weekdayNames.firstIndex(where: { $0 == name || $0.prefix(3) == name }) else {
            throw Fault(
                what: "\"\(name)\" is no day of the week",
                hint: "Days are Mon, Tue, Wed, Thu, Fri, Sat, Sun, or their full English names.")
        }
        return index
    }

    // MARK: date and time

    private static func date(_ word: Substring, into fields: inout CalendarFields) throws {
        var pieces: [Substring] = []
        var rest = word
        while let index = rest.firstIndex(where: { $0 == "-" || $0 == "~" }) {
            if rest[index] == "~" { fields.countsFromMonthEnd = true }
            guard rest[index] == "-" || !rest[rest.index(after: index)...].contains(where: { $0 == "-" || $0 == "~" })
            else { throw Fault(what: "\"\(word)\" has a ~ that does not stand before the day") }
            pieces.append(rest[..<index])
            rest = rest[rest.index(after: index)...]
        }
        pieces.append(rest)
        guard pieces.count == 2 || pieces.count == 3 else {
            throw Fault(what: "\"\(word)\" is neither a date (year-month-day or month-day) nor a time (hour:minute)")
        }
        if pieces.count == 3 {
            var year = try CalendarFieldParser(pieces.removeFirst(), name: "year").parse()
            for index in year.parts.indices {
                year.parts[index].start = fullYear(year.parts[index].start)
                year.parts[index].stop = year.parts[index].stop.map(fullYear)
            }
            fields.year = try year.checked(CalendarFields.years, name: "year")
        }
        fields.month = try CalendarFieldParser(pieces[0], name: "month").parse().checked(1...12, name: "month")
        // Every month has a 28th last day, and systemd allows no other.
        fields.day = try CalendarFieldParser(pieces[1], name: "day").parse()
            .checked(1...(fields.countsFromMonthEnd ? 28 : 31), name: "day", isReversed: fields.countsFromMonthEnd)
        if fields.countsFromMonthEnd, fields.day.isAny { fields.countsFromMonthEnd = false }
    }

    /// Two digits are years of this century up to 69, of the last one from 70.
    private static func fullYear(_ year: Int) -> Int {
        switch year {
        case 0...69: year + 2000
        case 70...99: year + 1900
        default: year
        }
    }

    private static func time(_ word: Substring, into fields: inout CalendarFields) throws {
        let pieces = word.split(separator: ":", omittingEmptySubsequences: false)
        guard pieces.count == 2 || pieces.count == 3 else {
            throw Fault(what: "\"\(word)\" is no time (hour:minute or hour:minute:second)")
        }
        fields.hour = try CalendarFieldParser(pieces[0], name: "hour").parse().checked(0...23, name: "hour")
        fields.minute = try CalendarFieldParser(pieces[1], name: "minute").parse().checked(0...59, name: "minute")
        guard pieces.count == 3 else { return }
        let second = try CalendarFieldParser(pieces[2], name: "second", scale: 1_000_000).parse()
        // `*` is every whole second, not every microsecond.
        fields.second =
            second.isAny
            ? CalendarField(parts: [.init(start: 0, stop: nil, step: 1_000_000)])
            : try second.checked(0...59_999_999, name: "second")
    }
}

/// Reads one component: `*`, or a list of `a`, `a..b`, `a/n`, `a..b/n`.
struct CalendarFieldParser {
    private let text: Substring
    private let name: String
    /// 1, or 1,000,000 where fractions are allowed.
    private let scale: Int

    init(_ text: Substring, name: String, scale: Int = 1) {
        self.text = text
        self.name = name
        self.scale = scale
    }

    func parse() throws -> CalendarField {
        if text == "*" { return .any }
        guard !text.isEmpty else { throw CalendarParser.Fault(what: "the \(name) is missing") }
        // Nearly all are one number, and there may be a hundred thousand jobs.
        if let number = Self.digits(text) {
            return CalendarField(parts: [.init(start: number * scale, stop: nil, step: 0)])
        }
        return CalendarField(
            parts: try text.split(separator: ",", omittingEmptySubsequences: false).map { try part($0) })
    }

    private func part(_ text: Substring) throws -> CalendarField.Part {
        let pieces = text.split2(on: "/")
        let ends = pieces.first.split2(on: "..")
        let start = try number(ends.first)
        let stop = try ends.second.map(number)
        if let step = pieces.second {
            let step = try number(step)
            guard step > 0 else { throw CalendarParser.Fault(what: "the \(name) repeats every 0") }
            guard let stop, stop >= start else { return .init(start: start, stop: stop, step: step) }
            let last = start + (stop - start) / step * step
            return last == start
                ? .init(start: start, stop: nil, step: 0) : .init(start: start, stop: last, step: step)
        }
        guard let stop else { return .init(start: start, stop: nil, step: 0) }
        return .init(start: start, stop: stop, step: scale)
    }

    private func number(_ text: Substring) throws -> Int {
        if text == "*" {
            throw CalendarParser.Fault(
                what: "the \(name) has a * with something beside it",
                hint: "systemd repeats from a first value: write 0/2 (or 1/2 for months and days) where cron has */2.")
        }
        let pieces = text.split2(on: ".")
        guard let whole = Self.digits(pieces.first) else {
            throw CalendarParser.Fault(what: "the \(name) \"\(text)\" is no number")
        }
        guard let fraction = pieces.second else { return whole * scale }
        guard scale > 1, !fraction.isEmpty, fraction.allSatisfy({ $0.isASCII && $0.isNumber }), fraction.count <= 15,
            let value = Double("0." + fraction)
        else { throw CalendarParser.Fault(what: "the \(name) \"\(text)\" is no number") }
        return whole * scale + Int((value * Double(scale)).rounded())
    }

    /// Nine digits at most.
    private static func digits(_ text: Substring) -> Int? {
        guard 1...9 ~= text.utf8.count else { return nil }
        var number = 0
        for byte in text.utf8 {
            guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte else { return nil }
            number = number * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return number
    }
}

extension CalendarField {
    /// Itself, when every value lies within `range` and every repetition can happen; `isReversed` for days that are
    /// counted from the end of the month.
    fileprivate func checked(_ range: ClosedRange<Int>, name: String, isReversed: Bool = false) throws -> CalendarField
    {
        for part in parts {
            let values = [part.start] + (part.stop.map { [$0] } ?? [])
            guard values.allSatisfy(range.contains) else {
                let scale = range.upperBound > 1_000_000 ? 1_000_000 : 1
                throw CalendarParser.Fault(
                    what: "the \(name) must lie between \(range.lowerBound) and \(range.upperBound / scale)")
            }
            if let stop = part.stop, stop < part.start {
                throw CalendarParser.Fault(what: "the \(name) has a range that runs backwards")
            }
            let second = isReversed ? part.start - part.step : part.start + part.step
            guard part.stop != nil || part.step == 0 || range.contains(second) else {
                throw CalendarParser.Fault(what: "the \(name) has a repetition that never comes to its second value")
            }
        }
        return self
    }
}

extension Substring {
    /// What stands before and after the first `separator`; the second is nil when it does not occur.
    func split2(on separator: String) -> (first: Substring, second: Substring?) {
        guard let range = self.firstRange(of: separator) else { return (self, nil) }
        return (self[..<range.lowerBound], self[range.upperBound...])
    }
}
