import BackupCore
import Foundation
import GRDB

/// The dumps that are noted, beside those on the disk.
extension Catalog {
    /// Makes the dumps noted of a job those of `manifests`, which take `used` bytes together.
    package func reconcile(_ job: String, _ manifests: [Manifest], used: Int64) throws {
        let noted = try notedDumps(job)
        // At the start of a service with thousands of jobs, hardly any has something to note, and each note is an fsync.
        let found = Dictionary(manifests.map { ($0.dump, NotedDump($0)) }) { first, _ in first }
        guard try noted != found || notedUse(job) != used else { return }
        try write { database in
            for name in noted.keys where found[name] == nil {
                try database.execute(sql: "DELETE FROM dump WHERE job = ? AND name = ?", arguments: [job, name])
            }
            for manifest in manifests where noted[manifest.dump] != NotedDump(manifest) {
                try Self.add(manifest, database)
            }
            try Self.note(used: used, job, database)
            // No run has told of one that was adopted, or that somebody has put back.
            if let newest = manifests.max(by: { $0.began < $1.began }) {
                try database.execute(
                    sql:
                        "UPDATE job SET lastSuccess = ?, lastBytes = ?, lastRows = ? WHERE name = ? AND coalesce(lastSuccess < ?, true)",
                    arguments: [
                        newest.began.microseconds, newest.bytes, newest.totalRows, job, newest.began.microseconds,
                    ])
            }
        }
    }

    static func note(used: Int64, _ job: String, _ database: Database) throws {
        try database.execute(sql: "UPDATE job SET used = ? WHERE name = ?", arguments: [used, job])
    }

    private func notedUse(_ job: String) throws -> Int64? {
        try read { try Int64.fetchOne($0, sql: "SELECT used FROM job WHERE name = ?", arguments: [job]) }
    }

    /// By name.
    func notedDumps(_ job: String) throws -> [String: NotedDump] {
        try read { database in
            var found: [String: NotedDump] = [:]
            let rows = try Row.fetchCursor(
                database, sql: "SELECT name, began, bytes, rows, proof FROM dump WHERE job = ?", arguments: [job])
            while let row = try rows.next() { found[row[0]] = NotedDump(row) }
            return found
        }
    }
}

/// A dump as the catalog has it.
package struct NotedDump: Sendable, Equatable {
    var began: Int64
    var bytes: Int64
    var rows: Int
    var proof: String

    init(_ manifest: Manifest) {
        began = manifest.began.microseconds
        bytes = manifest.bytes
        rows = manifest.totalRows
        proof = manifest.proof.rawValue
    }

    fileprivate init(_ row: Row) {
        began = row[1]
        bytes = row[2]
        rows = row[3]
        proof = row[4]
    }
}
