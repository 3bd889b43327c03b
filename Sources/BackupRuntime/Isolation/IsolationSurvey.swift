import BackupCore
import Foundation

/// Asks both databases what a plan would meet there. Changes nothing.
struct IsolationSurvey: Sendable {
    let plan: IsolationPlan
    let source: IsolationSide
    let target: IsolationSide
    /// SHA-256 of the plan's schema file.
    let schemaFile: String?

    /// `held` are sessions in the source and the target whose transactions hold the tables, which others would wait for; else
    /// what it says is of one moment of each database. Waits for a lock as long as the plan says.
    func facts(_ held: (here: Session, there: Session)? = nil) async throws -> IsolationFacts {
        if let held { return try await facts(held.here, held.there) }
        let (here, there) = (try await source.open(), try await target.open())
        do {
            for (side, session) in [(source, here), (target, there)] { try await still(side, session) }
            let facts = try await facts(here, there)
            for session in [here, there] { await IsolationSide.rollBack(session) }
            return facts
        } catch {
            for session in [here, there] { await IsolationSide.rollBack(session) }
            throw error
        }
    }

    /// Begins a transaction that sees one moment: rows, and what is noted of them, belong together. Locks come first.
    private func still(_ side: IsolationSide, _ session: Session) async throws {
        let tables = plan.moving(try await Self.tables(session))
        try await IsolationSide.begin(
            session, isolation: "REPEATABLE READ", lockTimeoutSeconds: plan.lockTimeoutSeconds)
        guard plan.copyRows, !tables.isEmpty else { return }
        try await side.waiting(plan.lockTimeoutSeconds) { try await session.query(Isolation.lockReading(tables)) }
    }

    private func facts(_ here: Session, _ there: Session) async throws -> IsolationFacts {
        let all = try await Self.tables(here)
        let tables = plan.moving(all)
        let archive = try await archive(here, all)
        let wanted = Set(
            tables.map(\.shown) + (archive?.mark?.tables.map { IsolatedTable.shown($0.value, $0.key) } ?? []))
        let counterparts = try await Self.tables(there).filter { wanted.contains($0.shown) }.sorted()
        var facts = IsolationFacts(
            source: try await side(source), target: try await side(target), tables: tables,
            targetTables: counterparts, archive: archive,
            ties: try await IsolationTies.find(tables.map(\.oid), here), rows: nil)
        facts.isOneDatabase = try await isOneDatabase((here, there))
        facts.schemaFile = schemaFile
        let look = TargetLook(tables: tables, there: there)
        (facts.hasMark, facts.mark, facts.markOwner) = try await look.mark()
        let rights = SourceLook(tables: tables, here: here)
        facts.lacks = try await rights.lacks() + look.lacks(hasMark: facts.hasMark)
        facts.namesakes = try await rights.namesakes()
        guard plan.copyRows else { return facts }
        let rows = try await RowsLook(tables: tables, here: here, there: there).rows(counterparts)
        facts.rows = rows
        facts.materializedViews = try await look.materializedViews()
        facts.extraPartitions = try await look.extraPartitions()
        if rows.target.values.contains(where: { $0 > 0 }) {
            facts.unchanged = try await look.unchanged(facts.mark, rows, counterparts)
            facts.targetKeys = try await look.foreignKeys()
        }
        return facts
    }

    /// Nil without such a schema; in it nil without a comment.
    static func comment(onSchema name: String, _ session: Session) async throws -> String?? {
        try await session.query(
            "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = $1", [name]
        ).first?.first
    }

    /// What the way back would do. Asks the source alone: the target may be lost.
    func undo() async throws -> IsolationUndo {
        let session = try await source.open()
        let all = try await Self.tables(session)
        return IsolationUndo(
            plan, source: try await side(source), targetDatabase: target.job.database,
            tables: plan.moving(all),
            archive: try await archive(session, all))
    }

    private func side(_ side: IsolationSide) async throws -> IsolationFacts.Side {
        IsolationFacts.Side(
            job: side.job.name, database: side.job.database, expected: side.job.expected,
            contents: try await LiveContents.read(side.job, side.server))
    }

    /// Two jobs may reach one database by different roads.
    func isOneDatabase(_ held: (here: Session, there: Session)? = nil) async throws -> Bool {
        if source.job.server == target.job.server { return source.job.database == target.job.database }
        let (here, there) = if let held { held } else { (try await source.open(), try await target.open()) }
        let question = """
            SELECT oid || ' ' || datname || ' ' || extract(epoch FROM pg_postmaster_start_time())
            FROM pg_database WHERE datname = current_database()
            """
        return try await here.value(question) == there.value(question)
    }

    /// All but the system's and those of extensions.
    static func tables(_ session: Session) async throws -> [IsolatedTable] {
        let rows = try await session.query(
            """
            SELECT c.oid, n.nspname, c.relname, c.relkind = 'p',
              (SELECT json_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
               WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''),
              (SELECT json_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
               WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> '')
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND n.nspname <> 'information_schema'
              AND n.nspname !~ '^pg_' AND NOT EXISTS (
                SELECT FROM pg_depend d
                WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
            """)
        return try rows.compactMap { row in
            guard row.count == 6, let oid = row[0], let schema = row[1], let name = row[2] else { return nil }
            func names(_ list: String?) throws -> [String] {
                try list.map { try JSONDecoder().decode([String].self, from: Data($0.utf8)) } ?? []
            }
            return IsolatedTable(
                schema: schema, name: name, oid: oid, isPartitioned: row[3] == "t", columns: try names(row[4]),
                generated: try names(row[5]))
        }
    }

    private func archive(_ session: Session, _ all: [IsolatedTable]) async throws -> IsolationFacts.Archive? {
        guard let comment = try await Self.comment(onSchema: plan.archiveSchema, session) else { return nil }
        let more = try await session.value(
            """
            SELECT 1 FROM pg_depend d LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
            WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = $1::regnamespace
              AND (c.oid IS NULL OR c.relkind NOT IN ('r', 'p') AND NOT EXISTS (
                SELECT FROM pg_depend o WHERE o.classid = 'pg_class'::regclass AND o.objid = c.oid
                  AND o.refclassid = 'pg_class'::regclass AND o.deptype IN ('a', 'i'))) LIMIT 1
            """, [SQL.identifier(plan.archiveSchema)])
        return IsolationFacts.Archive(
            mark: ArchiveMark(comment: comment), tables: all.filter { $0.schema == plan.archiveSchema }.sorted(),
            hasMore: more != nil)
    }
}
