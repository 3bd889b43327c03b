import BackupCore
import Foundation
import GRDB

extension Catalog {
    /// The databases that discovery has found, in the order in which they were. One whose record cannot be read is an error.
    package func found() throws -> [FoundDatabase] {
        try read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM found ORDER BY place").map { row in
                let standing: String = row["standing"]
                guard let standing = FoundDatabase.Standing(rawValue: standing) else {
                    throw CatalogUnusable(reason: "a found database stands as \"\(standing)\"")
                }
                return FoundDatabase(
                    server: row["server"], database: row["database"], job: row["job"], oid: row["oid"],
                    standing: standing, since: Date(microseconds: row["since"]))
            }
        }
    }

    /// Takes the place of all that were noted.
    package func setFound(_ found: [FoundDatabase]) throws {
        try write { database in
            try database.execute(sql: "DELETE FROM found")
            for (place, found) in found.enumerated() {
                try database.execute(
                    sql:
                        "INSERT INTO found (server, database, job, oid, standing, since, place) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    arguments: [
                        found.server, found.database, found.job, found.oid, found.standing.rawValue,
                        found.since.microseconds, place,
                    ])
            }
        }
    }
}
