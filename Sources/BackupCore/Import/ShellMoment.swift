/// A moment as `date` would print it to a script: all that the old scripts ask.
struct ShellMoment: Sendable, Equatable {
    var hour = 0
    /// 1 is Monday, 7 is Sunday, as `%u` has it.
    var weekday = 1
    var day = 1

    static let weekdays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]

    /// What `date` prints for `format` at minute 0 of this hour; nil when it depends on more than this.
    func formatted(_ format: String) -> ShellValue? {
        var text = ""
        var asksDay = false
        var characters = Substring(format)
        while let character = characters.popFirst() {
            guard character == "%" else {
                text.append(character)
                continue
            }
            var padding: Character = " "
            var hasPadding = false
            if let next = characters.first, "-_0".contains(next) {
                padding = next
                hasPadding = true
                characters.removeFirst()
            }
            guard let specifier = characters.popFirst() else { return nil }
            func number(_ value: Int, _ usual: Character) -> String {
                switch hasPadding ? padding : usual {
                case "-": "\(value)"
                case "_": value < 10 ? " \(value)" : "\(value)"
                default: padded(value)
                }
            }
            switch specifier {
            case "H": text += number(hour, "0")
            case "k": text += number(hour, "_")
            case "I": text += number((hour + 11) % 12 + 1, "0")
            case "l": text += number((hour + 11) % 12 + 1, "_")
            case "p": text += hour < 12 ? "AM" : "PM"
            case "M", "S": text += number(0, "0")
            case "d", "e":
                text += number(day, specifier == "d" ? "0" : "_")
                asksDay = true
            case "u": text += "\(weekday)"
            case "w": text += "\(weekday % 7)"
            case "A": text += Self.weekdays[(weekday + 6) % 7]
            case "a": text += Self.weekdays[(weekday + 6) % 7].prefix(3)
            case "%": text += "%"
            case "n": text += "\n"
            default: return nil
            }
        }
        return ShellValue(text: text, format: format, isOfClock: true, isOfDay: asksDay)
    }
}

/// What a word stands for: with a nil text, what is not known here.
struct ShellValue: Sendable, Equatable {
    /// Stands in an outline for what is not known.
    static let gap: Character = "\u{E000}"

    var text: String?
    /// What `date` was asked for it.
    var format: String?
    /// The known parts of a text that is not known as a whole.
    var outline: String?
    /// It hangs on the clock.
    var isOfClock = false
    /// It hangs on the day of the month.
    var isOfDay = false
    /// The zone whose clock it is from, where that was asked for.
    var zone: String?

    /// The number of a weekday, of which Sunday has two.
    var isWeekday: Bool { format == "%u" || format == "%w" }
    /// With a gap for what is not known.
    var shown: String { text ?? outline ?? String(Self.gap) }

    static let unknown = ShellValue(text: nil)
}

/// How a script's comparisons are read.
enum ShellReading: Sendable {
    /// As the shell does them.
    case literal
    /// As who wrote them meant: 6 is the hour that `date` prints as 06, and 0 is Sunday as much as 7.
    case meant

    func equal(_ left: ShellValue, _ right: ShellValue) -> Bool? {
        guard let one = left.text, let other = right.text else { return nil }
        if one == other { return true }
        guard self == .meant else { return false }
        if let first = number(one), let second = number(other) {
            if first == second { return true }
            return (left.isWeekday || right.isWeekday) && max(first, second) == 7 && min(first, second) == 0
        }
        return isSameDay(one, other)
    }

    func number(_ text: String) -> Int? {
        let digits = text.drop { $0 == " " }
        guard !digits.isEmpty, digits.count < 10, digits.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
        return Int(digits)
    }

    /// `Sun`, `sunday` and `Sunday`.
    private func isSameDay(_ one: String, _ other: String) -> Bool {
        func day(_ text: String) -> String? {
            ShellMoment.weekdays.map { $0.lowercased() }.first {
                $0 == text.lowercased() || $0.prefix(3) == text.lowercased()
            }
        }
        guard let first = day(one) else { return false }
        return first == day(other)
    }
}

/// `*`, `?` and `[…]` of shell patterns.
enum ShellPattern {
    static func isPlain(_ pattern: String) -> Bool { !pattern.contains { "*?[".contains($0) } }

    /// Takes time in proportion to the product of both lengths at most.
    static func matches(_ text: String, _ pattern: String) -> Bool {
        let (text, pattern) = (Array(text), Array(pattern))
        var (at, place) = (0, 0)
        var star: (place: Int, at: Int)?
        while at < text.count {
            if place < pattern.count, pattern[place] == "*" {
                star = (place, at)
                place += 1
            } else if let length = length(pattern, place, text[at]) {
                at += 1
                place += length
            } else if let last = star {
                star = (last.place, last.at + 1)
                (place, at) = (last.place + 1, last.at + 1)
            } else {
                return false
            }
        }
        return pattern[place...].allSatisfy { $0 == "*" }
    }

    /// How much of the pattern stands for this one character; nil when it does not match.
    private static func length(_ pattern: [Character], _ place: Int, _ character: Character) -> Int? {
        guard place < pattern.count else { return nil }
        if pattern[place] == "?" { return 1 }
        guard pattern[place] == "[", let end = pattern[place...].dropFirst(2).firstIndex(of: "]") else {
            return pattern[place] == character ? 1 : nil
        }
        var inside = Array(pattern[(place + 1)..<end])
        let isNegated = inside.first == "!" || inside.first == "^"
        if isNegated { inside.removeFirst() }
        var isFound = false
        var index = 0
        while index < inside.count {
            if index + 2 < inside.count, inside[index + 1] == "-" {
                if inside[index] <= character, character <= inside[index + 2] { isFound = true }
                index += 3
            } else {
                if inside[index] == character { isFound = true }
                index += 1
            }
        }
        return isFound != isNegated ? end - place + 1 : nil
    }
}
