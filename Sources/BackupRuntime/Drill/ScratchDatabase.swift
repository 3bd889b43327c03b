import BackupCore
import Foundation

/// The databases that drills make on a server that is used for other things too: each has a name of its own form, which says
/// whose it is, and a comment that says so to people. None of another owner is ever dropped, nor one with another comment.
struct ScratchDatabase: Sendable {
    /// Who may drop them: this host, this catalog. Whoever holds its drill lock knows that no other drill of it is running.
    private let mark: String
    /// The same in a name: whoever is killed between making a database and marking it has named it all the same.
    let owner: String

    init(stateFolder: String) throws {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        let host = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        mark = "scratch database of a drill by archon-backupd on \(host) with \(stateFolder): may be dropped"
        owner = String(try Digest.hex(of: mark).prefix(8))
    }

    /// A mark that could not be set leaves a database that nobody will drop by itself; it is dropped at once then.
    func mark(_ database: String, _ admin: Session) async throws {
        try await admin.query("COMMENT ON DATABASE \(SQL.identifier(database)) IS \(SQL.literal(mark))")
    }

    /// Drops what a crash has left. Only for who holds the drill lock. Returns the names.
    func sweep(_ admin: Session, _ settings: ConnectionSettings) async throws -> [String] {
        let left = try await admin.query(
            """
            SELECT datname FROM pg_database
            WHERE datname LIKE 'archon\\_drill\\_%' AND (shobj_description(oid, 'pg_database') = $1
              OR datname LIKE $2 AND shobj_description(oid, 'pg_database') IS NULL) ORDER BY 1
            """, [mark, "archon\\_drill\\_%\\_\(owner)\\_%"]
        ).compactMap { $0[0] }
        for database in left { try await AdminSession.drop(database, admin, settings) }
        return left
    }
}
