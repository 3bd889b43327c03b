import Foundation

/// What a calendar expression and a cron line have in common: readings of the clock on the wall, in order.
protocol LocalTimes {
    /// True when every hour of the day is named: such an expression names an interval, any other names times of day.
    var isInterval: Bool { get }

    /// The first reading named that is not before `local`; nil when there is none. Readings are microseconds since
    /// 1970, counted as if the clock showed UTC.
    func next(fromLocal local: Int) -> Int?

    /// The first day named that is not before `day`; nil when there is none. Days are counted from 1970.
    func nextDay(from day: Int) -> Int?

    /// True when the day of the week alone says which days are named.
    var isWeekly: Bool { get }

    /// When an expression is due on each day that it names; nil for one that is never due.
    var times: TimesOfDay? { get }
}

extension LocalTimes {
    /// The first instant strictly after `date`.
    ///
    /// Times of day: a reading that the clock skips in spring stands for the first instant after the gap, one that it
    /// shows twice in autumn for the first of the two. Intervals run at every real instant whose reading is named.
    func nextInstant(after date: Date, in zone: Zone) -> Date? {
        // A date is a count of seconds in binary: rounded, not cut, or 02:00:00 could read as 01:59:59.999999.
        let after = Int((date.timeIntervalSince1970 * 1_000_000).rounded())
        let found = isInterval ? nextOfInterval(after: after, in: zone) : nextTimeOfDay(after: after, in: zone)
        return found.map { Date(timeIntervalSince1970: Double($0) / 1_000_000) }
    }

    private func nextTimeOfDay(after: Int, in zone: Zone) -> Int? {
        // The map from readings to instants never goes down, so the first reading whose instant is late enough is it.
        var local = after + zone.offset(atSecond: flooredDivision(after, by: 1_000_000).quotient) * 1_000_000 + 1
        while let reading = next(fromLocal: local) {
            let (second, fraction) = flooredDivision(reading, by: 1_000_000)
            let instant = zone.instant(ofLocalSecond: second)
            // Inside a gap the fraction of the reading means nothing.
            let isShown = instant + zone.offset(atSecond: instant) == second
            let exact = instant * 1_000_000 + (isShown ? fraction : 0)
            if exact > after { return exact }
            local = reading + 1
        }
        return nil
    }

    private func nextOfInterval(after: Int, in zone: Zone) -> Int? {
        var from = after + 1
        while true {
            let second = flooredDivision(from, by: 1_000_000).quotient
            let offset = zone.offset(atSecond: second) * 1_000_000
            guard let reading = next(fromLocal: from + offset) else { return nil }
            guard let change = zone.nextChange(afterSecond: second) else { return reading - offset }
            let end = change.at * 1_000_000
            if reading - offset < end { return reading - offset }
            from = end
        }
    }
}

extension LocalTimes {
    static var microsecondsPerDay: Int { 86_400_000_000 }
}
