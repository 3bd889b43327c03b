import BackupCore
import Foundation

/// What the catalog says to commands that only read, with and without a daemon.
package enum CatalogReading {
    package static func status(_ schedule: Schedule, now: Date) throws -> StatusReport {
        let catalog = try open(schedule)
        return StatusReport.make(
            schedule, states: try catalog?.states() ?? [:], running: try catalog?.runningJobs() ?? [],
            drilling: try catalog?.drillingJobs() ?? [],
            totals: try catalog?.dumpTotals() ?? [:], now: now)
    }

    /// By job; empty when there is no catalog yet.
    static func states(_ schedule: Schedule) throws -> [String: JobState] { try open(schedule)?.states() ?? [:] }

    /// How many dumps each job has; empty for a catalog that is not there or cannot be used.
    static func dumpTotals(_ schedule: Schedule) -> [String: Int] {
        let totals = try? open(schedule)?.dumpTotals()  // the folders alone speak then
        return (totals ?? [:]).mapValues(\.count)
    }

    package static func runs(_ schedule: Schedule, job: String?, limit: Int) throws -> [RunRecord] {
        try open(schedule)?.runs(job: job, limit: limit) ?? []
    }

    package static func drills(_ schedule: Schedule, job: String?, limit: Int) throws -> [DrillRecord] {
        try open(schedule)?.drills(job: job, limit: limit) ?? []
    }

    /// Nil when there was none.
    package static func lastProvenDrill(_ schedule: Schedule, job: String) throws -> DrillRecord? {
        try open(schedule)?.states()[job]?.lastProven
    }

    /// The databases that discovery has found, by the catalog and by the folders of dumps; one that cannot be used is passed over.
    static func found(_ schedule: Schedule) -> [FoundDatabase] {
        let catalog = try? Catalog.read(folder: Daemon.stateFolder(of: schedule))  // see above
        let rows = (try? catalog?.found()) ?? []  // see above
        return schedule.fitting(rows) + FoundFolders.look(schedule, beyond: rows)
    }

    private static func open(_ schedule: Schedule) throws -> Catalog? {
        let folder = Daemon.stateFolder(of: schedule)
        do {
            return try Catalog.read(folder: folder)
        } catch let unusable as CatalogUnusable {
            throw Failure(
                .inputOutput, "the catalog in \(folder) cannot be used: \(unusable.reason)",
                hint: "Start the daemon, or run `archon-backupd rebuild-catalog`: no dump is lost.")
        }
    }
}
