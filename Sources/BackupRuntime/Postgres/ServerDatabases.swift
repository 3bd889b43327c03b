import BackupCore

/// The databases of a server, as discovery sees them.
package enum ServerDatabases {
    /// All but template0. Throws `.unavailable` when the server does not answer.
    package static func list(_ server: Server) async throws -> [DiscoveryLook.Listed] {
        let session = try await AdminSession.open(try ConnectionSettings(server), avoiding: "")
        // An interrupted DROP DATABASE leaves one with the limit -2, which nobody can use any more.
        let rows = try await session.query(
            "SELECT datname, oid, datallowconn AND datconnlimit <> -2 FROM pg_database WHERE datname <> 'template0' ORDER BY datname"
        )
        return rows.compactMap { row in
            guard let name = row[0], let oid = row[1].flatMap({ Int64($0) }) else { return nil }
            return DiscoveryLook.Listed(name: name, oid: oid, allowsConnections: row[2] == "t")
        }
    }
}
