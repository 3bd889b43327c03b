import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

/// The rule of docs/time.md, zone by zone; what systemd does in a gap is not what we do, so it is no oracle here.
@Suite struct DaylightSavingTests {
    private func next(_ text: String, _ zoneName: String, after: String, count: Int) throws -> [String] {
        let zone = try ZoneFiles.zone(named: zoneName)
        let trigger: Trigger =
            text.split(separator: " ").count == 5
            ? .cron(try CronExpression(text)) : .calendar(try CalendarExpression(text))
        return slots(trigger, after: instant(after), in: zone, count: count).map(zone.iso8601)
    }

    @Test(arguments: [
        // Sofia: 2026-03-29 03:00 -> 04:00, 2026-10-25 04:00 -> 03:00.
        (
            "*-*-* 03:30:00", "Europe/Sofia", "2026-03-28T12:00:00Z",
            ["2026-03-29T04:00:00+03:00", "2026-03-30T03:30:00+03:00"]
        ),
        (
            "30 3 * * *", "Europe/Sofia", "2026-03-28T12:00:00Z",
            ["2026-03-29T04:00:00+03:00", "2026-03-30T03:30:00+03:00"]
        ),
        (
            "*-*-* 03:30:00", "Europe/Sofia", "2026-10-24T12:00:00Z",
            ["2026-10-25T03:30:00+03:00", "2026-10-26T03:30:00+02:00"]
        ),
        (
            "*-*-* 03:15,45:00", "Europe/Sofia", "2026-03-28T12:00:00Z",
            ["2026-03-29T04:00:00+03:00", "2026-03-30T03:15:00+03:00"]
        ),
        // New York: 2026-03-08 02:00 -> 03:00, 2026-11-01 02:00 -> 01:00.
        (
            "*-*-* 02:00:00", "America/New_York", "2026-03-07T12:00:00Z",
            ["2026-03-08T03:00:00-04:00", "2026-03-09T02:00:00-04:00"]
        ),
        (
            "30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z",
            ["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"]
        ),
        // Lord Howe moves by 30 minutes: 2026-10-04 02:00 -> 02:30, 2026-04-05 02:00 -> 01:30.
        (
            "*-*-* 02:15:00", "Australia/Lord_Howe", "2026-10-03T10:00:00Z",
            ["2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"]
        ),
        (
            "*-*-* 01:45:00", "Australia/Lord_Howe", "2026-04-04T10:00:00Z",
            ["2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"]
        ),
        (
            "*-*-* 02:00:00", "Asia/Kolkata", "2026-03-28T12:00:00Z",
            ["2026-03-29T02:00:00+05:30", "2026-03-30T02:00:00+05:30"]
        ),
        // Apia had no 2011-12-30.
        (
            "*-*-* 02:00:00", "Pacific/Apia", "2011-12-29T13:00:00Z",
            ["2011-12-31T00:00:00+14:00", "2011-12-31T02:00:00+14:00"]
        ),
        ("*-*-* 03:30:00", "UTC", "2026-03-28T12:00:00Z", ["2026-03-29T03:30:00Z", "2026-03-30T03:30:00Z"]),
    ])
    func `a skipped time runs at the end of the gap, a repeated one the first time`(
        text: String, zone: String, after: String, expected: [String]
    ) throws {
        #expect(try next(text, zone, after: after, count: expected.count) == expected)
    }

    @Test func `an interval runs at every real instant through the autumn hour`() throws {
        let expected = [
            "2026-10-25T03:30:00+03:00", "2026-10-25T03:00:00+02:00", "2026-10-25T03:30:00+02:00",
            "2026-10-25T04:00:00+02:00",
        ]
        #expect(try next("*:00/30", "Europe/Sofia", after: "2026-10-25T00:00:00Z", count: 4) == expected)
        #expect(try next("*/30 * * * *", "Europe/Sofia", after: "2026-10-25T00:00:00Z", count: 4) == expected)
    }

    @Test func `an interval goes on evenly through the spring gap`() throws {
        let expected = ["2026-03-29T02:30:00+02:00", "2026-03-29T04:00:00+03:00", "2026-03-29T04:30:00+03:00"]
        #expect(try next("*:00/30", "Europe/Sofia", after: "2026-03-29T00:00:00Z", count: 3) == expected)
    }

    @Test func `a daily time in every zone of the system runs once a day for two years`() async throws {
        let listed = try await run("/bin/sh", ["-c", "cut -f3 /usr/share/zoneinfo/zone.tab | grep -v '^#' | grep /"])
        #expect(listed.lines.count > 300)
        let trigger = Trigger.calendar(try CalendarExpression("*-*-* 02:30:00"))
        for name in listed.lines {
            await Task.yield()
            let zone = try ZoneFiles.zone(named: name)
            let found = slots(trigger, after: instant("2025-12-31T00:00:00Z"), in: zone, count: 730)
            let steps = zip(found, found.dropFirst()).map { $1.timeIntervalSince($0) / 3600 }
            #expect(steps.allSatisfy { $0 >= 21 && $0 <= 27 }, "\(name)")
        }
    }
}
