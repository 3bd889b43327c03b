import BackupCore
import Foundation
import GRDB

/// The dumps that are noted, beside those on the disk.
extension Catalog {
    /// Makes the dumps noted of a job those of `manifests`.
    package func reconcile(_ job: String, _ manifests: [Manifest]) throws {
        // At the start of a service with thousands of jobs, hardly any has something to note, and each note is an fsync.
        guard try notedDumps(job) != Set(manifests.map(NotedDump.init)) else { return }
        try write { database in
            try database.execute(sql: "DELETE FROM dump WHERE job = ?", arguments: [job])
            for manifest in manifests { try Self.add(manifest, database) }
        }
    }

    private struct NotedDump: Hashable {
        var name: String
        var began: Int64
        var bytes: Int64
        var rows: Int
        var proof: String

        init(_ manifest: Manifest) {
            name = manifest.dump
            began = manifest.began.microseconds
            bytes = manifest.bytes
            rows = manifest.totalRows
            proof = manifest.proof.rawValue
        }

        init(_ row: Row) {
            name = row["name"]
            began = row["began"]
            bytes = row["bytes"]
            rows = row["rows"]
            proof = row["proof"]
        }
    }

    private func notedDumps(_ job: String) throws -> Set<NotedDump> {
        try read { database in
            let rows = try Row.fetchAll(database, sql: "SELECT * FROM dump WHERE job = ?", arguments: [job])
            return Set(rows.map { NotedDump($0) })
        }
    }
}
