import BackupCore
import Foundation
import GRDB

extension Catalog {
    /// Fills an empty catalog from manifests: each becomes a run that succeeded, and its drill, which may have refuted it. `used` is
    /// what the good dumps of each job take together.
    package func rebuild(from manifests: [Manifest], used: [String: Int64] = [:], now: Date) throws {
        try write { database in
            for manifest in manifests.sorted(by: { $0.began < $1.began }) {
                try Self.ensure(manifest.job, manifest.began, database)
                try database.execute(
                    sql: """
                        INSERT INTO run (job, database, server, slot, attempt, missed, coalesced, began, ended, outcome, dump, bytes, rows, pid)
                        VALUES (?, ?, ?, ?, 1, 0, 0, ?, ?, 'succeeded', ?, ?, ?, 0)
                        """,
                    arguments: [
                        manifest.job, manifest.database, manifest.server, manifest.slot?.microseconds,
                        manifest.began.microseconds,
                        manifest.ended.microseconds, manifest.dump, manifest.bytes, manifest.totalRows,
                    ])
                let refuted =
                    manifest.drill.flatMap { $0.verdict == .failed ? $0.ended : nil } ?? manifest.damage?.found
                if let refuted {
                    // Nobody counts on it; where there is a newer one, that asks for no other.
                    try database.execute(
                        sql: "UPDATE job SET refuted = ? WHERE name = ?",
                        arguments: [refuted.microseconds, manifest.job])
                } else {
                    try Self.add(manifest, database)
                    try Self.noteSuccess(manifest, database)
                }
                if let slot = manifest.slot {
                    try database.execute(
                        sql:
                            "UPDATE job SET slot = ?, attempts = 1, slotOutcome = 'succeeded', slotEnded = ? WHERE name = ?",
                        arguments: [slot.microseconds, manifest.ended.microseconds, manifest.job])
                }
            }
            for (job, bytes) in used { try Self.note(used: bytes, job, database) }
            let drilled = manifests.compactMap { manifest in manifest.drill.map { ($0, manifest) } }
            for (drill, manifest) in drilled.sorted(by: { $0.0.ended < $1.0.ended }) {
                try Self.rebuild(drill, of: manifest, database)
            }
        }
    }

    /// From the manifest of a dump, when the catalog is made anew.
    /// The last one stands for its slot too: else every job would be drilled anew.
    private static func rebuild(_ drill: Manifest.Drill, of manifest: Manifest, _ database: Database) throws {
        let record = DrillRecord(
            job: manifest.job, dump: manifest.dump, dumpTime: manifest.began, began: drill.began, ended: drill.ended,
            verdict: drill.verdict, reason: drill.reason, restoreSeconds: drill.restoreSeconds,
            bytes: drill.databaseBytes, rows: manifest.totalRows, place: drill.place, assertions: drill.assertions)
        let id = try put(record, nil, database)
        try database.execute(
            sql:
                "UPDATE job SET lastDrill = ?, drillSlot = ?, drillAttempts = 1, drillOutcome = 'succeeded', drillSlotEnded = ? WHERE name = ?",
            arguments: [id, drill.began.microseconds, drill.ended.microseconds, manifest.job])
        if drill.verdict == .proven {
            try database.execute(sql: "UPDATE job SET lastProven = ? WHERE name = ?", arguments: [id, manifest.job])
        }
    }
}
