import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

@Suite struct CronTests {
    @Test func `generated lines name the minutes that a walk over every minute finds`() async throws {
        var random = SplitMix64(seed: 11)
        let base = instant("2027-12-20T00:00:00Z")
        let minutes = (1..<(90 * 1440)).map { CronWalk.Minute(base.addingTimeInterval(Double($0) * 60)) }
        for _ in 0..<400 {
            let line = CronGenerator.line(using: &random)
            let walk = CronWalk(line)
            var expected: [Date] = []
            for minute in minutes where walk.names(minute) {
                expected.append(minute.date)
                if expected.count == 12 { break }
            }
            let found = slots(.cron(try CronExpression(line)), after: base, in: .utc, count: 12)
                .filter { $0 < base.addingTimeInterval(90 * 86_400) }
            #expect(found == expected, "\(line)")
            await Task.yield()
        }
    }

    @Test(arguments: [
        ("@hourly", "0 * * * *"), ("@daily", "0 0 * * *"), ("@midnight", "0 0 * * *"), ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"), ("@annually", "0 0 1 1 *"), ("0 2 * jan-mar MON,wed", "0 2 * 1-3 1,3"),
        ("0 2 * * 7", "0 2 * * 0"),
        ("0 2 * * 5-7", "0 2 * * 0,5,6"), ("5/20 * * * *", "5,25,45 * * * *"),
    ])
    func `words, names and Sunday as 7 mean what crontab says`(line: String, plain: String) throws {
        let base = instant("2026-11-24T12:00:00Z")
        #expect(
            slots(.cron(try CronExpression(line)), after: base, in: .utc, count: 20)
                == slots(.cron(try CronExpression(plain)), after: base, in: .utc, count: 20))
    }

    @Test func `day of month or day of week is enough when both are restricted`() throws {
        let zone = Zone.utc
        let either = slots(
            .cron(try CronExpression("0 0 13 * 5")), after: instant("2026-11-01T00:00:00Z"), in: zone, count: 4)
        #expect(either.map { zone.iso8601($0).prefix(10) } == ["2026-11-06", "2026-11-13", "2026-11-20", "2026-11-27"])
        let both = slots(
            .cron(try CronExpression("0 0 */2 * 5")), after: instant("2026-11-01T00:00:00Z"), in: zone, count: 2)
        #expect(both.map { zone.iso8601($0).prefix(10) } == ["2026-11-13", "2026-11-27"])
    }

    @Test func `a day that never comes is nil and ends`() throws {
        #expect(try CronExpression("0 0 30 2 *").next(after: instant("2026-01-01T00:00:00Z"), in: .utc) == nil)
        let leap = try CronExpression("0 0 29 2 *").next(after: instant("2026-01-01T00:00:00Z"), in: .utc)
        #expect(leap == instant("2028-02-29T00:00:00Z"))
    }

    @Test(arguments: [
        "", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "*/0 * * * *",
        "5-1 * * * *",
        "a * * * *", "@reboot", "@fortnightly", "1,,2 * * * *", "-1 * * * *", "* * * jax *", "1-2-3 * * * *",
        "*/61 * * * *",
    ])
    func `a line that cron would not run is refused with a hint`(line: String) {
        let failure = #expect(throws: Failure.self) { try CronExpression(line) }
        #expect(failure?.hint != nil)
    }
}

private enum CronGenerator {
    static func line(using random: inout SplitMix64) -> String {
        [0...59, 0...23, 1...31, 1...12, 0...6].map { field($0, using: &random) }.joined(separator: " ")
    }

    private static func field(_ range: ClosedRange<Int>, using random: inout SplitMix64) -> String {
        switch Int.random(in: 0..<5, using: &random) {
        case 0, 1: return "*"
        case 2: return "*/\(Int.random(in: 1...5, using: &random))"
        default:
            return (0..<Int.random(in: 1...3, using: &random)).map { _ in
                let first = Int.random(in: range, using: &random)
                let last = Int.random(in: first...range.upperBound, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: return "\(first)"
                case 1: return "\(first)-\(last)"
                default: return "\(first)-\(last)/\(Int.random(in: 1...4, using: &random))"
                }
            }.joined(separator: ",")
        }
    }
}

/// The slow and plain reading of a line: expand every field to a set and ask of each minute whether it is in them.
private struct CronWalk {
    struct Minute {
        let date: Date
        let parts: tm

        init(_ date: Date) {
            self.date = date
            var time = Int(date.timeIntervalSince1970)
            var parts = tm()
            gmtime_r(&time, &parts)
            self.parts = parts
        }
    }

    private let sets: [Set<Int>]
    private let either: Bool

    init(_ line: String) {
        let words = line.split(separator: " ")
        sets = zip(words, [0...59, 0...23, 1...31, 1...12, 0...6]).map { word, range in
            Set(
                word.split(separator: ",").flatMap { part -> [Int] in
                    let pieces = part.split(separator: "/")
                    let step = pieces.count > 1 ? Int(pieces[1]) ?? 1 : 1
                    let ends =
                        pieces[0] == "*"
                        ? [range.lowerBound, range.upperBound] : pieces[0].split(separator: "-").compactMap { Int($0) }
                    return Array(stride(from: ends[0], through: ends.last ?? ends[0], by: step))
                })
        }
        either = !words[2].hasPrefix("*") && !words[4].hasPrefix("*")
    }

    func names(_ minute: Minute) -> Bool {
        let parts = minute.parts
        guard sets[0].contains(Int(parts.tm_min)), sets[1].contains(Int(parts.tm_hour)),
            sets[3].contains(Int(parts.tm_mon) + 1)
        else { return false }
        let day = sets[2].contains(Int(parts.tm_mday))
        let weekday = sets[4].contains(Int(parts.tm_wday))
        return either ? day || weekday : day && weekday
    }
}
