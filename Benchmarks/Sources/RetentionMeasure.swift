import BackupCore
import BackupRuntime
import Foundation

/// How long retention takes to judge a dump: of the 60 that odoo_db keeps as shipped, and of 1,000.
enum RetentionMeasure {
    private static let now = Date(timeIntervalSince1970: 1_795_392_000)  // 2026-11-23

    static func run() throws {
        let zone = try ZoneFiles.zone(named: "Europe/Sofia")
        var policy = Retention()
        policy.keepLast = 14
        policy.keepDaily = 7
        policy.keepWeekly = 8
        policy.keepMonthly = 12
        for (count, rounds) in [(60, 500), (1000, 30)] {
            let dumps = dumps(count)
            try Measure(name: "retention of \(count) dumps", unit: "µs a decision", unitsPerSecond: 1e6).run {
                for _ in 0..<rounds {
                    let plan = policy.decide(dumps, zone: zone, now: now)
                    guard plan.decisions.count == count, plan.suspension == nil else {
                        throw Failure(.failed, "retention has not judged \(count) sound dumps")
                    }
                }
                return Double(count * rounds)
            }
        }
    }

    /// One every four hours, the oldest first, slowly growing.
    private static func dumps(_ count: Int) -> [RetentionDump] {
        (0..<count).map { index in
            let time = now.addingTimeInterval(Double(index - count) * 14_400)
            return RetentionDump(
                name: "\(DumpName(job: "odoo_db", time: time))", time: time, bytes: Int64(40_000_000 + index * 1000),
                rows: 60_000 + index, isProven: true)
        }
    }
}
