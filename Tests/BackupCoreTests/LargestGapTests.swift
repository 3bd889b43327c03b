@testable import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

@Suite struct LargestGapTests {
    private func trigger(_ text: String) throws -> Trigger {
        text.hasPrefix("@") || text.split(separator: " ").count == 5
            ? .cron(try CronExpression(text)) : .calendar(try CalendarExpression(text))
    }

    private static let minute = 60.0
    private static let hour = 3600.0
    private static let day = 86_400.0

    @Test(arguments: [
        // Those of the shipped schedule.
        ("*-*-* 00/6:00:00", 6 * hour, 7 * hour), ("*-*-* 02:00:00", day, day + hour),
        ("Sun *-*-* 04:00:00", 7 * day, 7 * day + hour), ("*-*-* 08,12,16,20:00:00", 12 * hour, 13 * hour),
        ("daily", day, day + hour), ("@daily", day, day + hour), ("0 2 * * *", day, day + hour),
        ("Mon..Fri 02:00", 3 * day, 3 * day + hour), ("0 2 * * 1-5", 3 * day, 3 * day + hour),
        ("monthly", 31 * day, 31 * day + hour), ("@monthly", 31 * day, 31 * day + hour),
        ("*-*~01 00:00", 31 * day, 31 * day + hour),
        // Every fourth year has a day more; from July to January there are 184 days.
        ("yearly", 366 * day, 366 * day), ("@yearly", 366 * day, 366 * day),
        ("*-02-29 12:00:00", 1461 * day, 1461 * day), ("semiannually", 184 * day, 184 * day + hour),
        // Intervals are even whatever the clock does.
        ("minutely", minute, minute), ("* * * * *", minute, minute), ("hourly", hour, hour),
        ("*:00/10", 10 * minute, 10 * minute), ("*/7 * * * *", 7 * minute, 7 * minute), ("*:*:*", 1, 1),
        ("*:*:05,30", 35, 35), ("*:*:0/20", 20, 20), ("*:05:30", hour, hour),
        // The clock shows 03:00 to 04:00 twice, and times of day are due the first time only.
        ("*-*-* 00..22:*:00", hour + minute, hour + minute),
        ("*-*-* 00..22:*:*", hour + 1, hour + 1),
        ("*-*-* 08..17:*:00", 14 * hour + minute, 15 * hour + minute),
        ("*-*-* 08..17:*:*", 14 * hour + 1, 15 * hour + 1),
        ("* 8-17 * * *", 14 * hour + minute, 15 * hour + minute),
        ("Mon..Fri 08..17:*:00", 62 * hour + minute, 63 * hour + minute),
        ("* 8-17 * * 1-5", 62 * hour + minute, 63 * hour + minute),
        ("Mon..Fri *:*:00", 2 * day + minute, 2 * day + hour + minute),
        // Either day field is enough.
        ("0 0 13 * 5", 7 * day, 7 * day + hour),
        ("2027-03-01..05 00,12:00:00", 12 * hour, 12 * hour),
    ])
    func `the longest time between two slots, without and with a clock that changes`(
        text: String, inUTC: Double, inSofia: Double
    ) throws {
        let trigger = try trigger(text)
        let sofia = try ZoneFiles.zone(named: "Europe/Sofia")
        #expect(trigger.largestGap(in: .utc) == inUTC)
        #expect(trigger.largestGap(in: sofia) == inSofia)
    }

    @Test(arguments: ["2027-03-01 00:00:00", "@1893456000", "2020-*-* 02:00:00", "2019-01-01,02 00:00:00"])
    func `a trigger without two slots to come has none`(text: String) throws {
        let trigger = Trigger.calendar(try CalendarExpression(text))
        #expect(trigger.largestGap(in: .utc) == nil)
        #expect(Trigger.cron(.never).largestGap(in: .utc) == nil)
    }

    @Test func `repetitions of less than a second make it less than a second too long`() throws {
        for (text, gap) in [("*:*:0/0.5", 0.5), ("*:*:0/0.7", 0.7), ("*:*:0.25,0.5,30.25", 30), ("*:*:0/0.000001", 0)] {
            let trigger = try trigger(text)
            for zone in [.utc, try ZoneFiles.zone(named: "Europe/Sofia")] {
                let found = try #require(trigger.largestGap(in: zone))
                #expect(found >= gap && found < gap + 1.001, "\(text): \(found)")
            }
        }
    }

    /// The slow and plain way: all slots of 400 days, one after the other.
    @Test func `generated triggers have the gap that a walk over all their slots finds`() async throws {
        var random = SplitMix64(seed: 31)
        let zones = try ["UTC", "Europe/Sofia", "Australia/Lord_Howe", "America/Havana", "Africa/Casablanca"].map {
            $0 == "UTC" ? .utc : try ZoneFiles.zone(named: $0)
        }
        let begin = instant("2026-01-01T00:00:00Z")
        for round in 0..<150 {
            let text = Self.expression(using: &random)
            let zone = zones[round % zones.count]
            let trigger = try trigger(text)
            var walked = 0.0
            var cursor = trigger.next(after: begin.addingTimeInterval(-1), in: zone)
            while let slot = cursor, slot < begin.addingTimeInterval(400 * Self.day) {
                cursor = trigger.next(after: slot, in: zone)
                walked = max(walked, cursor.map { $0.timeIntervalSince(slot) } ?? 0)
            }
            #expect(trigger.largestGap(in: zone) == walked, "\(text) in \(zone.name)")
            await Task.yield()
        }
    }

    /// At least a slot a fortnight, at most some twenty a day.
    private static func expression(using random: inout SplitMix64) -> String {
        func few(_ range: Range<Int>, _ count: Int) -> String {
            (0..<count).map { _ in String(Int.random(in: range, using: &random)) }.joined(separator: ",")
        }
        let minutes = few(0..<60, Int.random(in: 1...2, using: &random))
        let hours = Bool.random(using: &random) ? "*" : few(0..<24, Int.random(in: 1...8, using: &random))
        let weekdays = few(0..<7, Int.random(in: 1...4, using: &random))
        return switch Int.random(in: 0..<4, using: &random) {
        case 0: "\(minutes) \(hours) * * *"
        case 1: "\(minutes) \(hours) * * \(weekdays)"
        case 2: "\(minutes) \(hours) \(few(1..<29, 2)) * \(weekdays)"
        default: "*-*-1,9,17,25 \(hours):\(minutes):\(few(0..<60, 1))"
        }
    }

    @Test func `a thousand triggers take no time that anybody notices`() throws {
        let zone = try ZoneFiles.zone(named: "Europe/Sofia")
        let began = ContinuousClock.now
        for minute in 0..<1000 {
            let daily = Trigger.calendar(try CalendarExpression("*-*-* \(minute / 60):\(minute % 60):*"))
            #expect(daily.largestGap(in: zone) == Self.day + Self.hour - 59)
        }
        #expect(ContinuousClock.now - began < .seconds(30))
    }
}
