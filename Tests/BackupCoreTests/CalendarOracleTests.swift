import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

/// systemd-analyze(1) is the oracle, outside the hours in which clocks change: there we differ on purpose.
@Suite struct CalendarOracleTests {
    private static let iterations = 6

    @Test(arguments: [
        ("UTC", 1), ("UTC", 2), ("UTC", 3), ("Europe/Sofia", 4), ("America/New_York", 5), ("Australia/Lord_Howe", 6),
        ("Asia/Kolkata", 7),
    ])
    func `a thousand generated expressions name the same instants as systemd`(zoneName: String, seed: Int) async throws
    {
        var random = SplitMix64(seed: UInt64(seed))
        let zone = try ZoneFiles.zone(named: zoneName)
        // A base in a winter or summer far from a change, but any year of two decades.
        let base = instant("2026-11-24T00:00:00Z").addingTimeInterval(
            Double(Int.random(in: 0..<20, using: &random)) * 365.25 * 86_400
                + Double(Int.random(in: 0..<86_400, using: &random)))
        // Outside UTC systemd 252 loses instants of `*` hours where an offset is no whole hour; times of day it gets right.
        let generated = (0..<1000).map { _ in
            CalendarGenerator.expression(using: &random, namesHours: zoneName != "UTC")
        }
        let stamp = Zone.utc.iso8601(base).replacing("T", with: " ").replacing("Z", with: " UTC")
        let said = try await run(
            "systemd-analyze", ["calendar", "--base-time=\(stamp)", "--iterations=\(Self.iterations)"] + generated,
            environment: ["TZ": zoneName, "SYSTEMD_COLORS": "0"])
        // It gives up on a few ("Resource deadlock avoided"): an iteration of its own search that a clock change disturbs.
        let expressions = generated.filter { !said.error.contains("next elapse for '\($0)'") }
        try #require(expressions.count > 950, "\(said.error)")
        let blocks = said.output.components(separatedBy: "\n\n")
        try #require(blocks.count == expressions.count, "\(said.error)")
        for (expression, block) in zip(expressions, blocks) {
            await Task.yield()
            let expected = Self.instants(in: block)
            let found = slots(
                .calendar(try CalendarExpression(expression)), after: base, in: zone, count: Self.iterations)
            for (expected, found) in zip(expected, found) {
                if Self.isNearChange(expected, zone) || Self.isNearChange(found, zone) { break }
                #expect(found == expected, "\(expression) in \(zoneName) after \(stamp)")
            }
            if zoneName == "UTC" { #expect(found.count == expected.count, "\(expression) after \(stamp)") }
        }
    }

    private static func isNearChange(_ date: Date, _ zone: Zone) -> Bool {
        zone.offset(at: date.addingTimeInterval(-86_400)) != zone.offset(at: date.addingTimeInterval(86_400))
    }

    /// `Next elapse: Tue 2026-11-24 10:00:00 UTC`, `Iter. #2: …`; none for `never`.
    private static func instants(in block: String) -> [Date] {
        block.split(separator: "\n").compactMap { line in
            // In a zone other than UTC the line after each gives the same instant in UTC.
            guard line.contains("Next elapse:") || line.contains("Iter. #") || line.contains("(in UTC):") else {
                return nil
            }
            let words = line.split(separator: " ")
            guard words.count >= 3, words.last == "UTC" else { return nil }
            return instant("\(words[words.count - 3])T\(words[words.count - 2])Z")
        }
    }

    @Test(arguments: [
        "*-*-* */2:00", "Mon 12", "12", "Fri..Mon 12:00", "*-02~31/7", "*-*~07..01", "*-*~29", "*-*~7/7",
        "*-*-* 21/3:0", "*:*:59/1", "2200-1-1", "1969-1-1", "*-*-31/1", "*-*~1..29", "*-*-* 24:00", "*-*-* 10:00:60",
        "3..1:00",
        "*:00/60", "0/24:00", "2026-12", ":00", "*-*-*T10:00", "mon,tue 10", "", " ", "*-13-01", "*-*-32", "Foo *-*-*",
        "*-*-* 1:2:3:4",
        "*-*-* 10:00 11:00", "*-*-* 0/0:00", "99999999999999999999-1-1", "*~02-03",
    ])
    func `what systemd refuses is refused, with a reason`(text: String) async throws {
        let said = try await run("systemd-analyze", ["calendar", text])
        #expect(said.status != 0)
        let failure = #expect(throws: Failure.self) { try CalendarExpression(text) }
        #expect(failure?.kind == .configInvalid)
        #expect(failure?.hint != nil)
    }

    @Test(arguments: [
        "minutely", "hourly", "daily", "weekly", "monthly", "yearly", "annually", "quarterly", "semiannually", "DAILY",
        "Sat,Sun", "Mon,",
        "Mon..Mon 10:00", "Mon-Fri 10:00", "10-1,3,5 00:00", "26-12-1", "*-*~07/1", "*-*~28/7", "*-*~20..25/2",
        "*-*~7/6", "*-*-* 21..22/3:0", "2198/1-1-1", "Mon *-05~07/1", "*-*-01..05/2", "10:5", "010:05", "*:*",
        "*-*-* *:*:*", "*-02-29", "2026-11-24..30 03:00", "Thu,Fri 2027-*-1,5 11:12:13", "*-*-* 00/6:00:00",
        "*-*-* 08,12,16,20:00:00",
        "Sun *-*-* 04:00:00", "2003-03-05", "@1395716396", "*-2-30", "*-*~01..07", "*:0/7:0/11",
    ])
    func `what systemd takes means the same`(text: String) async throws {
        let base = instant("2026-11-24T12:34:56Z")
        let said = try await run(
            "systemd-analyze", ["calendar", "--base-time=2026-11-24 12:34:56 UTC", "--iterations=8", text],
            environment: ["TZ": "UTC"])
        try #require(said.status == 0)
        let found = slots(.calendar(try CalendarExpression(text)), after: base, in: .utc, count: 8)
        #expect(found == Self.instants(in: said.output))
    }

    @Test func `a zone at the end is handed to the caller`() throws {
        #expect(try CalendarExpression("*-*-* 02:00 Europe/Sofia").zoneName == "Europe/Sofia")
        #expect(try CalendarExpression("daily UTC").zoneName == "UTC")
        #expect(try CalendarExpression("daily").zoneName == nil)
    }

    @Test func `fractions of a second are exact to a microsecond`() throws {
        let found = slots(
            .calendar(try CalendarExpression("*-*-* 10:00:00/0.25")), after: instant("2026-11-24T10:00:00Z"), in: .utc,
            count: 2)
        #expect(found.map(Zone.utc.iso8601) == ["2026-11-24T10:00:00.250000Z", "2026-11-24T10:00:00.500000Z"])
    }
}

private enum CalendarGenerator {
    static func expression(using random: inout SplitMix64, namesHours: Bool) -> String {
        var words: [String] = []
        if Bool.random(using: &random) { words.append(weekdays(using: &random)) }
        if Int.random(in: 0..<4, using: &random) > 0 { words.append(date(using: &random)) }
        words.append(time(using: &random, namesHours: namesHours))
        return words.joined(separator: " ")
    }

    private static func weekdays(using random: inout SplitMix64) -> String {
        let names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
        return (0..<Int.random(in: 1...3, using: &random)).map { _ in
            let first = Int.random(in: 0..<7, using: &random)
            let last = Int.random(in: first..<7, using: &random)
            return Bool.random(using: &random) ? names[first] : "\(names[first])..\(names[last])"
        }.joined(separator: ",")
    }

    private static func date(using random: inout SplitMix64) -> String {
        let year = Int.random(in: 0..<4, using: &random) == 0 ? field(2026...2060, using: &random) : "*"
        let month = Bool.random(using: &random) ? "*" : field(1...12, using: &random)
        if Int.random(in: 0..<5, using: &random) == 0 {
            return "\(year)-\(month)~\(Int.random(in: 1...28, using: &random))"
        }
        let day = Bool.random(using: &random) ? "*" : field(1...31, using: &random)
        return Int.random(in: 0..<3, using: &random) == 0 ? "\(month)-\(day)" : "\(year)-\(month)-\(day)"
    }

    private static func time(using random: inout SplitMix64, namesHours: Bool) -> String {
        let hour = !namesHours && Int.random(in: 0..<3, using: &random) == 0 ? "*" : field(0...23, using: &random)
        let minute = Int.random(in: 0..<4, using: &random) == 0 ? "*" : field(0...59, using: &random)
        guard Bool.random(using: &random) else { return "\(hour):\(minute)" }
        return "\(hour):\(minute):\(Int.random(in: 0..<4, using: &random) == 0 ? "*" : field(0...59, using: &random))"
    }

    private static func field(_ range: ClosedRange<Int>, using random: inout SplitMix64) -> String {
        (0..<Int.random(in: 1...3, using: &random)).map { _ in
            let first = Int.random(in: range, using: &random)
            let step = Int.random(in: 1...max(1, (range.upperBound - range.lowerBound) / 2), using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0 where first < range.upperBound:
                return "\(first)..\(Int.random(in: (first + 1)...range.upperBound, using: &random))"
            case 1 where first + step <= range.upperBound: return "\(first)/\(step)"
            case 2 where first + step <= range.upperBound:
                return "\(first)..\(Int.random(in: (first + step)...range.upperBound, using: &random))/\(step)"
            default: return "\(first)"
            }
        }.joined(separator: ",")
    }
}
