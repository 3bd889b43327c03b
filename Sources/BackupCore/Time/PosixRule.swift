/// The rule in the last line of a TZif file, for every instant beyond its table: the TZ string of POSIX with the
/// extensions of RFC 9636 section 3.3.1 (hours from -167 to 167).
struct PosixRule: Equatable, Sendable {
    /// A day of the year on which the clocks change.
    enum Day: Equatable, Sendable {
        /// `Jn`: 1...365, February 29 never counted.
        case julian(Int)
        /// `n`: 0...365, February 29 counted.
        case zeroBased(Int)
        /// `Mm.w.d`: the w-th weekday d of month m; week 5 is the last.
        case weekday(month: Int, week: Int, weekday: Int)
    }
    struct Change: Equatable, Sendable {
        var day: Day
        /// Seconds after midnight by the clock that is about to change.
        var seconds: Int
    }

    var standardOffset: Int
    var daylight: (offset: Int, begins: Change, ends: Change)?

    static func == (left: PosixRule, right: PosixRule) -> Bool {
        guard left.standardOffset == right.standardOffset else { return false }
        switch (left.daylight, right.daylight) {
        case (nil, nil): return true
        case (let left?, let right?): return left == right
        case (nil, _?), (_?, nil): return false
        }
    }

    /// Nil when `text` is no such rule.
    init?(_ text: some Sequence<UInt8>) {
        var reader = Reader(bytes: Array(text))
        guard reader.name(), let west = reader.offset(limitHours: 24) else { return nil }
        standardOffset = -west
        guard !reader.isAtEnd else { return }
        guard reader.name() else { return nil }
        var daylightOffset = standardOffset + 3600
        if reader.peek != UInt8(ascii: ","), !reader.isAtEnd {
            guard let west = reader.offset(limitHours: 24) else { return nil }
            daylightOffset = -west
        }
        // Without dates POSIX leaves them to the implementation; zic never writes that.
        guard reader.take(UInt8(ascii: ",")), let begins = reader.change(), reader.take(UInt8(ascii: ",")),
            let ends = reader.change(), reader.isAtEnd
        else { return nil }
        daylight = (daylightOffset, begins, ends)
    }

    /// The two changes of a calendar year as (instant, offset from then on), in the order of time.
    func changes(inYear year: Int) -> [(at: Int, offset: Int)] {
        guard let daylight else { return [] }
        let begins = Self.midnight(daylight.begins.day, year: year) + daylight.begins.seconds - standardOffset
        let ends = Self.midnight(daylight.ends.day, year: year) + daylight.ends.seconds - daylight.offset
        let changes = [(at: begins, offset: daylight.offset), (at: ends, offset: standardOffset)]
        return begins <= ends ? changes : changes.reversed()
    }

    /// Seconds since 1970 of midnight UTC of that day.
    private static func midnight(_ day: Day, year: Int) -> Int {
        let newYear = CivilDate(year: year, month: 1, day: 1).daysSince1970
        switch day {
        case .julian(let number):
            let leap = CivilDate.isLeap(year) && number >= 60 ? 1 : 0
            return (newYear + number - 1 + leap) * 86_400
        case .zeroBased(let number): return (newYear + number) * 86_400
        case .weekday(let month, let week, let weekday):
            let first = CivilDate(year: year, month: month, day: 1)
            var day = 1 + (weekday - first.weekday + 7) % 7 + (week - 1) * 7
            while day > CivilDate.days(inMonth: month, of: year) { day -= 7 }
            return CivilDate(year: year, month: month, day: day).daysSince1970 * 86_400
        }
    }

    private struct Reader {
        let bytes: [UInt8]
        var position = 0

        var isAtEnd: Bool { position == bytes.count }
        var peek: UInt8? { isAtEnd ? nil : bytes[position] }

        mutating func take(_ byte: UInt8) -> Bool {
            guard peek == byte else { return false }
            position += 1
            return true
        }

        /// `CET` or `<+0330>`.
        mutating func name() -> Bool {
            let isQuoted = take(UInt8(ascii: "<"))
            let start = position
            while let byte = peek, isNameByte(byte, isQuoted: isQuoted) { position += 1 }
            guard position - start >= 3 else { return false }
            return isQuoted ? take(UInt8(ascii: ">")) : true
        }

        private func isNameByte(_ byte: UInt8, isQuoted: Bool) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"): isQuoted
            default: false
            }
        }

        mutating func number(upTo limit: Int) -> Int? {
            let start = position
            var value = 0
            while let byte = peek, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
                value = value * 10 + Int(byte - UInt8(ascii: "0"))
                position += 1
                guard value <= limit else { return nil }
            }
            return position == start ? nil : value
        }

        /// `[+-]hh[:mm[:ss]]` in seconds.
        mutating func offset(limitHours: Int) -> Int? {
            let isNegative = take(UInt8(ascii: "-"))
            if !isNegative { _ = take(UInt8(ascii: "+")) }
            guard let hours = number(upTo: limitHours) else { return nil }
            var seconds = hours * 3600
            for unit in [60, 1] where take(UInt8(ascii: ":")) {
                guard let part = number(upTo: 59) else { return nil }
                seconds += part * unit
            }
            return isNegative ? -seconds : seconds
        }

        mutating func change() -> Change? {
            guard let day = day() else { return nil }
            guard take(UInt8(ascii: "/")) else { return Change(day: day, seconds: 7200) }
            guard let seconds = offset(limitHours: 167) else { return nil }
            return Change(day: day, seconds: seconds)
        }

        private mutating func day() -> Day? {
            if take(UInt8(ascii: "J")) {
                guard let number = number(upTo: 365), number >= 1 else { return nil }
                return .julian(number)
            }
            guard take(UInt8(ascii: "M")) else { return number(upTo: 365).map { .zeroBased($0) } }
            guard let month = number(upTo: 12), month >= 1, take(UInt8(ascii: ".")), let week = number(upTo: 5),
                week >= 1,
                take(UInt8(ascii: ".")), let weekday = number(upTo: 6)
            else { return nil }
            return .weekday(month: month, week: week, weekday: weekday)
        }
    }
}
