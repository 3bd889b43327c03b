import BackupCore

/// Statistics for the planner, of all tables on several sessions: a database without them is slow all morning.
struct RestoreStatistics: Sendable {
    let settings: ConnectionSettings
    let database: String

    func gather(workers: Int) async throws {
        let first = try await open()
        let steps = Self.steps(try await tables(first))
        let next = Shared(0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<max(1, min(workers, steps.count)) {
                group.addTask {
                    let session = number == 0 ? first : try await open()
                    while true {
                        let index = next.with { next in
                            next += 1
                            return next - 1
                        }
                        guard index < steps.count else { return }
                        try await Self.perform(steps[index], session)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    private func open() async throws -> Session {
        try await Session.open(settings, database: database, applicationName: ApplicationName.own)
    }

    // MARK: which tables

    private struct Table: Sendable {
        var name: String
        var bytes: Int64
        /// Its columns of arrays, quoted, for whose statistics nobody has set a target; none of a partitioned table.
        var arrays: [String]
    }

    /// A partitioned table brings those below it. The largest first, so that none is left alone at the end.
    private func tables(_ session: Session) async throws -> [Table] {
        let arrays = try await session.query(
            """
            SELECT attrelid, quote_ident(attname) FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
            WHERE t.typanalyze = 'array_typanalyze'::regproc AND attnum > 0 AND NOT attisdropped
              AND coalesce(attstattarget, -1) = -1 AND attrelid >= 16384
              AND (SELECT relkind FROM pg_class c WHERE c.oid = attrelid) IN ('r', 'm') ORDER BY attnum
            """)
        let columns = Dictionary(grouping: arrays) { $0[0] ?? "" }.mapValues { $0.compactMap { $0[1] } }
        let rows = try await session.query(
            """
            SELECT c.oid, format('%I.%I', n.nspname, c.relname), CASE c.relkind WHEN 'p' THEN coalesce(
                (SELECT sum(pg_table_size(relid)) FROM pg_partition_tree(c.oid)), 0) ELSE pg_table_size(c.oid) END AS bytes
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'm', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
              AND NOT c.relisshared AND n.nspname !~ '^pg_(toast|temp)'
            ORDER BY bytes DESC
            """)
        return rows.map { row in
            Table(
                name: row[1] ?? "", bytes: row[2].flatMap { Int64($0) } ?? 0,
                arrays: row[0].flatMap { columns[$0] } ?? [])
        }
    }

    // MARK: steps

    private enum Step: Sendable {
        case together([String])
        case arrays(Table)
    }

    /// Small tables go together in one statement, up to so many bytes or tables.
    private static let bytesTogether: Int64 = 16 << 20
    private static let tablesTogether = 100

    private static func steps(_ tables: [Table]) -> [Step] {
        var steps: [Step] = []
        var names: [String] = []
        var room = bytesTogether
        for table in tables {
            if !table.arrays.isEmpty, table.bytes > wideTableBytes {
                steps.append(.arrays(table))
                continue
            }
            if !names.isEmpty, room < table.bytes || names.count >= tablesTogether {
                steps.append(.together(names))
                names = []
                room = bytesTogether
            }
            names.append(table.name)
            room -= table.bytes
        }
        return names.isEmpty ? steps : steps + [.together(names)]
    }

    private static func perform(_ step: Step, _ session: Session) async throws {
        switch step {
        case .together(let names): try await session.query("ANALYZE \(names.joined(separator: ", "))")
        case .arrays(let table): try await analyze(table, session)
        }
    }

    // MARK: long arrays

    /// Of the elements of an array column no more are looked at than this, as for arrays of a hundred. PostgreSQL counts those
    /// of 30,000 rows: for embeddings of 1,536 numbers, no two alike, that takes longer than all the rest of a restore.
    private static let elements = 3_000_000
    /// PostgreSQL's, for each step of a statistics target.
    private static let rowsPerTarget = 300
    /// A small table has no many rows of long arrays.
    private static let wideTableBytes: Int64 = 4 << 20

    private static func analyze(_ table: Table, _ session: Session) async throws {
        var targets: [(column: String, target: Int)] = []
        let lengths = table.arrays.map { "avg(cardinality(\($0)))" }.joined(separator: ", ")
        let sample = "SELECT \(table.arrays.joined(separator: ", ")) FROM \(table.name) LIMIT 100"
        let row = try await session.query("SELECT \(lengths) FROM (\(sample)) sample").first ?? []
        for (column, length) in zip(table.arrays, row) {
            let length = length.flatMap { Double($0) } ?? 0
            let target = Int(Double(elements / rowsPerTarget) / max(1, length))
            if target < 100 { targets.append((column, max(1, target))) }
        }
        guard !targets.isEmpty else {
            try await session.query("ANALYZE \(table.name)")
            return
        }
        do {
            try await analyze(table, targets, session)
        } catch is Session.Fault {
            // Whoever may not alter it still may have it analyzed.
            try await session.query("ANALYZE \(table.name)")
        }
    }

    /// All that the table has, expressions of indexes as well, but for these columns; then each with its own target. Nothing
    /// that is set outlives its transaction.
    private static func analyze(_ table: Table, _ targets: [(column: String, target: Int)], _ session: Session)
        async throws
    {
        func setting(_ value: String) -> [String] {
            targets.map { "ALTER TABLE ONLY \(table.name) ALTER COLUMN \($0.column) SET STATISTICS \(value)" }
        }
        try await session.transaction(setting("0") + ["ANALYZE \(table.name)"] + setting("-1"))
        for (column, target) in targets {
            let name = "default_statistics_target"
            try await session.transaction([
                "SELECT set_config('\(name)', least(current_setting('\(name)')::int, \(target))::text, true)",
                "ANALYZE \(table.name) (\(column))",
            ])
        }
    }
}
