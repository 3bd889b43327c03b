import BackupCore
import Foundation
import GRDB

extension Catalog {
    static let drillingQuestion = "SELECT job, pid FROM drill WHERE ended IS NULL"
    static let lastDrillsQuestion =
        "SELECT drill.* FROM job JOIN drill ON drill.id = job.lastDrill OR drill.id = job.lastProven"

    /// Those that the jobs' rows name, by number.
    static func lastDrills(_ database: Database, _ filter: String, _ arguments: StatementArguments) throws
        -> [Int64: DrillRecord]
    {
        var found: [Int64: DrillRecord] = [:]
        let question = try database.cachedStatement(sql: "\(lastDrillsQuestion) \(filter)")
        let rows = try Row.fetchCursor(question, arguments: arguments)
        while let row = try rows.next() { found[row["id"]] = record(row) }
        return found
    }

    private static func record(_ row: Row) -> DrillRecord? {
        guard let verdict = (row["verdict"] as String?).flatMap(DrillVerdict.init(rawValue:)) else { return nil }
        let notes: String = row["notes"]
        let began: Int64 = row["began"]
        return DrillRecord(
            id: row["id"], job: row["job"], dump: row["dump"],
            dumpTime: (row["dumpTime"] as Int64?).map(Date.init(microseconds:)),
            slot: (row["slot"] as Int64?).map(Date.init(microseconds:)), attempt: row["attempt"],
            began: Date(microseconds: began), ended: Date(microseconds: row["ended"] ?? began), verdict: verdict,
            reason: row["reason"], restoreSeconds: row["restoreSeconds"], bytes: row["bytes"], rows: row["rows"],
            place: row["place"], serverVersion: row["serverVersion"], assertions: row["assertions"],
            notes: notes.split(separator: "\n").map(String.init))
    }

    /// Notes that a drill has begun, before it does anything: if the process dies now, the attempt has been counted.
    func beginDrill(_ request: DrillRun.Request, dump: Manifest, now: Date) throws -> Int64 {
        let place = if case .server(let name) = request.job.drill.place { name } else { "throwaway" }
        return try write { database in
            try Self.interruptLeftDrills(now, database)
            try database.execute(
                sql: """
                    INSERT INTO drill (job, dump, dumpTime, slot, attempt, began, rows, place, pid)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    request.job.name, dump.dump, dump.began.microseconds, request.slot?.microseconds, request.attempt,
                    now.microseconds, dump.totalRows, place, Int(getpid()),
                ])
            let id = database.lastInsertedRowID
            try Self.ensure(request.job.name, now, database)
            try Self.account(request, "interrupted", now, database)
            return id
        }
    }

    private static func account(_ request: DrillRun.Request, _ outcome: String, _ now: Date, _ database: Database)
        throws
    {
        guard let slot = request.slot else { return }
        try database.execute(
            sql: "UPDATE job SET drillSlot = ?, drillAttempts = ?, drillOutcome = ?, drillSlotEnded = ? WHERE name = ?",
            arguments: [slot.microseconds, request.attempt, outcome, now.microseconds, request.job.name])
    }

    /// Ends the drills that are still noted as in progress: whoever holds the drill lock knows that they are not.
    func interruptLeftDrills(now: Date) throws { try write { try Self.interruptLeftDrills(now, $0) } }

    private static func interruptLeftDrills(_ now: Date, _ database: Database) throws {
        try database.execute(
            sql: "UPDATE drill SET ended = ?, reason = 'the program ended before the drill did' WHERE ended IS NULL",
            arguments: [now.microseconds])
    }

    func interruptDrill(_ id: Int64?, _ request: DrillRun.Request, now: Date) throws {
        try write { database in
            try database.execute(
                sql: "UPDATE drill SET ended = ?, reason = 'interrupted' WHERE id = ?",
                arguments: [now.microseconds, id])
            try Self.account(request, "interrupted", now, database)
        }
    }

    /// Notes how a drill ended with the state of its job, in one transaction. After a failed one the job's last success is that
    /// of `newestGood`. Returns the drill's number.
    func endDrill(_ id: Int64?, _ request: DrillRun.Request, _ record: DrillRecord, newestGood: Manifest?) throws
        -> Int64
    {
        try write { database in
            try Self.ensure(record.job, record.began, database)
            let id = try Self.put(record, id, database)
            try Self.account(request, "succeeded", record.ended, database)
            try database.execute(sql: "UPDATE job SET lastDrill = ? WHERE name = ?", arguments: [id, record.job])
            switch record.verdict {
            case .proven:
                try database.execute(sql: "UPDATE job SET lastProven = ? WHERE name = ?", arguments: [id, record.job])
                try database.execute(
                    sql: "UPDATE dump SET proof = 'drilled' WHERE job = ? AND name = ?",
                    arguments: [record.job, record.dump])
            case .failed:
                try Self.refute(
                    record.dump, of: record.job, record.dumpTime, at: record.ended, newestGood, database)
            case .couldNotVerify, .notRun, .stale: break
            }
            return id
        }
    }

    static func put(_ record: DrillRecord, _ id: Int64?, _ database: Database) throws -> Int64 {
        try database.execute(
            sql: """
                INSERT OR REPLACE INTO drill (id, job, dump, dumpTime, slot, attempt, began, ended, verdict, reason,
                  restoreSeconds, bytes, rows, place, serverVersion, assertions, notes, pid)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                id, record.job, record.dump, record.dumpTime?.microseconds, record.slot?.microseconds, record.attempt,
                record.began.microseconds, record.ended.microseconds, record.verdict.rawValue, record.reason,
                record.restoreSeconds, record.bytes, record.rows, record.place, record.serverVersion, record.assertions,
                record.notes.joined(separator: "\n"), Int(getpid()),
            ])
        return database.lastInsertedRowID
    }

    /// A dump that does not restore is none: the job stands where the last good one left it, and is dumped again at once when
    /// it was the newest.
    private static func refute(
        _ dump: String?, of job: String, _ dumpTime: Date?, at now: Date, _ newestGood: Manifest?, _ database: Database
    ) throws {
        try database.execute(sql: "DELETE FROM dump WHERE job = ? AND name = ?", arguments: [job, dump])
        guard newestGood.map({ $0.began < dumpTime ?? .distantFuture }) ?? true else { return }
        try database.execute(
            sql: "UPDATE job SET refuted = ?, lastSuccess = ? WHERE name = ?",
            arguments: [now.microseconds, newestGood?.began.microseconds, job])
    }

    /// The same for one whose bytes are no longer what they were.
    package func noteDamaged(_ manifest: Manifest, newestGood: Manifest?, now: Date) throws {
        try write {
            try Self.refute(manifest.dump, of: manifest.job, manifest.began, at: now, newestGood, $0)
        }
    }

    /// Jobs with a drill in progress.
    package func drillingJobs() throws -> Set<String> {
        try read { database in
            let rows = try Row.fetchAll(database, sql: Self.drillingQuestion)
            return Set(rows.filter { kill($0["pid"], 0) == 0 || errno == EPERM }.map { $0["job"] })
        }
    }

    /// Those that have ended, newest first.
    package func drills(job: String?, limit: Int) throws -> [DrillRecord] {
        try read { database in
            let rows = try Row.fetchAll(
                database,
                sql:
                    "SELECT * FROM drill WHERE verdict IS NOT NULL \(job == nil ? "" : "AND job = ?") ORDER BY \(job == nil ? "" : "began DESC, ")id DESC LIMIT \(limit)",
                arguments: job.map { [$0] } ?? [])
            return rows.compactMap(Self.record)
        }
    }
}
