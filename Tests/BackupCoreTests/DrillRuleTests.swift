@testable import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

@Suite struct DrillRuleTests {
    private typealias Sample = ScheduleSample

    @Test func `a job drills once a week, in its zone, at a time that follows from its name`() throws {
        let jobs = try Sample.decode(
            Sample.file(
                top: #""timeZone": "Europe/Sofia""#,
                databases: """
                    "one": { "cron": "@daily" }, "two": { "cron": "@daily" },
                    "three": { "calendar": "02:00 Asia/Tokyo" }
                    """)
        ).jobs
        #expect(jobs.map(\.drill.zone.name) == ["Europe/Sofia", "Europe/Sofia", "Asia/Tokyo"])
        #expect(Set(jobs.map(\.drill.trigger.source)).count == 3)
        for job in jobs {
            #expect(job.drill == DrillRule(weeklyFor: job.name, in: job.zone))
            let found = slots(job.drill.trigger, after: instant("2026-05-01T00:00:00Z"), in: job.drill.zone, count: 3)
            #expect(zip(found, found.dropFirst()).map { $1.timeIntervalSince($0) } == [604_800, 604_800])
        }
        // The same on every machine: whoever changes this moves everybody's drills.
        #expect(DrillRule(weeklyFor: "postgres", in: .utc).trigger.source == "Wed 15:46")
    }

    @Test func `every minute of the week is what an expression of the same text says`() throws {
        for minute in 0..<10_080 {
            let weekly = CalendarExpression.weekly(minute: minute)
            let written = try CalendarExpression(weekly.source)
            #expect(weekly == written)
        }
        // A Sunday begins the week.
        #expect(CalendarExpression.weekly(minute: 0).source == "Sun 00:00")
        #expect(CalendarExpression.weekly(minute: 10_079).source == "Sat 23:59")
    }

    @Test(arguments: ["job", "customer_", "", "データベース"])
    func `the drills of a thousand jobs spread evenly over days and hours`(prefix: String) {
        var days: [String: Int] = [:]
        var hours: [String: Int] = [:]
        for number in 0..<1000 {
            let words = DrillRule(weeklyFor: "\(prefix)\(number)", in: .utc).trigger.source.split(separator: " ")
            days[String(words[0]), default: 0] += 1
            hours[String(words[1].prefix(2)), default: 0] += 1
        }
        #expect(days.count == 7 && days.values.allSatisfy { (100...190).contains($0) }, "\(days)")
        #expect(hours.count == 24 && hours.values.allSatisfy { (18...68).contains($0) }, "\(hours)")
    }

    @Test func `what a job says of its drill goes before defaults, member by member`() throws {
        let defaults = """
            "calendar": "Sun 05:00 Europe/Sofia", "on": "main", "timeout": "2h",
            "assertions": ["SELECT 1 = 1", "SELECT 2 = 2"], "enabled": false
            """
        let jobs = try Sample.decode(
            Sample.file(
                defaults: "\"drill\": { \(defaults) }",
                databases: """
                    "one": { "cron": "@daily" },
                    "two": { "cron": "@daily", "drill": { "cron": "0 5 * * 6", "enabled": true } },
                    "three": { "cron": "@daily", "timeZone": "Asia/Tokyo", "drill": { "calendar": "Sat 06:00" } },
                    "four": { "cron": "@daily", "drill": { "on": "throwaway", "assertions": ["SELECT 3 = 3"] } },
                    "five": { "cron": "@daily", "drill": { "assertions": [], "timeout": "1min" } }
                    """)
        ).jobs
        #expect(
            jobs.map(\.drill.trigger.source) == [
                "Sun 05:00 Europe/Sofia", "0 5 * * 6", "Sat 06:00", "Sun 05:00 Europe/Sofia", "Sun 05:00 Europe/Sofia",
            ])
        // A zone belongs to the expression that it was written in.
        #expect(
            jobs.map(\.drill.zone.name) == ["Europe/Sofia", "UTC", "Asia/Tokyo", "Europe/Sofia", "Europe/Sofia"])
        #expect(jobs.map(\.drill.isEnabled) == [false, true, false, false, false])
        #expect(
            jobs.map(\.drill.place) == [
                .server("main"), .server("main"), .server("main"), .throwaway, .server("main"),
            ])
        #expect(jobs.map(\.drill.assertions.count) == [2, 2, 2, 1, 0])
        #expect(jobs.map(\.drill.timeoutSeconds) == [7200, 7200, 7200, 7200, 60])
    }

    @Test func `defaults without times leave each job its own, with times give them to all`() throws {
        let databases = """
            "one": { "cron": "@daily" }, "two": { "cron": "@daily", "timeZone": "Asia/Tokyo" }
            """
        let own = try Sample.decode(Sample.file(defaults: #""drill": { "timeout": "2h" }"#, databases: databases)).jobs
        #expect(own.map(\.drill.trigger) == ["one", "two"].map { DrillRule(weeklyFor: $0, in: .utc).trigger })
        #expect(
            own.map(\.drill.timeoutSeconds) == [7200, 7200] && own.map(\.drill.zone.name) == ["UTC", "Asia/Tokyo"])
        let common = try Sample.decode(
            Sample.file(defaults: #""drill": { "calendar": "Sun 05:00" }"#, databases: databases)
        ).jobs
        #expect(common.map(\.drill.trigger.source) == ["Sun 05:00", "Sun 05:00"])
        #expect(common.map(\.drill.zone.name) == ["UTC", "Asia/Tokyo"])
    }

    @Test func `objectives of a job go before those of defaults, and rpo follows from the times where nobody said`()
        throws
    {
        let databases = """
            "one": { "cron": "@daily" }, "two": { "cron": "@hourly", "objectives": { "rpo": "2h" } },
            "three": { "cron": "@hourly", "objectives": { "rto": "5min" } }
            """
        let derived = try Sample.decode(
            Sample.file(defaults: #""objectives": { "rto": "10min" }"#, databases: databases)
        ).jobs
        #expect(derived.map(\.objectives.rtoSeconds) == [600, 600, 300])
        #expect(derived.map(\.objectives.rpoSeconds) == [95_040, 7200, 3960])
        #expect(derived.map(\.objectives.rpoIsExplicit) == [false, true, false])
        let said = try Sample.decode(Sample.file(defaults: #""objectives": { "rpo": "1d" }"#, databases: databases))
            .jobs
        #expect(said.map(\.objectives.rpoSeconds) == [86_400, 7200, 86_400])
        #expect(said.map(\.objectives.rpoIsExplicit) == [true, true, true])
        // Where clocks are set back, a day has 25 hours.
        let sofia = try Sample.decode(Sample.file(top: #""timeZone": "Europe/Sofia""#)).jobs
        #expect(sofia.map(\.objectives.rpoSeconds) == [99_000])
        let once = try Sample.decode(Sample.file(databases: #""app": { "calendar": "2027-03-01 02:00:00" }"#)).jobs
        #expect(once.map(\.objectives.rpoSeconds) == [366 * 86_400 * 11 / 10])
    }
}
