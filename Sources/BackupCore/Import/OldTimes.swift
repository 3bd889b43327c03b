/// Hours of weekdays and days of the month, as a calendar expression says them.
struct OldTimes: Equatable {
    /// By `weekday * 100 + day of the month`; each bit is an hour.
    private let hours: [Int: UInt32]
    private let asksDay: Bool

    init(_ hours: [Int: UInt32], asksDay: Bool) {
        var whole: [Int: UInt32] = [:]
        for (slot, mask) in hours where mask != 0 {
            for day in asksDay && slot % 100 == 0 ? 1...31 : slot % 100...slot % 100 {
                whole[slot / 100 * 100 + day, default: 0] |= mask
            }
        }
        self.hours = whole
        self.asksDay = asksDay
    }

    var isEmpty: Bool { hours.isEmpty }

    /// One for all days that have the same hours, and are all days of some weekdays or some days of all of them.
    func calendars(minute: Int = 0) -> [String] {
        var byHours: [UInt32: [Int]] = [:]
        for (slot, mask) in hours { byHours[mask, default: []].append(slot) }
        var calendars: [String] = []
        for (mask, slots) in byHours.sorted(by: { ($0.value.min() ?? 0, $0.key) < ($1.value.min() ?? 0, $1.key) }) {
            var daysOf: [Int: [Int]] = [:]
            for slot in slots.sorted() { daysOf[slot / 100, default: []].append(slot % 100) }
            var weekdaysOf: [[Int]: [Int]] = [:]
            for (weekday, days) in daysOf { weekdaysOf[days, default: []].append(weekday) }
            for (days, weekdays) in weekdaysOf.sorted(by: { ($0.value.min() ?? 0) < ($1.value.min() ?? 0) }) {
                let prefix = weekdays.count == 7 ? "" : Self.weekdays(weekdays.sorted()) + " "
                let date = !asksDay || days.count == 31 ? "*-*-*" : "*-*-" + Self.list(days)
                calendars.append("\(prefix)\(date) \(Self.hours(mask)):\(padded(minute)):00")
            }
        }
        return calendars
    }

    /// `at 12 and 18`, `at 04 on Sunday`, `never`.
    var described: String {
        var byHours: [UInt32: Set<Int>] = [:]
        for (slot, mask) in hours { byHours[mask, default: []].insert(slot / 100) }
        guard !byHours.isEmpty else { return "never" }
        return byHours.sorted { ($0.value.min() ?? 0, $0.key) < ($1.value.min() ?? 0, $1.key) }.map { mask, weekdays in
            let hours = (0..<24).filter { mask & (1 << UInt32($0)) != 0 }
            let text = hours.count == 24 ? "every hour" : "at " + Self.joined(hours.map { padded($0) })
            guard weekdays.count < 7 else { return text }
            return text + " on " + Self.joined(weekdays.sorted().map { ShellMoment.weekdays[($0 + 6) % 7] })
        }.joined(separator: ", ")
    }

    private static func joined(_ words: [String]) -> String {
        words.count < 2 ? words.joined() : words.dropLast().joined(separator: ", ") + " and " + words[words.count - 1]
    }

    private static func hours(_ mask: UInt32) -> String {
        let hours = (0..<24).filter { mask & (1 << UInt32($0)) != 0 }
        if hours.count == 24 { return "*" }
        if hours.count > 2, let first = hours.first, hours.count >= 2 {
            let step = hours[1] - first
            if first < step, hours == Array(stride(from: first, to: 24, by: step)) { return "\(padded(first))/\(step)" }
        }
        return list(hours)
    }

    private static func list(_ numbers: [Int]) -> String { numbers.map { padded($0) }.joined(separator: ",") }

    private static func weekdays(_ days: [Int]) -> String {
        let names = days.map { String(ShellMoment.weekdays[($0 + 6) % 7].prefix(3)) }
        if days.count > 2, let first = days.first, let last = days.last, last - first == days.count - 1 {
            return "\(names[0])..\(names[names.count - 1])"
        }
        return names.joined(separator: ",")
    }
}
