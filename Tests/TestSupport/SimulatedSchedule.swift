import BackupCore
import BackupRuntime

/// Jobs with times of every kind, in zones that change their clocks at different times and in one that does not.
package enum SimulatedSchedule {
    private static let zones = ["UTC", "Europe/Sofia", "America/New_York", "Asia/Kolkata"]
    /// Those that are shipped, others beside them, and one in the hour that a clock skips in spring and shows twice in autumn.
    private static let calendars = [
        "*-*-* 00/6:00:00", "*-*-* 02:00:00", "*-*-* 03:00:00", "Sun *-*-* 04:00:00", "*-*-* 08,12,16,20:00:00",
        "*-*-01 05:00:00",
    ]
    private static let cronLines = ["30 2 * * *", "15 */8 * * *", "0 4 * * 1-5", "45 1 * * *"]
    private static let hourly = "*-*-* *:10:00"

    /// A quarter of them make up for nothing, a third have jitter.
    package static func make(jobs: Int, servers: Int) throws -> Schedule {
        let calendars = try calendars.map { Trigger.calendar(try CalendarExpression($0)) }
        let triggers = try calendars + cronLines.map { Trigger.cron(try CronExpression($0)) }
        let hourly = Trigger.calendar(try CalendarExpression(hourly))
        let zones = try zones.map { try ZoneFiles.zone(named: $0) }
        let all = (0..<jobs).map { number in
            var job = Job(
                name: "job \(number)", server: "server \(number % servers)", database: "d",
                trigger: number % 50 == 7 ? hourly : triggers[(number / 3) % triggers.count],
                zone: zones[(number / 7) % zones.count])
            job.drill.isEnabled = false
            job.jitterSeconds = number % 3 == 0 ? 1800 : 0
            job.catchUp = number % 4 == 1 ? .never : .once
            return job
        }
        return Schedule(
            storage: .init(root: "/r", minimumFree: 0), concurrency: min(64, max(3, servers / 4)),
            servers: (0..<servers).map { Server(name: "server \($0)", connection: "", concurrency: 1 + $0 % 2) },
            jobs: all)
    }
}
