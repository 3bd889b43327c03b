import Foundation

extension Trigger {
    /// Seconds between the two consecutive slots that are furthest apart, with what changes of the clock add; nil when
    /// there are no two slots.
    ///
    /// Looks at 400 days from 2026-01-01 on, whenever it is asked, and further until it has seen five days with slots.
    /// Where slots are less than a second apart, the answer may be up to a second too long.
    package func largestGap(in zone: Zone) -> TimeInterval? {
        switch self {
        case .calendar(let expression): expression.fields.largestGap(in: zone)
        case .cron(let expression): expression.fields.largestGap(in: zone)
        }
    }
}

// Thousands of jobs may have thousands of expressions, and a slot a second for a year is thirty million slots. So nobody
// walks them: every day that is named has the same times, and only where the clock changes are real slots looked at.
extension LocalTimes {
    /// See `Trigger.largestGap(in:)`.
    func largestGap(in zone: Zone) -> TimeInterval? {
        guard let times else { return nil }
        let days = sampleOfDays()
        guard let firstDay = days.first, let lastDay = days.last else { return nil }
        let end = max(lastDay + 1, firstDay + sampleLength)
        let changes = zone.changes(from: firstDay * 86_400, through: end * 86_400)
        var largest = times.largestGap
        var reach = times.largestGap
        for (day, next) in zip(days, days.dropFirst()) {
            let from = day * Self.microsecondsPerDay + times.last
            let to = next * Self.microsecondsPerDay + times.first
            reach = max(reach, to - from)
            if !changes.contains(where: { $0.isBetween(from, to) }) { largest = max(largest, to - from) }
        }
        guard reach > 0 else { return nil }
        let atChanges = changes.compactMap {
            gap(around: Date(timeIntervalSince1970: Double($0.at)), reach: Double(reach) / 1_000_000, in: zone)
        }
        return max(Double(largest) / 1_000_000, atChanges.max() ?? 0)
    }

    private var sampleLength: Int { 400 }

    /// The days named in 400 days, but at least five where there are so many: every fourth year has a day more. Where one
    /// week is like any other, two will do.
    private func sampleOfDays() -> [Int] {
        let first = CivilDate(year: 2026, month: 1, day: 1).daysSince1970
        let end = first + (isWeekly ? 14 : sampleLength)
        var days: [Int] = []
        var cursor = first
        while cursor <= end || days.count < 5, let day = nextDay(from: cursor) {
            days.append(day)
            cursor = day + 1
        }
        return days
    }

    /// From the last slot that is not after `change` to the next one; nil when there are no two such. No two slots may be
    /// further apart than `reach` and what the clock is moved by.
    private func gap(around change: Date, reach: TimeInterval, in zone: Zone) -> TimeInterval? {
        let before = change.addingTimeInterval(-reach - 86_400)
        guard var last = nextInstant(after: before, in: zone), last <= change else { return nil }
        // Half of what lies between goes with every round: there may be a slot a second.
        var end = change
        while let following = nextInstant(after: last, in: zone), following <= end {
            let middle = following.addingTimeInterval(end.timeIntervalSince(following) / 2)
            if let later = nextInstant(after: middle, in: zone), later <= end {
                last = later
            } else {
                last = following
                end = middle
            }
        }
        return nextInstant(after: last, in: zone)?.timeIntervalSince(last)
    }
}

extension Zone.Change {
    /// Whether one of two readings, in microseconds, is shown before this change and the other after it.
    fileprivate func isBetween(_ from: Int, _ to: Int) -> Bool {
        from < (at + max(offset, offsetBefore)) * 1_000_000 && to > (at + min(offset, offsetBefore)) * 1_000_000
    }
}
