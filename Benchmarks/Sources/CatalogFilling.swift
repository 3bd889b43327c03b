import BackupCore
import BackupRuntime
import Foundation
import GRDB

/// A catalog as years of work leave it, for bench.py to ask `status` of: 50 jobs `job_00` to `job_49`, 60 dumps each.
enum CatalogFilling {
    private static let jobs = (0..<50).map { String(format: "job_%02d", $0) }

    static func fill(folder: String, runs: Int) throws {
        let catalog = try Catalog.open(folder: folder)
        let now = Date()
        try catalog.see(jobs, now: now)
        let microseconds = Int64(now.timeIntervalSince1970 * 1_000_000)
        try catalog.write { database in
            try addRuns(runs, microseconds, database)
            try database.execute(
                sql: """
                    INSERT INTO dump (job, name, began, bytes, rows, proof)
                    SELECT job, dump, began, bytes, rows, 'read' FROM (
                      SELECT *, row_number() OVER (PARTITION BY job ORDER BY began DESC) AS place FROM run)
                    WHERE place <= 60
                    """)
            try database.execute(
                sql: """
                    UPDATE job SET slot = \(microseconds), attempts = 1, slotOutcome = 'succeeded',
                      slotEnded = \(microseconds), lastSuccess = \(microseconds), lastBytes = 40000000,
                      lastRows = 60000, lastSeconds = 5
                    """)
        }
    }

    /// One run an hour of each job, back from now.
    private static func addRuns(_ runs: Int, _ now: Int64, _ database: Database) throws {
        try database.execute(
            sql: """
                WITH RECURSIVE counted(number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM counted WHERE number + 1 < :runs),
                timed AS (
                  SELECT printf('job_%02d', number % :jobs) AS job, number, :now - (:runs - number) / :jobs * 3600000000 AS began
                  FROM counted)
                INSERT INTO run (job, database, server, slot, attempt, missed, coalesced, began, ended, outcome, dump, bytes, rows, pid)
                SELECT job, job, 'local', began, 1, 0, 0, began, began + 5000000, 'succeeded', 'backup_' || job || '_' || number,
                  40000000, 60000, 1 FROM timed
                """,
            arguments: ["runs": runs, "jobs": jobs.count, "now": now])
    }
}
