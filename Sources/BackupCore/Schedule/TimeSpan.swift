/// A duration as systemd.time(7) writes it: `90s`, `6h`, `1d 12h`, `2min 30s`.
package enum TimeSpan {
    private static let units: [(names: [String], seconds: Double)] = [
        (["usec", "us", "µs", "μs"], 0.000_001), (["msec", "ms"], 0.001),
        (["seconds", "second", "sec", "s", ""], 1), (["minutes", "minute", "min", "m"], 60),
        (["hours", "hour", "hr", "h"], 3600), (["days", "day", "d"], 86_400), (["weeks", "week", "w"], 604_800),
        // systemd's month and year: 30.44 and 365.25 days.
        (["months", "month", "M"], 2_629_800), (["years", "year", "y"], 31_557_600),
    ]

    /// Seconds, or nil when `text` is no time span. A number without unit is seconds.
    package static func seconds(_ text: String) -> Double? {
        var rest = text[...].drop { $0 == " " }
        guard !rest.isEmpty else { return nil }
        var total = 0.0
        while !rest.isEmpty {
            let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(number.count).drop { $0 == " " }
            let unit = rest.prefix { $0.isLetter }
            rest = rest.dropFirst(unit.count).drop { $0 == " " }
            guard number.first?.isNumber == true, number.last?.isNumber == true, number.count <= 18,
                let value = Double(number),
                let scale = units.first(where: { $0.names.contains(String(unit)) })?.seconds
            else { return nil }
            total += value * scale
        }
        return total
    }

    /// The same in words that `seconds` reads: `1d 12h`, `2min 30s`; to the millisecond.
    package static func text(_ seconds: Double) -> String {
        var milliseconds = Int((seconds * 1000).rounded())
        guard milliseconds > 0 else { return "0s" }
        var parts: [String] = []
        for (unit, length) in [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000), ("ms", 1)] {
            let (count, rest) = milliseconds.quotientAndRemainder(dividingBy: length)
            if count > 0 { parts.append("\(count)\(unit)") }
            milliseconds = rest
        }
        return parts.joined(separator: " ")
    }
}
