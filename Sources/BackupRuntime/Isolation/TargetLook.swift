import BackupCore

/// Asks the target what of its rows is known, and what keeps them where they are.
struct TargetLook: Sendable {
    /// The source's.
    let tables: [IsolatedTable]
    let there: Session

    /// Whether the mark's schema is there, what it says, and whom it belongs to when this user has no part in that.
    func mark() async throws -> (isThere: Bool, mark: TargetMark?, owner: String?) {
        let comment = try await IsolationSurvey.comment(onSchema: TargetMark.schema, there)
        let owner = try await there.value(
            """
            SELECT pg_get_userbyid(nspowner) FROM pg_namespace
            WHERE nspname = $1 AND NOT pg_has_role(nspowner, 'USAGE')
            """, [TargetMark.schema])
        return (comment != nil, TargetMark(comment: comment ?? nil), owner)
    }

    /// Tables that hold what the mark says of them.
    func unchanged(_ mark: TargetMark?, _ rows: IsolationFacts.Rows, _ counterparts: [IsolatedTable]) async throws
        -> Set<
            String
        >
    {
        var found: Set<String> = []
        for table in counterparts where !table.isPartitioned {
            guard let content = mark?.tables[table.shown]?.content, content.rows == rows.target[table.shown],
                try await Self.content(table, there) == content
            else { continue }
            found.insert(table.shown)
        }
        return found
    }

    /// The session must have its `TextSettings`.
    static func content(_ table: IsolatedTable, _ session: Session) async throws -> TargetMark.Content? {
        guard let row = try await session.query(TargetMark.question(table.qualified)).first,
            let rows = row[0].flatMap(Int.init), let hash = row[1]
        else { return nil }
        return TargetMark.Content(rows: rows, hash: hash)
    }

    private var names: String { tables.map { SQL.literal($0.qualified) }.joined(separator: ", ") }
    /// Those that are there.
    private var oids: String { "(SELECT to_regclass(name) FROM unnest(ARRAY[\(names)]) AS name)" }

    /// What this user may not do there.
    func lacks(hasMark: Bool) async throws -> [String] {
        guard !hasMark, !tables.isEmpty else { return [] }
        return try await SourceLook.mayMakeSchemas(there, "which rows are copied is noted in one")
    }

    /// Those over the tables, also by way of views.
    func materializedViews() async throws -> [String] {
        guard !tables.isEmpty else { return [] }
        return try await there.query(
            """
            WITH RECURSIVE above (oid) AS (
              SELECT name::oid FROM \(oids) AS t (name) WHERE name IS NOT NULL
              UNION SELECT r.ev_class FROM above JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass
                AND d.refobjid = above.oid AND d.classid = 'pg_rewrite'::regclass JOIN pg_rewrite r ON r.oid = d.objid)
            SELECT c.oid::regclass FROM above JOIN pg_class c USING (oid) WHERE c.relkind = 'm' ORDER BY 1
            """
        ).compactMap { $0.first ?? nil }
    }

    /// Partitions with rows, below tables that move, which the source does not have.
    func extraPartitions() async throws -> [String] {
        guard tables.contains(where: \.isPartitioned) else { return [] }
        let rows = try await there.query(
            """
            SELECT DISTINCT p.relid::regclass FROM pg_class c CROSS JOIN LATERAL pg_partition_tree(c.oid) p
            WHERE c.relkind = 'p' AND c.oid IN \(oids) AND p.isleaf AND p.relid NOT IN (
              SELECT name::oid FROM \(oids) AS t (name) WHERE name IS NOT NULL) ORDER BY 1
            """)
        var found: [String] = []
        for partition in rows.compactMap(\.first).compactMap(\.self) {
            if try await there.value("SELECT 1 FROM \(partition) LIMIT 1") != nil { found.append(partition) }
        }
        return found
    }

    /// Those of tables that do not move, to tables that do: no TRUNCATE goes past them.
    func foreignKeys() async throws -> [String] {
        guard !tables.isEmpty else { return [] }
        return try await there.query(
            """
            SELECT format('%I of %s to %s', k.conname, k.conrelid::regclass, k.confrelid::regclass) FROM pg_constraint k
            WHERE k.contype = 'f' AND k.confrelid IN \(oids) AND NOT EXISTS (
              SELECT FROM \(oids) AS t (name) WHERE name = k.conrelid) ORDER BY 1
            """
        ).compactMap { $0.first ?? nil }
    }
}
