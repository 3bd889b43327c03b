import Foundation

/// A time zone read from TZif bytes (RFC 9636). Cheap to copy: the table is shared.
package struct Zone: Sendable, Equatable {
    package let name: String
    private let table: ZoneTable

    /// Needs no tzdata.
    package static let utc = Zone(
        name: "UTC", table: ZoneTable(transitions: [], offsets: [], initialOffset: 0, rule: nil))

    private init(name: String, table: ZoneTable) {
        self.name = name
        self.table = table
    }

    /// Throws a `Failure(.configInvalid)` when the bytes are not a TZif file.
    package init(name: String, tzif: [UInt8]) throws {
        self.name = name
        do {
            table = try ZoneTable(tzif: tzif)
        } catch let fault as ZoneTable.Fault {
            throw Failure(
                .configInvalid, "time zone \(name) cannot be read: \(fault.what)",
                hint: "Install the distribution's tzdata package again.")
        }
    }

    /// Seconds east of UTC at `date`.
    package func offset(at date: Date) -> Int { offset(atSecond: Int(date.timeIntervalSince1970.rounded(.down))) }

    /// `2026-11-23T02:00:00Z`, or with the offset of this zone: `2026-11-23T04:00:00+02:00`. Whole seconds unless the
    /// instant has a fraction, then six digits.
    package func iso8601(_ date: Date) -> String {
        let microseconds = Int((date.timeIntervalSince1970 * 1_000_000).rounded())
        let (second, fraction) = flooredDivision(microseconds, by: 1_000_000)
        let offset = offset(atSecond: second)
        let (day, timeOfDay) = flooredDivision(second + offset, by: 86_400)
        let civil = CivilDate(daysSince1970: day)
        var text = "\(padded(civil.year, 4))-\(padded(civil.month))-\(padded(civil.day))T"
        text += "\(padded(timeOfDay / 3600)):\(padded(timeOfDay / 60 % 60)):\(padded(timeOfDay % 60))"
        if fraction != 0 { text += ".\(padded(fraction, 6))" }
        guard name != "UTC" else { return text + "Z" }
        text += offset < 0 ? "-" : "+"
        text += "\(padded(abs(offset) / 3600)):\(padded(abs(offset) / 60 % 60))"
        // Offsets before standard time had seconds; ISO 8601 has no form for them, RFC 9557's habit is to show them.
        return abs(offset) % 60 == 0 ? text : text + ":\(padded(abs(offset) % 60))"
    }

    /// The instant, in seconds since 1970, at which a clock on the wall shows `local` (its seconds counted as if in UTC):
    /// the first one when the clock shows it twice, the end of the gap when it never does.
    func instant(ofLocalSecond local: Int) -> Int {
        if let offset = table.offset(throughout: local - Self.reach, through: local + Self.reach) {
            return local - offset
        }
        if let first = instants(ofLocalSecond: local).first { return first }
        var before = offset(atSecond: local - Self.reach)
        for change in table.changes(from: local - Self.reach, through: local + Self.reach) {
            if local >= change.at + before, local < change.at + change.offset { return change.at }
            before = change.offset
        }
        return local - before
    }

    /// Every instant at which a clock on the wall shows `local`, in order: one, two in autumn, none in spring's gap.
    func instants(ofLocalSecond local: Int) -> [Int] {
        offsets(from: local - Self.reach, through: local + Self.reach).map { local - $0 }
            .filter { offset(atSecond: $0) == local - $0 }.sorted()
    }

    /// No zone was ever further than 26 hours from UTC, so what decides lies within that of the local reading.
    private static let reach = 26 * 3600

    func offset(atSecond second: Int) -> Int { table.offset(atSecond: second) }

    /// The first change of offset after `second`, if there is one within two years.
    func nextChange(afterSecond second: Int) -> (at: Int, offset: Int)? {
        table.changes(from: second + 1, through: second + 2 * 366 * 86_400).first
    }

    /// One change of offset, in seconds since 1970 and seconds east of UTC.
    struct Change {
        let at: Int
        let offsetBefore: Int
        let offset: Int
    }

    /// Those with `from` <= at <= `through`, in the order of time.
    func changes(from: Int, through: Int) -> [Change] {
        table.changes(from: from, through: through).map {
            Change(at: $0.at, offsetBefore: offset(atSecond: $0.at - 1), offset: $0.offset)
        }
    }

    private func offsets(from: Int, through: Int) -> [Int] {
        var offsets = [offset(atSecond: from)]
        for change in table.changes(from: from, through: through) where !offsets.contains(change.offset) {
            offsets.append(change.offset)
        }
        return offsets
    }
}

/// `value` in decimal with zeros in front up to `width` digits.
func padded(_ value: Int, _ width: Int = 2) -> String {
    let digits = String(abs(value))
    return (value < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - digits.count)) + digits
}
