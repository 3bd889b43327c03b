import BackupCore
import Foundation

/// Asks both databases what a plan would meet there. Changes nothing.
struct IsolationSurvey: Sendable {
    let plan: IsolationPlan
    let source: IsolationSide
    let target: IsolationSide

    /// `holder` is a session in the source whose transaction holds the tables; else what it says is of the moment.
    func facts(_ holder: Session? = nil) async throws -> IsolationFacts {
        let here: Session
        if let holder { here = holder } else { here = try await source.open() }
        let there = try await target.open(try await TextSettings.gather(here))
        let all = try await Self.tables(here)
        let moving = all.filter { plan.moves(schema: $0.table.schema, table: $0.table.name) }
        let tables = moving.map(\.table).sorted()
        let archive = try await archive(here, all.map(\.table))
        let wanted = Set(tables.map(\.shown) + (archive?.mark?.tables.map { "\($0.value).\($0.key)" } ?? []))
        let counterparts = try await Self.tables(there).map(\.table).filter { wanted.contains($0.shown) }.sorted()
        var facts = IsolationFacts(
            source: try await side(source), target: try await side(target), tables: tables,
            targetTables: counterparts, archive: archive,
            ties: try await IsolationTies.find(moving.map(\.oid), here), rows: nil)
        facts.isOneDatabase = try await isOneDatabase(here, there)
        if plan.copyRows {
            facts.rows = try await RowsLook(tables: tables, here: here, there: there).rows(counterparts)
        }
        return facts
    }

    /// What the way back would do. Asks the source alone: the target may be lost.
    func undo() async throws -> IsolationUndo {
        let session = try await source.open()
        let all = try await Self.tables(session).map(\.table)
        return IsolationUndo(
            plan, source: try await side(source), targetDatabase: target.job.database,
            tables: all.filter { plan.moves(schema: $0.schema, table: $0.name) }.sorted(),
            archive: try await archive(session, all))
    }

    private func side(_ side: IsolationSide) async throws -> IsolationFacts.Side {
        IsolationFacts.Side(
            job: side.job.name, database: side.job.database, expected: side.job.expected,
            contents: try await LiveContents.read(side.job, side.server))
    }

    /// Two jobs may reach one database by different roads.
    private func isOneDatabase(_ here: Session, _ there: Session) async throws -> Bool {
        let question = """
            SELECT oid || ' ' || datname || ' ' || extract(epoch FROM pg_postmaster_start_time())
            FROM pg_database WHERE datname = current_database()
            """
        if source.job.server == target.job.server { return source.job.database == target.job.database }
        return try await here.value(question) == there.value(question)
    }

    struct Found: Sendable {
        var oid: String
        var table: IsolatedTable
    }

    /// All but the system's and those of extensions.
    static func tables(_ session: Session) async throws -> [Found] {
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
            return Found(
                oid: oid,
                table: IsolatedTable(
                    schema: schema, name: name, isPartitioned: row[3] == "t", columns: try names(row[4]),
                    generated: try names(row[5])))
        }
    }

    private func archive(_ session: Session, _ all: [IsolatedTable]) async throws -> IsolationFacts.Archive? {
        let row = try await session.query(
            "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = $1", [plan.archiveSchema]
        ).first
        guard let row else { return nil }
        return IsolationFacts.Archive(
            mark: ArchiveMark(comment: row[0]), tables: all.filter { $0.schema == plan.archiveSchema }.sorted())
    }
}

/// Compares the rows of both sides: counts first, and contents only where those are equal.
struct RowsLook: Sendable {
    /// The source's.
    let tables: [IsolatedTable]
    let here: Session
    let there: Session

    func rows(_ counterparts: [IsolatedTable]) async throws -> IsolationFacts.Rows {
        let leaves = tables.filter { !$0.isPartitioned }
        var source: [String: Int] = [:]
        for table in leaves { source[table.shown] = try await count(table, here) }
        let comparable = tables.allSatisfy { table in
            counterparts.contains { other in
                other.isNamed(like: table) && other.isPartitioned == table.isPartitioned
                    && table.columns.allSatisfy(other.columns.contains)
            }
        }
        guard comparable else { return IsolationFacts.Rows(.absent, source: source) }
        var target: [String: Int] = [:]
        for table in leaves { target[table.shown] = try await count(table, there) }
        func state() async throws -> IsolationFacts.Rows.State {
            guard source == target else { return target.values.allSatisfy { $0 == 0 } ? .empty : .different }
            for table in leaves where target[table.shown] != 0 {
                let one = try await TableReading.take(table.qualified, columns: table.columnList, here)
                let other = try await TableReading.take(table.qualified, columns: table.columnList, there)
                if one?.fingerprint != other?.fingerprint { return .different }
            }
            let behind = try await SequenceValues.behind(tables, here: here, there: there)
            return behind.isEmpty ? .equal : .sequencesBehind
        }
        return IsolationFacts.Rows(try await state(), source: source, target: target)
    }

    private func count(_ table: IsolatedTable, _ session: Session) async throws -> Int {
        try await session.value("SELECT count(*) FROM ONLY \(table.qualified)").flatMap(Int.init) ?? 0
    }
}

/// Where the sequences of columns stand.
enum SequenceValues {
    struct Next: Sendable, Equatable {
        /// For SQL.
        var sequence: String
        var value: Int64
        var isDescending: Bool

        func isBehind(_ other: Int64) -> Bool { isDescending ? value > other : value < other }
    }

    /// Those of the target that would give a value before the source's next one, with that value. Owned ones, and those that a
    /// column's default names.
    static func behind(_ tables: [IsolatedTable], here: Session, there: Session) async throws -> [Next] {
        let source = try await read(tables, here)
        let target = try await read(tables, there)
        // One sequence may serve several columns.
        var found: [String: Next] = [:]
        for (column, other) in target {
            guard let one = source[column], other.isBehind(one.value) else { continue }
            var next = found[other.sequence] ?? other
            if next.isBehind(one.value) { next.value = one.value }
            found[other.sequence] = next
        }
        return found.values.sorted { $0.sequence < $1.sequence }
    }

    /// By `schema.table.column`.
    private static func read(_ tables: [IsolatedTable], _ session: Session) async throws -> [String: Next] {
        let names = tables.map { SQL.literal($0.qualified) }.joined(separator: ", ")
        guard !names.isEmpty else { return [:] }
        let rows = try await session.query(
            """
            SELECT DISTINCT format('%s.%s.%s', n.nspname, c.relname, a.attname), format('%I.%I', sn.nspname, s.relname)
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
            LEFT JOIN pg_attrdef f ON f.adrelid = c.oid AND f.adnum = a.attnum
            JOIN pg_depend d ON (d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
                AND d.refobjid = c.oid AND d.refobjsubid = a.attnum AND d.deptype IN ('a', 'i'))
              OR (d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass)
            JOIN pg_class s ON s.relkind = 'S'
              AND s.oid = CASE WHEN d.classid = 'pg_class'::regclass THEN d.objid ELSE d.refobjid END
            JOIN pg_namespace sn ON sn.oid = s.relnamespace
            WHERE c.oid IN (SELECT name::regclass FROM unnest(ARRAY[\(names)]) AS name)
            """)
        var found: [String: Next] = [:]
        for row in rows {
            guard let column = row[0], let sequence = row[1] else { continue }
            let next = try await session.query(
                """
                SELECT CASE WHEN is_called THEN last_value + seqincrement ELSE last_value END, seqincrement < 0
                FROM \(sequence), pg_sequence WHERE seqrelid = \(SQL.literal(sequence))::regclass
                """
            ).first
            if let value = next?[0].flatMap({ Int64($0) }) {
                found[column] = Next(sequence: sequence, value: value, isDescending: next?[1] == "t")
            }
        }
        return found
    }
}
