import BackupCore

/// Sessions that ask about, make and rename databases: they must be in none of the databases that it is about.
package enum AdminSession {
    /// In the maintenance database, or in another when that is `name` itself or is gone. In template1 only when there is
    /// no other: whoever is in there keeps everybody else from creating databases.
    static func open(_ settings: ConnectionSettings, avoiding name: String) async throws -> Session {
        let maintenance = settings.maintenanceDatabase
        guard maintenance != name else { return try await inAnother(settings, avoiding: name) }
        do {
            return try await inside(maintenance, settings)
        } catch let failure as Failure {
            // Whether it is gone is not told by the server's words, which come in its own language.
            let other = try? await inAnother(settings, avoiding: name)  // the first fault is the one to tell
            let question = "SELECT 1 FROM pg_database WHERE datname = $1"
            guard let other, try await other.value(question, [maintenance]) == nil else { throw failure }
            return other
        }
    }

    private static func inAnother(_ settings: ConnectionSettings, avoiding name: String) async throws -> Session {
        let session = try await inside("template1", settings)
        let other = try await session.value(
            """
            SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate AND datname NOT IN ($1, $2)
              AND datname NOT LIKE 'archon\\_restore\\_%' AND datname NOT LIKE 'archon\\_drill\\_%' AND has_database_privilege(oid, 'CONNECT') ORDER BY oid LIMIT 1
            """, [name, settings.maintenanceDatabase])
        guard let other else { return session }
        return try await inside(other, settings)
    }

    /// A database may be set to be read only; nothing of it is written here. A role or database may have limits of time that
    /// making a database, or the wait until another one is filled, is too long for.
    private static func inside(_ database: String, _ settings: ConnectionSettings) async throws -> Session {
        let session = try await Session.open(settings, database: database, applicationName: ApplicationName.own)
        try await session.query(
            "SET default_transaction_read_only = off; SET statement_timeout = 0; SET lock_timeout = 0")
        if session.serverVersion >= 140_000 { try await session.query("SET idle_session_timeout = 0") }
        return session
    }

    /// Drops a database that a restore or a drill has made, when it is there. Its subscriptions go first, or the server would refuse;
    /// the slots that they name stay: those are the database's from which the dump came.
    static func drop(_ database: String, _ admin: Session, _ settings: ConnectionSettings) async throws {
        let subscriptions = try await admin.query(
            "SELECT subname FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = $1",
            [database]
        ).compactMap { $0[0] }.map(SQL.identifier)
        if !subscriptions.isEmpty {
            let session = try await inside(database, settings)
            for name in subscriptions {
                try await session.query("ALTER SUBSCRIPTION \(name) DISABLE")
                try await session.query("ALTER SUBSCRIPTION \(name) SET (slot_name = NONE)")
                try await session.query("DROP SUBSCRIPTION \(name)")
            }
        }
        try await admin.query("DROP DATABASE IF EXISTS \(SQL.identifier(database)) WITH (FORCE)")
    }

    package static func exists(_ database: String, on server: Server) async throws -> Bool {
        let session = try await open(try ConnectionSettings(server), avoiding: database)
        return try await session.value("SELECT 1 FROM pg_database WHERE datname = $1", [database]) != nil
    }
}
