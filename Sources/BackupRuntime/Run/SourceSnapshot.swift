import BackupCore
import Foundation

/// One snapshot of the source, held open for pg_dump and for counting beside it. Every table is locked before the snapshot is
/// taken: a TRUNCATE between snapshot and dump would be seen by one and not by the other.
struct SourceSnapshot: Sendable {
    /// A table whose rows the dump is to hold.
    struct Table: Sendable, Hashable {
        /// As in an archive's COPY statement.
        var name: String
        var columns: String
        /// Of an extension's configuration table the rows that are dumped: `WHERE …`.
        var condition: String?
    }

    /// For pg_dump's `--snapshot`.
    let id: String
    private let tables: [Table]
    private let holder: Session
    private let counter: Session
    private let countsObjects: Bool
    private let hasContents: Bool

    /// Names and values as they are in the archive.
    private static let inOwnEncoding =
        "SELECT pg_catalog.set_config('client_encoding', pg_catalog.getdatabaseencoding(), false)"
    /// How often the tables may change while they are being locked.
    private static let attempts = 5

    /// Opens both sessions and takes locks and snapshot. Throws `Session.Fault` for what the server refuses: a lock that is
    /// not given in time, a table that may not be read.
    static func open(_ settings: ConnectionSettings, _ job: Job, _ limit: TimeLimit) async throws -> SourceSnapshot {
        let name = ApplicationName.of(job: job.name)
        let holder = try await Session.open(settings, database: job.database, applicationName: name)
        try await holder.query(
            """
            \(Self.inOwnEncoding);
            SET lock_timeout = \(max(1, Int(job.lockTimeoutSeconds * 1000)));
            SET statement_timeout = \(max(1, Int(try limit.remaining() * 1000)));
            SET idle_in_transaction_session_timeout = 0; SET row_security = off;
            SET quote_all_identifiers = off; \(TextSettings.endlessTransactions)
            """)
        let question = tablesQuestion(job)
        var taken: (id: String, tables: [Table])?
        for attempt in 1...attempts where taken == nil {
            taken = try await take(holder, question, isLast: attempt == attempts)
        }
        guard let taken else {
            throw Failure(
                .failed, "the tables of \(job.database) change too quickly to be held to the dump",
                hint: "Choose a quieter time, or \"proof\": \"read\".")
        }
        let counter = try await Session.open(settings, database: job.database, applicationName: name)
        try await TextSettings.apply(nil, clientEncoding: nil, counter)
        try await counter.query(
            """
            \(Self.inOwnEncoding);
            SET statement_timeout = \(max(1, Int(try limit.remaining() * 1000)))
            """)
        try await counter.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try await counter.query("SET TRANSACTION SNAPSHOT \(SQL.literal(taken.id))")
        // At once: who comes later with ALTER TABLE waits for the holder, and reading a table would wait behind him, for good.
        try await counter.query("SET LOCAL lock_timeout = \(max(1, Int(job.lockTimeoutSeconds * 1000)))")
        try await lock(taken.tables, counter)
        return SourceSnapshot(
            id: taken.id, tables: taken.tables, holder: holder, counter: counter, countsObjects: job.schemas.isEmpty,
            hasContents: job.proof == .sourceContent)
    }

    /// Nil when the tables were others than those that had been locked.
    private static func take(_ holder: Session, _ question: String, isLast: Bool) async throws -> (String, [Table])? {
        let before = try await list(holder, question)
        try await holder.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        do {
            try await lock(before, holder)
            guard let id = try await holder.value("SELECT pg_export_snapshot()") else { return nil }
            let now = try await list(holder, question)
            if now == before { return (id, now) }
            if isLast {
                try await lock(now.filter { !before.contains($0) }, holder)
                return (id, now)
            }
        } catch let fault as Session.Fault where fault.isAboutMissingRelation && !isLast {
            // Dropped meanwhile.
        }
        try await holder.query("ROLLBACK")
        return nil
    }

    private static func lock(_ tables: [Table], _ session: Session) async throws {
        guard !tables.isEmpty else { return }
        try await session.query(
            "LOCK TABLE \(tables.map { "ONLY \($0.name)" }.joined(separator: ", ")) IN ACCESS SHARE MODE")
    }

    private static func list(_ session: Session, _ question: String) async throws -> [Table] {
        try await session.query(question).map { Table(name: $0[0] ?? "", columns: $0[1] ?? "", condition: $0[2]) }
    }

    /// The tables whose data pg_dump writes with this job's options: ordinary ones outside the system's schemas that belong
    /// to no extension, and those that an extension has registered as configuration.
    private static func tablesQuestion(_ job: Job) -> String {
        func matches(_ pattern: NamePattern) -> String {
            let name = "c.relname ~ \(SQL.literal(pattern.name))"
            return pattern.schema.map { "(\(name) AND n.nspname ~ \(SQL.literal($0)))" }
                ?? "(\(name) AND pg_table_is_visible(c.oid))"
        }
        var conditions = (job.excludeTables + job.excludeTableData).map { "NOT \(matches(NamePattern($0)))" }
        if !job.schemas.isEmpty {
            let names = job.schemas.map { "n.nspname ~ \(SQL.literal(NamePattern($0).name))" }
            // Extensions are not dumped then, nor their configuration.
            conditions += ["(\(names.joined(separator: " OR ")))", "e.relation IS NULL"]
        }
        return """
            SELECT format('%I.%I', n.nspname, c.relname),
              (SELECT '(' || string_agg(quote_ident(attname), ', ' ORDER BY attnum) || ')' FROM pg_attribute a
               WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''),
              e.condition
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            LEFT JOIN (SELECT unnest(extconfig) AS relation, unnest(extcondition) AS condition FROM pg_extension) e
              ON e.relation = c.oid
            WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
              AND (e.relation IS NOT NULL OR NOT EXISTS (SELECT FROM pg_depend d
                WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'))
              \(conditions.map { "AND \($0)" }.joined(separator: "\n  "))
            ORDER BY 1
            """
    }

    // MARK: counting

    /// What the source has, in this snapshot.
    struct Counts: Sendable {
        var tables: [String: ArchiveFacts.TableData]
        var largeObjects: Int?
        var largeObjectData: Fingerprint?
    }

    /// Counts all tables; one connection, so that the server has one more reader and no more.
    func count() async throws -> Counts {
        var counts = Counts(tables: [:])
        for table in tables { counts.tables[table.name] = try await data(of: table) }
        if countsObjects {
            let count = try await counter.value("SELECT count(*) FROM pg_largeobject_metadata").flatMap(Int.init) ?? 0
            counts.largeObjects = count
            if hasContents, count > 0 { counts.largeObjectData = try await LargeObjectReading.take(counter) }
        }
        return counts
    }

    private func data(of table: Table) async throws -> ArchiveFacts.TableData? {
        if hasContents {
            return try await TableReading.take(
                table.name, columns: table.columns, where: table.condition, counter)
        }
        let rows = try await counter.value("SELECT count(*) FROM ONLY \(table.name) \(table.condition ?? "")")
        return rows.flatMap(Int.init).map { .init(rows: $0, fingerprint: Fingerprint(), columns: table.columns) }
    }

    /// Throws `.failed` that names the first table with both numbers.
    func compare(_ counts: Counts, _ facts: ArchiveFacts) async throws {
        var counts = counts
        // Whatever pg_dump takes for a table with data and we did not is counted now, in the same snapshot.
        for (name, table) in facts.tables where counts.tables[name] == nil {
            counts.tables[name] = try await data(of: Table(name: name, columns: table.columns, condition: nil))
        }
        var differences = Differences(from: "the source")
        differences.compareRows(counts.tables.mapValues(\.rows), facts.rows)
        if hasContents {
            differences.compareContents(counts.tables.mapValues(\.fingerprint), facts.fingerprints)
        }
        if let objects = counts.largeObjects {
            differences.compareLargeObjects(
                (objects, counts.largeObjectData), (facts.largeObjects, facts.largeObjectData))
        }
        if let summary = differences.summary {
            throw Failure(
                .failed, "the dump does not match its source: \(summary)",
                hint: "Look at the options of the job and at what stands between it and the server; nothing was kept.",
                cause: differences.lines.count > 1 ? differences.lines.prefix(20).joined(separator: "\n") : nil)
        }
    }
}
