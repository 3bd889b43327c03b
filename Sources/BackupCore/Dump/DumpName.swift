import Foundation

/// The name of a dump without extension: `backup_<job>_20261123T020000Z`, the time being the begin of its run in UTC.
package struct DumpName: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let job: String
    package let time: Date

    /// Fractions of a second are cut.
    package init(job: String, time: Date) {
        self.job = job
        self.time = Date(timeIntervalSince1970: time.timeIntervalSince1970.rounded(.down))
    }

    /// Nil when `text` is not the name of a dump of exactly this job: `app` never takes what is `app_old`'s.
    package init?(_ text: some StringProtocol, job: String) {
        let prefix = "backup_\(job)_"
        guard text.hasPrefix(prefix), let time = Self.time(text.dropFirst(prefix.count), separator: "T", suffix: "Z")
        else { return nil }
        self.init(job: job, time: time)
    }

    /// The time in a name that the older shell script gave: `backup_<database>_20261123_020000.dump`. Its zone is unknown;
    /// it is taken as UTC.
    package static func legacyTime(of file: String, database: String) -> Date? {
        let prefix = "backup_\(database)_"
        guard file.hasPrefix(prefix), file.hasSuffix(".dump") else { return nil }
        return time(file.dropFirst(prefix.count).dropLast(5), separator: "_", suffix: "")
    }

    /// Whether that script named `file` for `database`, though there may be no such time (`20251332`), or another program may have
    /// compressed it since (`.dump.gz`).
    package static func isLegacy(_ file: String, database: String) -> Bool {
        let prefix = "backup_\(database)_"
        guard file.hasPrefix(prefix) else { return false }
        let rest = Array(file.dropFirst(prefix.count))
        let digits = rest.prefix(15).enumerated().allSatisfy { index, character in
            index == 8 ? character == "_" : character.isASCII && character.isNumber
        }
        let ending = String(rest.dropFirst(15))
        return digits && (ending == ".dump" || ending.hasPrefix(".dump.") && compressors.contains(ending.dropFirst(6)))
    }

    private static let compressors: Set<Substring> = ["gz", "zst", "xz", "bz2", "lz4"]

    /// What the time in such a name means to a clock of `zone`; nil when `file` is no such name.
    package static func legacyTime(of file: String, database: String, in zone: Zone) -> LegacyTime? {
        guard let shown = legacyTime(of: file, database: database) else { return nil }
        let instants = zone.instants(ofLocalSecond: Int(shown.timeIntervalSince1970))
        guard let first = instants.first else { return .skipped }
        let time = Date(timeIntervalSince1970: Double(first))
        return instants.count == 1 ? .once(time) : .twice(time)
    }

    package var description: String { "backup_\(job)_\(Self.stamp(time))" }

    /// `20261123T020000Z`.
    package static func stamp(_ time: Date) -> String {
        let text = Zone.utc.iso8601(Date(timeIntervalSince1970: time.timeIntervalSince1970.rounded(.down)))
        // Of characters: to look for texts in it would take ten times as long, and every list of dumps is full of these.
        return String(text.filter { $0 != "-" && $0 != ":" })
    }

    /// Whether `text` is a time as `stamp` writes it.
    static func isStamp(_ text: some StringProtocol) -> Bool { time(text, separator: "T", suffix: "Z") != nil }

    package static func < (left: DumpName, right: DumpName) -> Bool { (left.time, left.job) < (right.time, right.job) }

    private static func time(_ text: some StringProtocol, separator: Character, suffix: String) -> Date? {
        let characters = Array(text)
        guard characters.count == 15 + suffix.count, characters[8] == separator, String(characters[15...]) == suffix
        else { return nil }
        func number(_ range: Range<Int>) -> Int? {
            characters[range].allSatisfy { $0.isASCII && $0.isNumber } ? Int(String(characters[range])) : nil
        }
        guard let year = number(0..<4), let month = number(4..<6), let day = number(6..<8), let hour = number(9..<11),
            let minute = number(11..<13), let second = number(13..<15), (1...12).contains(month), day >= 1,
            day <= CivilDate.days(inMonth: month, of: year), hour < 24, minute < 60, second < 60
        else { return nil }
        let days = CivilDate(year: year, month: month, day: day).daysSince1970
        return Date(timeIntervalSince1970: Double(days * 86_400 + hour * 3600 + minute * 60 + second))
    }
}

/// The instant for which a clock's reading in a file name stands.
package enum LegacyTime: Sendable, Equatable {
    case once(Date)
    /// The hour that the clock shows twice in autumn; the first of the two, so that no dump claims to be younger than it may be.
    case twice(Date)
    /// The hour that the clock passes over in spring: whoever wrote it was in another zone.
    case skipped
}
