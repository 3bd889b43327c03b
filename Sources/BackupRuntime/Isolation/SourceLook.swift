import BackupCore

/// Asks the source what would stop the move at its end, when rows are copied already.
struct SourceLook: Sendable {
    /// Those that move.
    let tables: [IsolatedTable]
    let here: Session

    private var oids: String { tables.map(\.oid).joined(separator: ", ") }

    /// What this user may not do and the move needs, or the way back.
    func lacks() async throws -> [String] {
        guard !tables.isEmpty else { return [] }
        let strange = try await here.query(
            """
            SELECT format('%s of %s belongs to %s', oid::regclass, current_database(), pg_get_userbyid(relowner))
            FROM pg_class WHERE oid IN (\(oids)) AND NOT pg_has_role(relowner, 'USAGE') ORDER BY 1
            """
        ).compactMap { $0.first ?? nil }.map { "\($0), and only an owner may move it: run it as that role" }
        let closed = try await here.query(
            """
            SELECT format('GRANT CREATE ON SCHEMA %I TO %I', nspname, current_user) FROM pg_namespace
            WHERE oid IN (SELECT relnamespace FROM pg_class WHERE oid IN (\(oids)))
              AND NOT has_schema_privilege(oid, 'CREATE') ORDER BY 1
            """
        ).compactMap { $0.first ?? nil }.map { "--undo could not move the tables back to where they are: \($0)" }
        return try await Self.mayMakeSchemas(here, "the archive is one") + strange + closed
    }

    /// Empty when this user may.
    static func mayMakeSchemas(_ session: Session, _ why: String) async throws -> [String] {
        try await session.query(
            """
            SELECT format('%s may not make a schema in %s, and \(why): GRANT CREATE ON DATABASE %I TO %I', current_user,
              current_database(), current_database(), current_user)
            WHERE NOT has_database_privilege(current_database(), 'CREATE')
            """
        ).compactMap { $0.first ?? nil }
    }

    /// Tables, indexes and owned sequences of several schemas that have one name: one schema takes only one of them.
    func namesakes() async throws -> [[String]] {
        guard !tables.isEmpty else { return [] }
        let rows = try await here.query(
            """
            SELECT c.relname, format('%I.%I', n.nspname, c.relname) FROM pg_class c
            JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.oid IN (\(oids)) OR c.oid IN (SELECT indexrelid FROM pg_index WHERE indrelid IN (\(oids)))
              OR c.relkind = 'S' AND c.oid IN (
                SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass
                  AND refobjid IN (\(oids)) AND deptype IN ('a', 'i'))
            ORDER BY 2
            """)
        let pairs = rows.compactMap { row in row[0].flatMap { name in row[1].map { (name, $0) } } }
        return Dictionary(grouping: pairs, by: \.0).values.filter { $0.count > 1 }.map { $0.map(\.1) }
            .sorted { $0[0] < $1[0] }
    }
}
