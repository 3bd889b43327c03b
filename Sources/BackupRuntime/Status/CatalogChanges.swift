import BackupCore
import Foundation
import GRDB

/// What has changed since it was asked last: with thousands of jobs nobody reads all rows to find the one that another process has
/// written.
extension Catalog {
    /// Each change of a job's row has the next number, whoever makes it; and each job its number of dumps.
    static let revisionMigration = """
        ALTER TABLE job ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX jobByRevision ON job (revision);
        CREATE TRIGGER jobChanged AFTER UPDATE ON job WHEN NEW.revision IS OLD.revision BEGIN
          UPDATE job SET revision = 1 + (SELECT max(revision) FROM job) WHERE name = NEW.name;
        END;
        CREATE TABLE dumpTotal (job TEXT PRIMARY KEY, count INTEGER NOT NULL, bytes INTEGER NOT NULL) WITHOUT ROWID, STRICT;
        INSERT INTO dumpTotal (job, count, bytes) SELECT job, count(*), sum(bytes) FROM dump GROUP BY job;
        CREATE TRIGGER dumpAdded AFTER INSERT ON dump BEGIN
          INSERT INTO dumpTotal (job, count, bytes) VALUES (NEW.job, 1, NEW.bytes)
            ON CONFLICT (job) DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes;
        END;
        CREATE TRIGGER dumpChanged AFTER UPDATE OF bytes ON dump BEGIN
          UPDATE dumpTotal SET bytes = bytes + NEW.bytes - OLD.bytes WHERE job = NEW.job;
        END;
        CREATE TRIGGER dumpRemoved AFTER DELETE ON dump BEGIN
          UPDATE dumpTotal SET count = count - 1, bytes = bytes - OLD.bytes WHERE job = OLD.job;
        END;
        """

    /// The jobs whose rows have another number than `revision` or a later one, all when it is nil, and the highest number.
    package func changes(since revision: Int64?) throws -> (states: [(job: String, state: JobState)], revision: Int64) {
        try read { database in
            let filter = revision == nil ? "" : "WHERE job.revision > ?"
            let arguments: StatementArguments = revision.map { [$0] } ?? []
            let drills = try Self.lastDrills(database, filter, arguments)
            var states: [(job: String, state: JobState)] = []
            var highest = revision ?? 0
            let question = try database.cachedStatement(sql: "SELECT \(Self.columns) FROM job \(filter)")
            let rows = try Row.fetchCursor(question, arguments: arguments)
            while let row = try rows.next() {
                states.append(Self.named(row, drills))
                highest = max(highest, row[Self.revisionColumn])
            }
            return (states, highest)
        }
    }

    static let columns = """
        name, firstSeen, slot, attempts, slotOutcome, slotEnded, lastSuccess, lastBytes, lastRows, lastSeconds, lastError, failures,
        missed, suspension, refuted, drillSlot, drillAttempts, drillOutcome, drillSlotEnded, lastDrill, lastProven, revision,
        drift
        """
    private static let revisionColumn = 21

    /// By the places of `columns`: a name would be looked for in each of thousands of rows.
    static func named(_ row: Row, _ drills: [Int64: DrillRecord]) -> (job: String, state: JobState) {
        var state = JobState(firstSeen: Date(microseconds: row[1]))
        state.account = account(row, from: 2)
        state.lastSuccess = (row[6] as Int64?).map(Date.init(microseconds:))
        state.lastBytes = row[7]
        state.lastRows = row[8]
        state.lastSeconds = row[9]
        state.lastError = row[10]
        state.failures = row[11]
        state.missed = row[12]
        state.suspension = row[13]
        state.drift = (row[22] as String?).map(drift)
        state.refuted = (row[14] as Int64?).map(Date.init(microseconds:))
        state.drillAccount = account(row, from: 15)
        let lastDrill: Int64? = row[19]
        let lastProven: Int64? = row[20]
        if lastDrill != nil || lastProven != nil {
            state.note(lastDrill: lastDrill.flatMap { drills[$0] }, lastProven: lastProven.flatMap { drills[$0] })
        }
        return (row[0], state)
    }

    /// Slot, attempts, outcome, end.
    private static func account(_ row: Row, from column: Int) -> JobFacts.Account? {
        guard let slot: Int64 = row[column] else { return nil }
        let outcome: String? = row[column + 2]
        let ended: Int64? = row[column + 3]
        return JobFacts.Account(
            slot: Date(microseconds: slot), attempts: row[column + 1], outcome: outcomes[outcome ?? ""] ?? .interrupted,
            ended: Date(microseconds: ended ?? slot))
    }

    private static let outcomes: [String: JobFacts.Account.Outcome] = [
        "succeeded": .succeeded, "failed": .failed, "interrupted": .interrupted, "skipped": .skipped,
    ]
}
