import BackupCore

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
        var target: [String: Int] = [:]
        for table in leaves where counterparts.contains(where: { $0.isNamed(like: table) && !$0.isPartitioned }) {
            target[table.shown] = try await count(table, there)
        }
        guard comparable else { return IsolationFacts.Rows(.absent, source: source, target: target) }
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
        /// One beyond the last is nobody's.
        var value: Int128
        var isDescending: Bool
        /// The last that it can give.
        var last: Int128

        func isBehind(_ other: Int128) -> Bool { isDescending ? value > other : value < other }
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

    /// By `schema.table.column`, each as SQL has it.
    private static func read(_ tables: [IsolatedTable], _ session: Session) async throws -> [String: Next] {
        let names = tables.map { SQL.literal($0.qualified) }.joined(separator: ", ")
        guard !names.isEmpty else { return [:] }
        let rows = try await session.query(
            """
            SELECT DISTINCT format('%I.%I.%I', n.nspname, c.relname, a.attname), format('%I.%I', sn.nspname, s.relname)
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
                SELECT CASE WHEN is_called THEN last_value::numeric + seqincrement ELSE last_value END, seqincrement < 0,
                  CASE WHEN seqincrement < 0 THEN seqmin ELSE seqmax END
                FROM \(sequence), pg_sequence WHERE seqrelid = \(SQL.literal(sequence))::regclass
                """
            ).first
            guard let value = next?[0].flatMap({ Int128($0) }), let last = next?[2].flatMap({ Int128($0) }) else {
                continue
            }
            found[column] = Next(sequence: sequence, value: value, isDescending: next?[1] == "t", last: last)
        }
        return found
    }
}
