import BackupCore
import BackupRuntime
import Foundation

/// How long one core takes for a next slot: each from the one before, as the daemon and `next` do, over thirty years. Half of
/// these lie in the table of the zone's file and half beyond it, where its rule is worked out.
enum NextSlotMeasure {
    private static let zones = ["UTC", "Europe/Sofia", "America/New_York"]
    private static let first = Date(timeIntervalSince1970: 1_767_225_600)  // 2026-01-01
    private static let end = Date(timeIntervalSince1970: 2_713_910_400)  // 2056-01-01
    private static let slotsPerRound = 60_000

    /// The shipped expressions as cron lines.
    private static let cron = [
        "postgres": "0 */6 * * *", "archon_db": "0 2 * * *", "n8n_db": "0 3 * * *", "langfuse_db": "0 4 * * 0",
        "odoo_db": "0 8,12,16,20 * * *",
    ]

    static func run(schedule path: String) throws {
        let jobs = try ScheduleFile.load(path).jobs
        let lines = try jobs.compactMap { job in try cron[job.name].map { Trigger.cron(try CronExpression($0)) } }
        for name in zones {
            let zone = try ZoneFiles.zone(named: name)
            for job in jobs {
                try measure("calendar of \(job.name) in \(name)", [job.trigger], zone)
            }
            try measure("all calendars in turn in \(name)", jobs.map(\.trigger), zone)
            try measure("all as cron lines in turn in \(name)", lines, zone)
        }
    }

    private static func measure(_ name: String, _ triggers: [Trigger], _ zone: Zone) throws {
        try Measure(name: "next slot, \(name)", unit: "µs a slot", unitsPerSecond: 1e6).run { walk(triggers, zone) }
    }

    /// Goes forward by all triggers in turn, each from its own last slot, and begins again at the end of the years.
    private static func walk(_ triggers: [Trigger], _ zone: Zone) -> Double {
        var cursors = [Date](repeating: first, count: triggers.count)
        let turns = slotsPerRound / triggers.count
        for _ in 0..<turns {
            for index in triggers.indices {
                let slot = triggers[index].next(after: cursors[index], in: zone) ?? end
                cursors[index] = slot < end ? slot : first
            }
        }
        return Double(turns * triggers.count)
    }
}
