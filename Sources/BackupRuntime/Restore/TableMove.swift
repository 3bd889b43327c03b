import BackupCore
import Foundation

/// Takes tables of a temporary database over into a new schema of another one: moved into a schema of that name, dumped, and
/// restored in a single transaction by PostgreSQL's own programs, then compared where they are.
struct TableMove: Sendable {
    let engine: RestoreEngine
    /// What the archive was found to hold.
    let reading: ArchiveReading
    let temporary: String
    let database: String
    let schema: String
    let tables: [ChosenTable]

    /// Rows by the tables' new names. Throws before anything in the target has changed, or after the schema was dropped again.
    func perform() async throws -> [String: Int] {
        try checkNames()
        let session = try await Session.open(engine.settings, database: temporary, applicationName: ApplicationName.own)
        let name = SQL.identifier(schema)
        try await session.transaction(
            ["CREATE SCHEMA \(name)"] + tables.map { "ALTER TABLE \($0.qualified) SET SCHEMA \(name)" })
        try await carryOver()
        do {
            return try await compare()
        } catch {
            // In a task of its own: this one may be cancelled.
            try await Task {
                let session = try await Session.open(
                    engine.settings, database: database, applicationName: ApplicationName.own)
                try await session.query("DROP SCHEMA IF EXISTS \(name) CASCADE")
            }.value
            throw error
        }
    }

    private func checkNames() throws {
        let names = Dictionary(grouping: tables, by: \.name)
        guard let twice = names.values.first(where: { $0.count > 1 }) else { return }
        throw Failure(
            .usage, "\(twice.map(\.qualified).joined(separator: " and ")) would have one name in \(schema)",
            hint: "Restore them one after the other, each into its own --schema, or use --into.")
    }

    /// By a file beside the archive, where there is room for dumps: under a name that the next sweep removes if a crash leaves
    /// it. For tools in a container it is in there.
    private func carryOver() async throws {
        guard let host = engine.tools.host else {
            let folder = (engine.archive as NSString).deletingLastPathComponent
            let file = "\(folder)/.partial-tables-\(getpid())-\(UInt32.random(in: .min ... .max)).dump"
            defer { try? Disk.remove(file) }  // a sweep removes it then
            return try await carryOver(by: file)
        }
        let bytes = Disk.bytes(of: engine.archive) ?? 0
        guard let folder = try await ContainerFolder.make(host, bytes: bytes * 2) else {
            throw Failure(
                .cannotWrite,
                "the container \(host.container.name) has no room for the tables in /tmp or /var/tmp",
                hint: "Free some room where the engine keeps its containers.")
        }
        do {
            try await carryOver(by: "\(folder.path)/tables")
        } catch {
            await folder.remove()
            throw error
        }
        await folder.remove()
    }

    private func carryOver(by file: String) async throws {
        let source = engine.settings.argument(database: temporary, applicationName: "archon-backupd/restore")
        let dumping = try await engine.tools.run(
            .dump,
            [
                "--format=custom", "--compress=1", "--no-sync", "--no-password", "--file=\(file)",
                "--schema=\(SQL.identifier(schema))", "--dbname=\(source)",
            ], settings: engine.settings)
        try judge(dumping, "pg_dump")
        let target = engine.settings.argument(database: database, applicationName: "archon-backupd/restore")
        let restoring = try await engine.tools.run(
            .restore, ["--exit-on-error", "--single-transaction", "--no-password", "--dbname=\(target)", file],
            settings: engine.settings)
        try judge(restoring, "pg_restore")
    }

    private func judge(_ ending: Child.Ending, _ program: String) throws {
        switch ending.cause {
        case .exited(0): return
        case .interrupted, .timedOut: throw CancellationError()
        case .exited, .signaled:
            throw Failure(
                .failed, "\(program) \(ending.description) on the way into \(database)",
                hint:
                    "Nothing has changed in \(database). A type or function that the tables need may be missing there: use --into.",
                cause: ending.errors)
        }
    }

    private func compare() async throws -> [String: Int] {
        let session = try await engine.textSession(database, reading)
        var differences = Differences(from: "the dump")
        var placed: [String: Int] = [:]
        for table in tables {
            guard let expected = reading.facts.tables[table.qualified] else { continue }
            let name =
                try await session.value("SELECT format('%I.%I', $1::text, $2::text)", [schema, table.name]) ?? ""
            let found = try await TableReading.take(name, columns: expected.columns, session)
            differences.compareRows([name: expected.rows], found.map { [name: $0.rows] } ?? [:])
            differences.compareContents([name: expected.fingerprint], found.map { [name: $0.fingerprint] } ?? [:])
            placed[name] = expected.rows
            try await session.query("ANALYZE \(name)")
        }
        guard let summary = differences.summary else { return placed }
        throw Failure(.damaged, "the restored tables do not match the dump: \(summary)")
    }
}
