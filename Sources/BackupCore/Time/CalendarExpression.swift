import Foundation

/// A systemd OnCalendar expression, as systemd.time(7) of version 252 defines it.
package struct CalendarExpression: Sendable, Equatable {
    /// As it was written.
    package let source: String
    /// The zone written at its end, if any; the caller resolves it.
    package let zoneName: String?
    let fields: CalendarFields

    /// Throws a `Failure(.configInvalid)` that says what is wrong and what to write.
    package init(_ text: String) throws {
        source = text
        var parser = CalendarParser(text)
        do {
            fields = try parser.parse()
        } catch let fault as CalendarParser.Fault {
            throw Failure(
                .configInvalid, "\"\(text)\" is no calendar expression: \(fault.what)",
                hint: fault.hint ?? "Write it as systemd.time(7) says, such as \"*-*-* 02:00:00\" or \"Sun 04:00\".")
        }
        zoneName = parser.zoneName
    }

    /// `Sun 05:17`: once a week, at this minute of a week that begins on Sunday.
    static func weekly(minute: Int) -> CalendarExpression {
        let (day, minuteOfDay) = minute.quotientAndRemainder(dividingBy: 1440)
        var fields = CalendarFields()
        fields.weekdays = 1 << UInt8(day)
        fields.hour = .only(minuteOfDay / 60)
        fields.minute = .only(minuteOfDay % 60)
        let name = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"][day]
        return CalendarExpression(
            source: "\(name) \(padded(minuteOfDay / 60)):\(padded(minuteOfDay % 60))", fields: fields)
    }

    private init(source: String, fields: CalendarFields) {
        self.source = source
        self.fields = fields
        zoneName = nil
    }

    /// The first instant strictly after `date`, or nil when there is none before the year 2200, where systemd ends too.
    package func next(after date: Date, in zone: Zone) -> Date? { fields.nextInstant(after: date, in: zone) }
}

/// The components of a calendar expression.
struct CalendarFields: Sendable, Equatable, LocalTimes {
    static let years = 1970...2199

    /// Bit n is weekday n, 0 is Sunday; all set when none was written.
    var weekdays: UInt8 = 0x7f
    var year = CalendarField.any
    var month = CalendarField.any
    var day = CalendarField.any
    /// `~`: days are counted from the end of the month, 1 is the last.
    var countsFromMonthEnd = false
    var hour = CalendarField.only(0)
    var minute = CalendarField.only(0)
    /// In microseconds.
    var second = CalendarField.only(0)

    var isInterval: Bool { hour.isAny || (0...23).allSatisfy(hour.contains) }

    var isWeekly: Bool { year.isAny && month.isAny && day.isAny }

    var times: TimesOfDay? {
        TimesOfDay(second.values(through: 59_999_999, apart: 1_000_000))?
            .repeated(at: minute.values(through: 59).map { $0 * 60_000_000 })?
            .repeated(at: hour.values(through: 23).map { $0 * 3_600_000_000 })
    }

    func nextDay(from day: Int) -> Int? { nextDay(from: CivilDate(daysSince1970: day))?.daysSince1970 }

    func next(fromLocal local: Int) -> Int? {
        let (dayNumber, timeOfDay) = flooredDivision(local, by: Self.microsecondsPerDay)
        var time = timeOfDay
        var date = CivilDate(daysSince1970: dayNumber)
        while let found = nextDay(from: date) {
            if found != date { time = 0 }
            if let time = nextTime(from: time) { return found.daysSince1970 * Self.microsecondsPerDay + time }
            date = CivilDate(daysSince1970: found.daysSince1970 + 1)
            time = 0
        }
        return nil
    }

    private func nextDay(from start: CivilDate) -> CivilDate? {
        var date = start
        while let year = year.next(from: max(date.year, Self.years.lowerBound), limit: Self.years.upperBound) {
            if year != date.year { date = CivilDate(year: year, month: 1, day: 1) }
            while let month = month.next(from: date.month, limit: 12) {
                if month != date.month { date = CivilDate(year: year, month: month, day: 1) }
                if let day = nextDay(ofMonth: date) { return CivilDate(year: year, month: month, day: day) }
                guard month < 12 else { break }
                date = CivilDate(year: year, month: month + 1, day: 1)
            }
            date = CivilDate(year: year + 1, month: 1, day: 1)
        }
        return nil
    }

    /// The first day not before `date` in the same month that both day and weekday name.
    private func nextDay(ofMonth date: CivilDate) -> Int? {
        let last = CivilDate.days(inMonth: date.month, of: date.year)
        let firstWeekday = CivilDate(year: date.year, month: date.month, day: 1).weekday
        var day = date.day
        while day <= last {
            if !countsFromMonthEnd {
                guard let next = self.day.next(from: day, limit: last) else { return nil }
                day = next
            }
            let isNamed = !countsFromMonthEnd || namesFromMonthEnd(day, last: last)
            if isNamed, weekdays & (1 << UInt8((firstWeekday + day - 1) % 7)) != 0 { return day }
            day += 1
        }
        return nil
    }

    /// With `~`, a part `a..b` runs from the b-th last to the a-th last day, and `a/n` goes forward in steps of n from
    /// the a-th last day.
    private func namesFromMonthEnd(_ day: Int, last: Int) -> Bool {
        self.day.parts.contains { part in
            let first = last + 1 - part.start
            guard part.step > 0 else { return day == first }
            let bounds = [first, part.stop.map { last + 1 - $0 } ?? last].sorted()
            return bounds[0] >= 1 && day >= bounds[0] && day <= bounds[1] && (day - bounds[0]) % part.step == 0
        } || self.day.isAny
    }

    private func nextTime(from time: Int) -> Int? {
        let (hourOfDay, rest) = time.quotientAndRemainder(dividingBy: 3_600_000_000)
        let (minuteOfHour, microsecond) = rest.quotientAndRemainder(dividingBy: 60_000_000)
        var clock = (hour: hourOfDay, minute: minuteOfHour, microsecond: microsecond)
        while let hour = hour.next(from: clock.hour, limit: 23) {
            if hour != clock.hour { clock = (hour, 0, 0) }
            while let minute = minute.next(from: clock.minute, limit: 59) {
                if minute != clock.minute { clock = (hour, minute, 0) }
                if let second = second.next(from: clock.microsecond, limit: 59_999_999) {
                    return hour * 3_600_000_000 + minute * 60_000_000 + second
                }
                clock = (hour, minute + 1, 0)
            }
            clock = (hour + 1, 0, 0)
        }
        return nil
    }
}
