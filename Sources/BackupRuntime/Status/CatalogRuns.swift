import BackupCore
import Foundation
import GRDB

extension Catalog {
    /// Makes a row for each job that has none.
    package func see(_ jobs: [String], now: Date) throws {
        try write { database in
            let statement = try database.makeStatement(
                sql: "INSERT OR IGNORE INTO job (name, firstSeen) VALUES (?, ?)")
            for job in jobs { try statement.execute(arguments: [job, now.microseconds]) }
        }
    }

    package func states() throws -> [String: JobState] {
        Dictionary(try changes(since: nil).states.map { ($0.job, $0.state) }) { first, _ in first }
    }

    private static let statesQuestion = "SELECT \(columns) FROM job"
    private static let runningQuestion = "SELECT job, pid FROM run WHERE outcome = 'running'"
    private static let totalsQuestion = """
        SELECT dumpTotal.job, count, coalesce(used, bytes) FROM dumpTotal LEFT JOIN job ON name = dumpTotal.job
        """
    /// A test holds them to an index: they must stay quick after years of runs.
    static let questionsOfStatus = [
        statesQuestion, runningQuestion, totalsQuestion, drillingQuestion, lastDrillsQuestion,
    ]

    /// Notes that a run has begun, before it does anything: if the process dies now, the attempt has been counted.
    package func begin(_ request: RunRequest, now: Date) throws -> Int64 {
        try write { try Self.begin(request, now: now, $0) }
    }

    static func begin(_ request: RunRequest, now: Date, _ database: Database) throws -> Int64 {
        try database.executeKept(
            sql: """
                INSERT INTO run (job, database, server, slot, attempt, missed, coalesced, began, outcome, pid)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'running', ?)
                """,
            arguments: [
                request.job.name, request.job.database, request.server.name, request.slot?.microseconds,
                request.attempt, request.missed,
                request.coalesced, now.microseconds, Int(getpid()),
            ])
        let id = database.lastInsertedRowID
        try ensure(request.job.name, now, database)
        if let slot = request.slot {
            try database.executeKept(
                sql:
                    "UPDATE job SET slot = ?, attempts = ?, slotOutcome = 'interrupted', slotEnded = ?, missed = missed + ? WHERE name = ?",
                arguments: [slot.microseconds, request.attempt, now.microseconds, request.missed, request.job.name])
        }
        return id
    }

    static func ensure(_ job: String, _ now: Date, _ database: Database) throws {
        try database.executeKept(
            sql: "INSERT OR IGNORE INTO job (name, firstSeen) VALUES (?, ?)", arguments: [job, now.microseconds])
    }

    /// Notes how a run ended, with its dump and the state of its job, in one transaction.
    package func end(
        _ id: Int64, _ request: RunRequest, _ outcome: RunRecord.Outcome, manifest: Manifest?, error: String?, now: Date
    ) throws {
        try write { try Self.end(id, request, outcome, manifest: manifest, error: error, now: now, $0) }
    }

    static func end(
        _ id: Int64, _ request: RunRequest, _ outcome: RunRecord.Outcome, manifest: Manifest?, error: String?,
        now: Date,
        _ database: Database
    ) throws {
        try database.executeKept(
            sql: "UPDATE run SET ended = ?, outcome = ?, dump = ?, bytes = ?, rows = ?, error = ? WHERE id = ?",
            arguments: [
                now.microseconds, outcome.rawValue, manifest?.dump, manifest?.bytes, manifest?.totalRows, error, id,
            ])
        if request.slot != nil {
            try database.executeKept(
                sql: "UPDATE job SET slotOutcome = ?, slotEnded = ? WHERE name = ?",
                arguments: [outcome.rawValue, now.microseconds, request.job.name])
        }
        if let manifest {
            try Self.add(manifest, database)
            try Self.noteSuccess(manifest, database)
        } else if outcome == .failed {
            try database.executeKept(
                sql: "UPDATE job SET failures = failures + 1, lastError = ? WHERE name = ?",
                arguments: [error, request.job.name])
        }
    }

    static func add(_ manifest: Manifest, _ database: Database) throws {
        try database.executeKept(
            // A replaced row would not be seen as removed by those who count.
            sql: """
                INSERT INTO dump (job, name, began, bytes, rows, proof) VALUES (?, ?, ?, ?, ?, ?)
                ON CONFLICT (job, name) DO UPDATE SET began = excluded.began, bytes = excluded.bytes, rows = excluded.rows,
                  proof = excluded.proof
                """,
            arguments: [
                manifest.job, manifest.dump, manifest.began.microseconds, manifest.bytes, manifest.totalRows,
                manifest.proof.rawValue,
            ])
    }

    static func noteSuccess(_ manifest: Manifest, _ database: Database) throws {
        try database.executeKept(
            sql:
                "UPDATE job SET lastSuccess = ?, lastBytes = ?, lastRows = ?, lastSeconds = ?, lastError = NULL, failures = 0, refuted = NULL WHERE name = ?",
            arguments: [
                manifest.began.microseconds, manifest.bytes, manifest.totalRows,
                manifest.ended.timeIntervalSince(manifest.began), manifest.job,
            ])
    }

    /// Notes why pruning of a job waits; nil when it does not.
    package func suspend(_ job: String, _ reason: String?) throws {
        try write {
            try $0.execute(
                sql: "UPDATE job SET suspension = ? WHERE name = ? AND suspension IS NOT ?",
                arguments: [reason, job, reason])
        }
    }

    package func skip(_ skips: [Plan.Skip], now: Date) throws {
        try write { database in
            for skip in skips {
                try database.execute(
                    sql:
                        "UPDATE job SET slot = ?, attempts = 0, slotOutcome = 'skipped', slotEnded = ?, missed = missed + ? WHERE name = ?",
                    arguments: [skip.slot.microseconds, now.microseconds, skip.missed, skip.job])
            }
        }
    }

    /// The clock has come back: the jobs are counted from now.
    package func reanchor(_ jobs: [String], now: Date) throws {
        try write { database in
            for job in jobs {
                try database.execute(
                    sql: "UPDATE job SET slot = ?, attempts = 0, slotOutcome = 'skipped', slotEnded = ? WHERE name = ?",
                    arguments: [now.microseconds, now.microseconds, job])
            }
        }
    }

    /// Ends the runs of this job that are still noted as running: whoever holds the job's lock knows that they are not.
    package func interruptLeftRuns(job: String, now: Date) throws -> Int {
        guard try read({ try Self.hasLeftRuns(job, $0) }) else { return 0 }
        return try write { try Self.interruptLeftRuns(job, now: now, $0) }
    }

    private static func hasLeftRuns(_ job: String, _ database: Database) throws -> Bool {
        let question = try database.cachedStatement(
            sql: "SELECT EXISTS (SELECT 1 FROM run WHERE job = ? AND outcome = 'running')")
        return try Bool.fetchOne(question, arguments: [job]) == true
    }

    static func interruptLeftRuns(_ job: String, now: Date, _ database: Database) throws -> Int {
        guard try hasLeftRuns(job, database) else { return 0 }
        try database.execute(
            sql:
                "UPDATE run SET outcome = 'interrupted', ended = ?, error = 'the program ended before the run did' WHERE job = ? AND outcome = 'running'",
            arguments: [now.microseconds, job])
        return database.changesCount
    }

    /// Newest first.
    package func runs(job: String?, limit: Int) throws -> [RunRecord] {
        try read { database in
            let filter = job == nil ? "" : "WHERE job = ?"
            let order = job == nil ? "ORDER BY id DESC" : "ORDER BY began DESC, id DESC"
            let rows = try Row.fetchAll(
                database, sql: "SELECT * FROM run \(filter) \(order) LIMIT \(limit)", arguments: job.map { [$0] } ?? [])
            return rows.map { row in
                RunRecord(
                    id: row["id"], job: row["job"], database: row["database"],
                    slot: (row["slot"] as Int64?).map(Date.init(microseconds:)),
                    attempt: row["attempt"], missed: row["missed"], coalesced: row["coalesced"],
                    began: Date(microseconds: row["began"]),
                    ended: (row["ended"] as Int64?).map(Date.init(microseconds:)),
                    outcome: RunRecord.Outcome(rawValue: row["outcome"]) ?? .failed,
                    dump: row["dump"], bytes: row["bytes"], rows: row["rows"], error: row["error"])
            }
        }
    }

    /// Jobs with a run in progress. One whose process is gone was killed and has not been noted as interrupted yet.
    package func runningJobs() throws -> Set<String> {
        try read { database in
            let rows = try Row.fetchAll(database, sql: Self.runningQuestion)
            return Set(rows.filter { kill($0["pid"], 0) == 0 || errno == EPERM }.map { $0["job"] })
        }
    }

    /// Dumps by job, and what they take together: less than the sum of their sizes where they share room.
    package func dumpTotals() throws -> [String: (count: Int, bytes: Int64)] {
        try read { database in
            var found: [String: (count: Int, bytes: Int64)] = [:]
            let rows = try Row.fetchCursor(database, sql: Self.totalsQuestion)
            while let row = try rows.next() { found[row[0]] = (row[1], row[2]) }
            return found
        }
    }

    /// False for a catalog that was never filled.
    package func isClaimed() throws -> Bool {
        try read { try Int.fetchOne($0, sql: "SELECT 1 FROM daemon WHERE id = 1") != nil }
    }

    /// Which storage root this catalog belongs to; two schedules with different roots must not share one.
    package func claim(root: String, now: Date) throws {
        try write { database in
            if let other = try String.fetchOne(database, sql: "SELECT root FROM daemon WHERE id = 1"), other != root {
                throw Failure(
                    .configInvalid, "the catalog belongs to the storage root \(other), and this schedule has \(root)",
                    hint:
                        "Give this schedule a folder of its own with storage.state; or, if the dumps were moved, run rebuild-catalog."
                )
            }
            try database.execute(
                sql: "INSERT OR REPLACE INTO daemon (id, pid, began, root) VALUES (1, ?, ?, ?)",
                arguments: [Int(getpid()), now.microseconds, root])
        }
    }
}
