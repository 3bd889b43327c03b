import BackupCore
import Foundation

/// What stands on the server that a whole server is restored to, and what of it would be in the way.
struct ServerTarget: Sendable {
    /// Restores of ours that a crash has cut off have these names; they are in nobody's way.
    private(set) var leftovers: [String] = []
    private(set) var databases: Set<String> = []
    private(set) var roles: Set<String> = []
    /// Roles that every server has: the one that made it, and the one we are.
    private(set) var ownRoles: Set<String> = []
    /// Whether the database `postgres` is as every new server has it.
    private(set) var hasFreshPostgres = false

    static let postgres = "postgres"

    static func look(_ settings: ConnectionSettings) async throws -> ServerTarget {
        let admin = try await AdminSession.open(settings, avoiding: "")
        var target = ServerTarget()
        let names = try await admin.query("SELECT datname FROM pg_database ORDER BY datname").compactMap { $0[0] }
        target.databases = Set(names)
        target.leftovers = names.filter { $0.hasPrefix("archon_restore_") }
        target.roles = Set(try await admin.query("SELECT rolname FROM pg_roles").compactMap { $0[0] })
        target.ownRoles = Set(
            try await admin.query("SELECT rolname FROM pg_roles WHERE oid = 10 OR rolname = current_user").compactMap {
                $0[0]
            })
        if target.databases.contains(postgres) { target.hasFreshPostgres = try await isFresh(postgres, settings) }
        return target
    }

    /// True when nobody has made anything in a database: what initdb makes has numbers below 16384.
    static func isFresh(_ database: String, _ settings: ConnectionSettings) async throws -> Bool {
        let session = try await Session.open(settings, database: database, applicationName: ApplicationName.own)
        let tables = ["pg_class", "pg_proc", "pg_namespace", "pg_type", "pg_extension", "pg_largeobject_metadata"]
        let question = tables.map { "EXISTS (SELECT FROM \($0) WHERE oid >= 16384)" }.joined(separator: " OR ")
        return try await session.value("SELECT NOT (\(question))") == "t"
    }

    func isInTheWay(_ database: String) -> Bool {
        databases.contains(database) && !(database == Self.postgres && hasFreshPostgres)
    }

    func rolesInTheWay(_ wanted: [String]) -> [String] {
        wanted.filter { roles.contains($0) && !ownRoles.contains($0) }
    }
}
