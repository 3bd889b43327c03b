/// The transitions of one zone, and the rule for what comes after them.
final class ZoneTable: Sendable, Equatable {
    struct Fault: Error { let what: String }

    /// Seconds since 1970, ascending.
    private let transitions: [Int]
    /// The offset from each transition on.
    private let offsets: [Int]
    private let initialOffset: Int
    private let rule: PosixRule?

    init(transitions: [Int], offsets: [Int], initialOffset: Int, rule: PosixRule?) {
        self.transitions = transitions
        self.offsets = offsets
        self.initialOffset = initialOffset
        self.rule = rule
    }

    static func == (left: ZoneTable, right: ZoneTable) -> Bool {
        left === right
            || (left.transitions == right.transitions && left.offsets == right.offsets
                && left.initialOffset == right.initialOffset && left.rule == right.rule)
    }

    func offset(atSecond second: Int) -> Int {
        guard let last = transitions.last else { return rule.map { offset(by: $0, at: second) } ?? initialOffset }
        if second >= last, let rule { return offset(by: rule, at: second) }
        var low = 0
        var high = transitions.count
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle] <= second { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? initialOffset : offsets[low - 1]
    }

    /// The one offset of a stretch in which the table has no change, as most have none; nil says that it has to be looked at.
    func offset(throughout from: Int, through: Int) -> Int? {
        // Beyond the table the rule decides.
        guard rule == nil || through < transitions.last ?? Int.min else { return nil }
        let index = firstIndex(from: from)
        guard index == transitions.count || transitions[index] > through else { return nil }
        return index == 0 ? initialOffset : offsets[index - 1]
    }

    /// Changes of offset with `from` <= at <= `through`, in the order of time; ones that change nothing are left out.
    func changes(from: Int, through: Int) -> [(at: Int, offset: Int)] {
        var found: [(at: Int, offset: Int)] = []
        var current = offset(atSecond: from - 1)
        func consider(_ change: (at: Int, offset: Int)) {
            guard change.at >= from, change.at <= through, change.offset != current else { return }
            found.append(change)
            current = change.offset
        }
        var index = firstIndex(from: from)
        while index < transitions.count, transitions[index] <= through {
            consider((transitions[index], offsets[index]))
            index += 1
        }
        guard let rule, rule.daylight != nil, through > (transitions.last ?? Int.min) else { return found }
        let firstYear = CivilDate(daysSince1970: flooredDivision(from, by: 86_400).quotient).year - 1
        let lastYear = CivilDate(daysSince1970: flooredDivision(through, by: 86_400).quotient).year + 1
        for year in firstYear...lastYear {
            for change in rule.changes(inYear: year) where change.at > (transitions.last ?? Int.min) {
                consider(change)
            }
        }
        return found
    }

    private func firstIndex(from: Int) -> Int {
        var low = 0
        var high = transitions.count
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle] < from { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private func offset(by rule: PosixRule, at second: Int) -> Int {
        guard rule.daylight != nil else { return rule.standardOffset }
        let year = CivilDate(daysSince1970: flooredDivision(second, by: 86_400).quotient).year
        // A change of last year or the next may fall into this one by the zone's offset.
        var offset: Int?
        for year in (year - 1)...(year + 1) {
            for change in rule.changes(inYear: year) where change.at <= second { offset = change.offset }
        }
        return offset ?? rule.standardOffset
    }
}

extension ZoneTable {
    /// Reads the 64-bit block of a version 2, 3 or 4 file with its footer, or the 32-bit block of a version 1 file.
    convenience init(tzif bytes: [UInt8]) throws {
        var reader = TZifReader(bytes: bytes)
        var header = try reader.header()
        var timeBytes = 4
        if header.version >= 2 {
            try reader.skip(header.dataBytes(timeBytes: 4))
            header = try reader.header()
            timeBytes = 8
        }
        let times = try (0..<header.times).map { _ in try reader.integer(bytes: timeBytes) }
        let indices = try (0..<header.times).map { _ in try reader.integer(bytes: 1) & 0xff }
        var types: [Int] = []
        for _ in 0..<header.types {
            types.append(try reader.integer(bytes: 4))
            try reader.skip(2)
        }
        guard let initial = types.first else { throw Fault(what: "it has no local time type") }
        guard zip(times, times.dropFirst()).allSatisfy(<) else { throw Fault(what: "its transitions are not in order") }
        guard indices.allSatisfy(types.indices.contains), types.allSatisfy({ abs($0) < 26 * 3600 }) else {
            throw Fault(what: "its local time types are out of range")
        }
        try reader.skip(header.characters + header.leaps * (timeBytes + 4) + header.standards + header.universals)
        let rule = timeBytes == 8 ? try reader.footer() : nil
        self.init(transitions: times, offsets: indices.map { types[$0] }, initialOffset: initial, rule: rule)
    }
}

private struct TZifReader {
    struct Header {
        var version, universals, standards, leaps, times, types, characters: Int

        func dataBytes(timeBytes: Int) -> Int {
            times * timeBytes + times + types * 6 + characters + leaps * (timeBytes + 4) + standards + universals
        }
    }

    let bytes: [UInt8]
    var position = 0

    mutating func header() throws -> Header {
        guard bytes.count - position >= 44 else { throw ZoneTable.Fault(what: "it is cut short") }
        guard Array(bytes[position..<position + 4]) == Array("TZif".utf8) else {
            throw ZoneTable.Fault(what: "it does not begin with TZif")
        }
        let mark = bytes[position + 4]
        position += 20
        var counts: [Int] = []
        for _ in 0..<6 { counts.append(try integer(bytes: 4)) }
        // Each counts something that takes at least a byte, so none can be larger than the file.
        guard counts.allSatisfy({ (0...bytes.count).contains($0) }) else {
            throw ZoneTable.Fault(what: "its counts are impossible")
        }
        let version = mark == 0 ? 1 : Int(mark) - Int(UInt8(ascii: "0"))
        return Header(
            version: version, universals: counts[0], standards: counts[1], leaps: counts[2], times: counts[3],
            types: counts[4], characters: counts[5])
    }

    mutating func skip(_ count: Int) throws {
        guard count <= bytes.count - position else { throw ZoneTable.Fault(what: "it is cut short") }
        position += count
    }

    /// A signed big-endian number.
    mutating func integer(bytes count: Int) throws -> Int {
        guard count <= bytes.count - position else { throw ZoneTable.Fault(what: "it is cut short") }
        var value = Int(Int8(bitPattern: bytes[position]))
        for index in 1..<max(1, count) { value = value << 8 | Int(bytes[position + index]) }
        position += count
        return value
    }

    mutating func footer() throws -> PosixRule? {
        guard position < bytes.count, bytes[position] == UInt8(ascii: "\n"),
            let end = bytes[(position + 1)...].firstIndex(of: UInt8(ascii: "\n"))
        else { throw ZoneTable.Fault(what: "its footer is missing") }
        let text = bytes[(position + 1)..<end]
        guard !text.isEmpty else { return nil }
        guard let rule = PosixRule(text) else { throw ZoneTable.Fault(what: "its footer is not a POSIX TZ rule") }
        return rule
    }
}
