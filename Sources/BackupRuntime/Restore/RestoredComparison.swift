import BackupCore
import Foundation

/// Holds a restored database to its dump: every table's rows and contents, sequences, large objects, entries with their
/// owners, grants, constraints, indexes, materialized views, extensions.
struct RestoredComparison: Sendable {
    let settings: ConnectionSettings
    let database: String
    let expected: ArchiveFacts
    let manifest: Manifest?
    /// For the schema's script.
    let tools: Tools
    /// Whether the dump was written by this major of pg_dump. Another one may make more entries and grants of the same.
    let isSameMajor: Bool
    let limit: TimeLimit

    /// Throws `.damaged` that names the first difference. Returns what is worth knowing and no fault.
    func perform(workers: Int) async throws -> [String] {
        async let data = RestoredTables(expected: expected.tables, open: { try await open() }).read(sessions: workers)
        async let script = schemaScript()
        var differences = Differences(from: "the dump")
        let session = try await open()
        try await compareSequences(session, &differences)
        try await compareStates(session, &differences)
        let notes = try await compareExtensions(session, &differences)
        try await compareLargeObjects(session, &differences)
        let found = try await data
        var all = Differences(from: "the dump")
        all.compareRows(expected.rows, found.mapValues(\.rows))
        all.compareContents(expected.fingerprints, found.mapValues(\.fingerprint))
        for line in differences.lines { all.note(line) }
        let facts = try await script
        all.compareEntries(
            try await withoutUsualPublic(facts.contents, session), facts.contents, ignoringMore: !isSameMajor)
        all.compareGrants(expected, facts, ignoringMore: !isSameMajor)
        all.compareInlineConstraints(
            expected.inlineConstraints, facts.inlineConstraints, ignoringMore: !isSameMajor)
        all.compareUnvalidated(expected.unvalidated, facts.unvalidated)
        guard let summary = all.summary else { return notes }
        throw Failure(
            .damaged, "the restored database does not match the dump: \(summary)",
            cause: all.lines.count > 1 ? all.lines.prefix(20).joined(separator: "\n") : nil)
    }

    private func open() async throws -> Session {
        let session = try await Session.open(settings, database: database, applicationName: ApplicationName.own)
        try await TextSettings.apply(manifest?.textSettings, clientEncoding: expected.clientEncoding, session)
        return session
    }

    // MARK: data beside that of tables

    private func compareSequences(_ session: Session, _ differences: inout Differences) async throws {
        var found: [String: Manifest.SequenceValue] = [:]
        for name in expected.sequences.keys {
            do {
                let row = try await session.query("SELECT last_value, is_called FROM \(name)").first
                guard let value = row?[0].flatMap(Int64.init) else { continue }
                found[name] = .init(lastValue: value, isCalled: row?[1] == "t")
            } catch let fault as Session.Fault where fault.isAboutMissingRelation {
                continue
            }
        }
        differences.compareSequences(expected.sequences, found)
    }

    private func compareLargeObjects(_ session: Session, _ differences: inout Differences) async throws {
        let count = try await session.value("SELECT count(*) FROM pg_largeobject_metadata").flatMap(Int.init) ?? 0
        var data: Fingerprint?
        if count == expected.largeObjects, count > 0 { data = try await LargeObjectReading.take(session) }
        differences.compareLargeObjects((expected.largeObjects, expected.largeObjectData), (count, data))
    }

    // MARK: what the server says of itself

    private func compareStates(_ session: Session, _ differences: inout Differences) async throws {
        let indexes = try await session.query(
            "SELECT i.indexrelid::regclass FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE NOT i.indisvalid AND c.relkind = 'i' ORDER BY 1"
        )
        for name in indexes.compactMap({ $0[0] }) { differences.note("the index \(name) is not valid") }
        let filled = Set(expected.contents["MATERIALIZED VIEW DATA"] ?? [])
        let views = try await session.query(
            """
            SELECT n.nspname || ' ' || c.relname || ' ' || pg_get_userbyid(c.relowner), c.relispopulated
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'm'
              AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e')
            ORDER BY 1
            """)
        for view in views {
            guard let name = view[0], (view[1] == "t") != filled.contains(name) else { continue }
            differences.note(
                "the materialized view \(name) is \(view[1] == "t" ? "populated" : "not populated") where the dump says otherwise"
            )
        }
    }

    /// The version is a note: a dump does not say which one to install.
    private func compareExtensions(_ session: Session, _ differences: inout Differences) async throws -> [String] {
        let rows = try await session.query("SELECT extname, extversion FROM pg_extension")
        let found = Dictionary(rows.map { ($0[0] ?? "", $0[1] ?? "") }) { first, _ in first }
        var notes: [String] = []
        for wanted in manifest?.extensions ?? [] where expected.contents["EXTENSION"] != nil {
            guard let version = found[wanted.name] else {
                // One that the archive does not make, such as plpgsql, is in every new database or was left out on purpose.
                if expected.makesExtension(wanted.name) {
                    differences.note("the extension \(wanted.name) is missing")
                }
                continue
            }
            if version != wanted.version {
                notes.append("the extension \(wanted.name) is \(version) here and was \(wanted.version)")
            }
        }
        return notes
    }

    /// What is expected, without the entries for the schema public that a dump of that schema alone has and a whole one has not, since
    /// every new database is like that: its usual owner and its usual comment, which are asked for here then.
    private func withoutUsualPublic(_ found: [String: [String]], _ session: Session) async throws -> [String: [String]]
    {
        var contents = expected.contents
        func entry(_ type: String, _ mark: String) -> String? {
            guard found[type]?.contains(where: { $0.hasPrefix(mark) }) != true else { return nil }
            return contents[type]?.first { $0.hasPrefix(mark) }
        }
        let question = "FROM pg_namespace WHERE nspname = 'public'"
        if let entry = entry("SCHEMA", "- public "),
            try await session.value("SELECT pg_get_userbyid(nspowner) \(question)") == String(entry.dropFirst(9))
        {
            contents["SCHEMA"]?.removeAll { $0 == entry }
        }
        if let entry = entry("COMMENT", "- SCHEMA public "),
            try await session.value("SELECT obj_description(oid, 'pg_namespace') \(question)")
                == "standard public schema"
        {
            contents["COMMENT"]?.removeAll { $0 == entry }
        }
        return contents
    }

    private func schemaScript() async throws -> ArchiveFacts {
        let scanner = Shared(ArchiveScanner(hash: .xxh3))
        let connection = settings.argument(database: database, applicationName: ApplicationName.own)
        // Names as the archive has them, whatever the encoding of this database is.
        let encoding = expected.clientEncoding.map { ["--encoding=\($0)"] } ?? []
        let ending = try await tools.run(
            .dump, ["--schema-only", "--no-password", "--dbname=\(connection)"] + encoding, settings: settings,
            timeoutSeconds: try limit.remaining()
        ) { buffer in scanner.with { $0.scan(buffer) } }
        switch ending.cause {
        case .exited(0): return scanner.with { $0.facts }
        case .interrupted: throw CancellationError()
        case .timedOut: throw limit.fault
        case .exited, .signaled:
            throw Failure(
                .unavailable, "the schema of the restored database cannot be read: pg_dump \(ending.description)",
                cause: ending.errors)
        }
    }
}

extension ArchiveFacts {
    /// Whether the archive has the entry that makes the extension.
    fileprivate func makesExtension(_ name: String) -> Bool {
        contents["EXTENSION"]?.contains { $0.hasPrefix("- \(name) ") } ?? false
    }
}
