import BackupCore
import Foundation
import GRDB

/// The SQLite database of runs, dumps and slots. The manifests are the truth about dumps: a lost catalog loses none, and is
/// made again from them. Instants are microseconds since 1970.
package final class Catalog: Sendable {
    private let pool: any DatabaseWriter

    private init(_ pool: any DatabaseWriter) { self.pool = pool }

    package static func path(in folder: String) -> String { folder + "/catalog.sqlite" }

    /// Opens for writing and brings an older catalog up to date. Throws `CatalogUnusable` when it must be rebuilt, and a
    /// `Failure` for a disk that is full or not writable.
    package static func open(folder: String) throws -> Catalog {
        try Disk.makeFolder(folder)
        var configuration = Configuration()
        configuration.busyMode = .timeout(10)
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA synchronous = FULL") }
        return try translating(folder) {
            let pool = try DatabasePool(path: path(in: folder), configuration: configuration)
            let migrator = migrations()
            if try pool.read(migrator.hasBeenSuperseded) {
                throw CatalogUnusable(reason: "it was written by a newer archon-backupd")
            }
            try migrator.migrate(pool)
            return Catalog(pool)
        }
    }

    /// Opens for reading while a daemon may be writing. Nil when there is no catalog yet.
    package static func read(folder: String) throws -> Catalog? {
        guard Disk.exists(path(in: folder)) else { return nil }
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(10)
        return try translating(folder) {
            let queue = try DatabaseQueue(path: path(in: folder), configuration: configuration)
            if try queue.read(migrations().hasBeenSuperseded) {
                throw CatalogUnusable(reason: "it was written by a newer archon-backupd")
            }
            if try !queue.read(migrations().hasCompletedMigrations) {
                throw CatalogUnusable(reason: "it is of another version")
            }
            return Catalog(queue)
        }
    }

    /// Moves an unusable catalog aside, under a name with the time; nothing is deleted.
    package static func setAside(folder: String, now: Date) throws {
        for suffix in ["", "-wal", "-shm"] {
            let path = path(in: folder) + suffix
            guard Disk.exists(path) else { continue }
            try Disk.rename(path, "\(folder)/catalog.sqlite.damaged-\(DumpName.stamp(now))\(suffix)")
        }
    }

    static func migrations() -> DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { database in
            try database.execute(
                sql: """
                    CREATE TABLE job (name TEXT PRIMARY KEY, firstSeen INTEGER NOT NULL, slot INTEGER, attempts INTEGER NOT NULL DEFAULT 0,
                      slotOutcome TEXT, slotEnded INTEGER, lastSuccess INTEGER, lastBytes INTEGER, lastRows INTEGER, lastSeconds REAL,
                      lastError TEXT, failures INTEGER NOT NULL DEFAULT 0, missed INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID, STRICT;
                    CREATE TABLE run (id INTEGER PRIMARY KEY, job TEXT NOT NULL, database TEXT NOT NULL, server TEXT NOT NULL, slot INTEGER,
                      attempt INTEGER NOT NULL, missed INTEGER NOT NULL, coalesced INTEGER NOT NULL, began INTEGER NOT NULL, ended INTEGER,
                      outcome TEXT NOT NULL, dump TEXT, bytes INTEGER, rows INTEGER, error TEXT, pid INTEGER NOT NULL) STRICT;
                    CREATE INDEX runByJob ON run (job, began);
                    CREATE INDEX runInProgress ON run (job) WHERE outcome = 'running';
                    CREATE TABLE dump (job TEXT NOT NULL, name TEXT NOT NULL, began INTEGER NOT NULL, bytes INTEGER NOT NULL, rows INTEGER NOT NULL,
                      proof TEXT NOT NULL, PRIMARY KEY (job, name)) WITHOUT ROWID, STRICT;
                    CREATE TABLE daemon (id INTEGER PRIMARY KEY CHECK (id = 1), pid INTEGER NOT NULL, began INTEGER NOT NULL, root TEXT NOT NULL) STRICT;
                    """)
        }
        migrator.registerMigration("2") { database in
            // Why pruning of the job waits, for `status`.
            try database.execute(sql: "ALTER TABLE job ADD COLUMN suspension TEXT")
        }
        migrator.registerMigration("3") { database in
            try database.execute(
                sql: """
                    CREATE TABLE drill (id INTEGER PRIMARY KEY, job TEXT NOT NULL, dump TEXT, dumpTime INTEGER, slot INTEGER,
                      attempt INTEGER NOT NULL, began INTEGER NOT NULL, ended INTEGER, verdict TEXT, reason TEXT, restoreSeconds REAL,
                      bytes INTEGER, rows INTEGER, place TEXT NOT NULL, serverVersion TEXT, assertions INTEGER NOT NULL DEFAULT 0,
                      notes TEXT NOT NULL DEFAULT '', pid INTEGER NOT NULL) STRICT;
                    CREATE INDEX drillByJob ON drill (job, began);
                    CREATE INDEX drillInProgress ON drill (job) WHERE ended IS NULL;
                    ALTER TABLE job ADD COLUMN drillSlot INTEGER;
                    ALTER TABLE job ADD COLUMN drillAttempts INTEGER NOT NULL DEFAULT 0;
                    ALTER TABLE job ADD COLUMN drillOutcome TEXT;
                    ALTER TABLE job ADD COLUMN drillSlotEnded INTEGER;
                    ALTER TABLE job ADD COLUMN lastDrill INTEGER;
                    ALTER TABLE job ADD COLUMN lastProven INTEGER;
                    ALTER TABLE job ADD COLUMN refuted INTEGER;
                    """)
        }
        migrator.registerMigration("found") { database in
            try database.execute(
                sql: """
                    CREATE TABLE found (server TEXT NOT NULL, database TEXT NOT NULL, job TEXT NOT NULL, oid INTEGER, standing TEXT NOT NULL,
                      since INTEGER NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (server, database)) WITHOUT ROWID, STRICT;
                    """)
        }
        migrator.registerMigration("revision") { database in try database.execute(sql: Self.revisionMigration) }
        migrator.registerMigration("used") { database in
            // What the job's dumps take together, each byte once; of an older program's dumps it is their sum.
            try database.execute(sql: "ALTER TABLE job ADD COLUMN used INTEGER")
        }
        migrator.registerMigration("drift") { database in
            // How the last dump differs from what the job expects, for `status`.
            try database.execute(sql: "ALTER TABLE job ADD COLUMN drift TEXT")
        }
        return migrator
    }

    private static func translating<Result>(_ folder: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as DatabaseError {
            throw translated(error, folder)
        }
    }

    fileprivate static func translated(_ error: DatabaseError, _ place: String) -> any Error {
        let said = error.message ?? "\(error)"
        switch error.resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: return CatalogUnusable(reason: said)
        // A table or column that is not there is a catalog of somebody else's making.
        case .SQLITE_ERROR: return CatalogUnusable(reason: said)
        case .SQLITE_FULL:
            return Failure(.cannotWrite, "the catalog in \(place) cannot be written: \(said)", hint: "Free some room.")
        case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH:
            return Failure(
                .cannotWrite, "the catalog in \(place) cannot be opened: \(said)",
                hint: "Look at owner and mode of the folder, or move it with storage.state.")
        case .SQLITE_BUSY, .SQLITE_LOCKED: return Failure(.busy, "the catalog in \(place) is locked: \(said)")
        default: return Failure(.inputOutput, "the catalog in \(place): \(said)")
        }
    }

    package func write<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try Self.translating("the state folder") { try pool.write(body) }
    }

    package func read<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try Self.translating("the state folder") { try pool.read(body) }
    }
}

/// The catalog cannot be used and is to be rebuilt from the manifests.
package struct CatalogUnusable: Error, Sendable {
    package let reason: String
}

extension Date {
    var microseconds: Int64 { Int64((timeIntervalSince1970 * 1_000_000).rounded()) }
    init(microseconds: Int64) { self.init(timeIntervalSince1970: Double(microseconds) / 1_000_000) }
}

extension Database {
    /// What each run asks is compiled once: that takes longer than the work.
    func executeKept(sql: String, arguments: StatementArguments) throws {
        try cachedStatement(sql: sql).execute(arguments: arguments)
    }
}
