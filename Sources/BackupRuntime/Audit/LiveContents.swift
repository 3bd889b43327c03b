import BackupCore

/// What a database on a server holds now, as an audit looks at it.
package enum LiveContents {
    /// Reads the system catalogs alone, whose locks few things take, and waits for no answer longer than a minute. Throws
    /// `.unavailable` for a server or a database that does not answer.
    package static func read(_ job: Job, _ server: Server) async throws -> DatabaseContents {
        let session = try await Session.open(
            try ConnectionSettings(server), database: job.database, applicationName: ApplicationName.own)
        do {
            return try await read(session)
        } catch let fault as Session.Fault {
            throw Failure(
                .failed, "the server refused a question about \(job.database): \(fault.message)",
                hint: "May this user read the system catalogs? See docs/install.md.", cause: fault.description)
        }
    }

    private static func read(_ session: Session) async throws -> DatabaseContents {
        try await session.query("SET statement_timeout = '1min'; SET lock_timeout = '1min'")
        let tables = try await session.query(
            """
            SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND n.nspname <> 'information_schema'
              AND n.nspname !~ '^pg_' AND NOT EXISTS (
                SELECT FROM pg_depend d
                WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
            """)
        let extensions = try await session.query("SELECT extname FROM pg_extension")
        let schemas = try await session.query("SELECT nspname FROM pg_namespace")
        let owner = try await session.value(
            "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()")
        return DatabaseContents(
            tables: tables.map { .init(schema: $0[0] ?? "", name: $0[1] ?? "") },
            extensions: Set(extensions.compactMap { $0[0] }), schemas: Set(schemas.compactMap { $0[0] }),
            owner: owner)
    }
}
