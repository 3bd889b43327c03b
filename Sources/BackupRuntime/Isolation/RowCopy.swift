import BackupCore

/// Copies the rows of tables from the source, whose transaction holds them still, into the target, and notes there which they are:
/// all in one transaction, compared before it is committed.
struct RowCopy: Sendable {
    let isolation: Isolation
    /// In the source; its transaction has one snapshot and locks that keep writers out.
    let holder: Session
    /// In the target; its transaction has locks that keep writers out of tables that rows are copied into.
    let session: Session
    let target: IsolationSide
    /// Makes a dump of the target that has to hold the rows of these tables, or throws.
    let backUp: @Sendable ([IsolatedTable]) async throws -> Void

    private var tables: [IsolatedTable] { isolation.copied }
    private var plan: IsolationPlan { isolation.plan }

    /// The rows of each table, and commits. Throws with nothing changed in the target, or `LostCommit`.
    func perform(_ tell: @Sendable (String) -> Void) async throws -> [String: Int] {
        var copied: [String: Int] = isolation.facts.rows?.source ?? [:]
        if isolation.rowsState == .toDo {
            if isolation.facts.rows?.state != .sequencesBehind { copied = try await fill(tell) }
            try await setSequences()
        }
        var contents: [String: TargetMark.Content] = [:]
        for table in plan.copyRows ? tables : [] {
            contents[table.shown] = try await TargetLook.content(table, session)
        }
        for statement in isolation.markStatements(contents) { try await session.query(statement) }
        try await IsolationSide.commit(session)
        return copied
    }

    private func fill(_ tell: @Sendable (String) -> Void) async throws -> [String: Int] {
        guard !tables.isEmpty else { return [:] }
        // As for pg_restore: what a trigger would do has been done to these rows.
        let triggers = try await triggers()
        for trigger in triggers {
            try await session.query("ALTER TABLE ONLY \(trigger.table) DISABLE TRIGGER \(trigger.name)")
        }
        try await empty()
        // Keys in a circle may hold at the end alone.
        try await session.query("SET CONSTRAINTS ALL DEFERRED")
        var copied: [String: Int] = [:]
        for table in try await inOrder() {
            let rows = try await copy(table)
            copied[table.shown] = rows
            tell("\(table.shown): \(Plural.rows(rows)) copied, equal to the source")
        }
        // No table is altered whose keys are still to be looked at.
        try await session.query("SET CONSTRAINTS ALL IMMEDIATE")
        for trigger in triggers {
            let always = trigger.isAlways ? "ALWAYS " : ""
            try await session.query("ALTER TABLE ONLY \(trigger.table) ENABLE \(always)TRIGGER \(trigger.name)")
        }
        return copied
    }

    /// That these rows may go has been decided with the locks held. They are in a dump that is made now, while readers may in and
    /// no writer, so that nothing is truncated that it does not hold. Killed before the commit, all rows are there.
    private func empty() async throws {
        var filled: [IsolatedTable] = []
        for table in tables {
            let some = try await session.value("SELECT 1 FROM ONLY \(table.qualified) LIMIT 1")
            if some != nil { filled.append(table) }
        }
        guard !filled.isEmpty else { return }
        try await backUp(filled)
        try await target.waiting(plan.lockTimeoutSeconds) { try await session.query(isolation.truncation) }
    }

    private func copy(_ table: IsolatedTable) async throws -> Int {
        let pipe = CopyPipe()
        let fingerprint = Shared(Fingerprint())
        async let taking: Void = take(table, pipe)
        let rows: Int
        do {
            rows = try await holder.copyOut(Isolation.copyOut(table)) { line in
                let hash = RowHash.xxh3.whole(line)
                fingerprint.with { $0.add(hash) }
                pipe.put(line)
            }
            pipe.end()
        } catch {
            pipe.breakOff()
            throw error
        }
        try await taking
        let found = try await TableReading.take(table.qualified, columns: table.columnList, session)
        var differences = Differences(from: "the source")
        differences.compareRows([table.shown: rows], found.map { [table.shown: $0.rows] } ?? [:])
        differences.compareContents(
            [table.shown: fingerprint.with { $0 }], found.map { [table.shown: $0.fingerprint] } ?? [:])
        guard let summary = differences.summary else { return rows }
        throw Failure(
            .failed, "the copied rows are not those of the source: \(summary)",
            hint: "Are the columns of \(table.shown) of other types in \(target.job.database)?")
    }

    private func take(_ table: IsolatedTable, _ pipe: CopyPipe) async throws {
        // In whatever way it ends, nobody waits for it.
        defer { pipe.breakOff() }
        try await session.copyIn(Isolation.copyIn(table)) { try pipe.next() }
    }

    private struct Trigger: Sendable {
        var table: String
        var name: String
        var isAlways: Bool
    }

    /// Those that a COPY would fire.
    private func triggers() async throws -> [Trigger] {
        let names = tables.map { SQL.literal($0.qualified) }.joined(separator: ", ")
        let rows = try await session.query(
            """
            SELECT tgrelid::regclass, quote_ident(tgname), tgenabled = 'A' FROM pg_trigger
            WHERE NOT tgisinternal AND tgenabled IN ('O', 'A')
              AND tgrelid IN (SELECT name::regclass FROM unnest(ARRAY[\(names)]) AS name)
            """)
        return rows.compactMap { row in
            guard let table = row[0], let name = row[1] else { return nil }
            return Trigger(table: table, name: name, isAlways: row[2] == "t")
        }
    }

    /// Each after those that its foreign keys reference, those of partitioned tables too; the server looks after each table, but
    /// for keys that may wait until the end.
    private func inOrder() async throws -> [IsolatedTable] {
        let names = tables.map { SQL.literal($0.qualified) }.joined(separator: ", ")
        let list = "(SELECT name::regclass FROM unnest(ARRAY[\(names)]) AS name)"
        func leaves(_ key: String) -> String {
            "(SELECT \(key) AS oid UNION SELECT relid FROM pg_partition_tree(\(key)) WHERE isleaf)"
        }
        let rows = try await session.query(
            """
            SELECT DISTINCT n.nspname, c.relname, m.nspname, d.relname
            FROM pg_constraint k CROSS JOIN LATERAL \(leaves("k.conrelid")) AS one
            CROSS JOIN LATERAL \(leaves("k.confrelid")) AS other
            JOIN pg_class c ON c.oid = one.oid JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_class d ON d.oid = other.oid JOIN pg_namespace m ON m.oid = d.relnamespace
            WHERE k.contype = 'f' AND NOT k.condeferrable AND c.oid IN \(list) AND d.oid IN \(list) AND c.oid <> d.oid
            """)
        var needs: [String: Set<String>] = [:]
        for row in rows.map({ $0.compactMap(\.self) }) where row.count == 4 {
            needs[IsolatedTable.shown(row[0], row[1]), default: []].insert(IsolatedTable.shown(row[2], row[3]))
        }
        return IsolatedTable.inOrder(tables, needs: needs)
    }

    private func setSequences() async throws {
        for next in try await SequenceValues.behind(isolation.facts.tables, here: holder, there: session) {
            // Unlike setval it is undone by a rollback, and so is what nextval takes of a sequence that was altered just now.
            let isAtEnd = next.isDescending ? next.value < next.last : next.value > next.last
            try await session.query(
                "ALTER SEQUENCE \(next.sequence) RESTART WITH \(isAtEnd ? next.last : next.value)")
            if isAtEnd { try await session.query("SELECT nextval(\(SQL.literal(next.sequence)))") }
        }
    }
}
