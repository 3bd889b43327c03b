import BackupCore
import Foundation

/// Brings single tables of a dump back, beside whatever is there: into a new schema of the live database, or into a new
/// database. All definitions are restored into a temporary database, the chosen tables with their rows, and compared there;
/// from there they go on. Foreign keys and triggers stay behind, for what they speak of is not there.
package struct TableRestoration: Sendable {
    package enum Target: Sendable, Equatable {
        /// A schema that does not exist yet, in a database that does.
        case schema(String, in: String)
        /// A database that does not exist yet.
        case database(String)
    }

    /// What was done, for people and as JSON.
    package struct Result: Sendable, Equatable, Encodable {
        package var database: String
        /// The new schema; nil in a new database, where the tables are in their own.
        package var schema: String?
        package var dump: String
        /// By the table's name where it is now.
        package var tables: [String: Int]
        package var seconds: Double
    }

    let server: Server
    let archive: String
    let manifest: Manifest?
    let tables: [TableName]
    let target: Target
    /// Nil for as many as fit the server.
    let workers: Int?
    let progress: @Sendable (RunProgress) -> Void

    package init(
        server: Server, archive: String, manifest: Manifest?, tables: [TableName], target: Target, workers: Int? = nil,
        progress: @escaping @Sendable (RunProgress) -> Void = { _ in }
    ) {
        self.server = server
        self.archive = archive
        self.manifest = manifest
        self.tables = tables
        self.target = target
        self.workers = workers
        self.progress = progress
    }

    /// Throws a `Failure`, or `CancellationError` when the task was cancelled: then nothing has changed on the server.
    package func perform(now: Date) async throws -> Result {
        let began = ContinuousClock.now
        let settings = try ConnectionSettings(server)
        let admin = try await AdminSession.open(settings, avoiding: targetDatabase)
        try await checkTarget(admin, settings)
        try await RestoreEngine.checkExtensions(manifest, admin, without: .cron)
        let check = ArchiveCheck(archive: archive, manifest: manifest, limit: .patient, container: server.container)
        try await check.digest(progress: progress)
        let reading = try await check.read(progress: progress)
        try checkTables(reading.facts)
        let engine = RestoreEngine(
            settings: settings, admin: admin, archive: archive, manifest: manifest,
            tools: try await Tools.find(
                for: settings, serverMajor: max(admin.serverVersion / 10_000, reading.dumpMajor)),
            resources: RestoreResources(try await RestoreFacts.gather(admin, manifest), workers: workers),
            limit: .patient, progress: progress)
        let temporary = RestoreNames.temporary(at: now, token: .random(in: .min ... .max))
        var isCreated = false
        var roles: [String] = []
        do {
            // Definitions of all tables are made, with their owners and grants.
            try await engine.checkRoles(reading.facts.roles)
            roles = try await engine.createRoles()
            try await engine.create(temporary)
            isCreated = true
            _ = try await engine.lendSettings(temporary)
            let found = try await PlacedArchive.with(archive, for: engine.tools) {
                try await fill(temporary, engine, $0, reading)
            }
            try await engine.takeSettingsBack(temporary)
            try Task.checkCancellation()
            var placed: [String: Int] = [:]
            switch target {
            case .database(let name):
                try await DatabaseSwap(admin: admin) { try await AdminSession.open(settings, avoiding: name) }
                    .rename([(temporary, name)])
                for table in found { placed[table.qualified] = table.rows }
                isCreated = false
            case .schema(let schema, let database):
                let move = TableMove(
                    engine: engine, reading: reading, temporary: temporary, database: database, schema: schema,
                    tables: found)
                placed = try await move.perform()
            }
            if isCreated { try await drop(temporary, settings, roles: []) }
            return Result(
                database: targetDatabase, schema: schemaName,
                dump: manifest?.dump ?? (archive as NSString).lastPathComponent, tables: placed,
                seconds: began.duration(to: .now).inSeconds)
        } catch {
            do {
                try await drop(isCreated ? temporary : nil, settings, roles: roles)
            } catch let second {
                let first = translated(error)
                throw Failure(
                    first.kind, first.message, hint: "\(temporary) is left and can be dropped by hand.",
                    cause: [first.cause, "and it could not be cleaned up: \(second)"].compactMap(\.self).joined(
                        separator: "\n"))
            }
            if Task.isCancelled { throw CancellationError() }
            throw translated(error)
        }
    }

    private var targetDatabase: String {
        switch target {
        case .schema(_, let database), .database(let database): database
        }
    }

    private var schemaName: String? {
        if case .schema(let schema, _) = target { schema } else { nil }
    }

    private func translated(_ error: any Error) -> Failure {
        switch error {
        case let failure as Failure: failure
        case let fault as Session.Fault:
            Failure(
                .failed, "the server refused a step of the restore", hint: "Nothing has changed in \(targetDatabase).",
                cause: fault.description)
        default: Failure(.failed, "the restore was interrupted", hint: "Nothing has changed in \(targetDatabase).")
        }
    }

    // MARK: before anything is changed

    private func checkTarget(_ admin: Session, _ settings: ConnectionSettings) async throws {
        let exists = try await admin.value("SELECT 1 FROM pg_database WHERE datname = $1", [targetDatabase]) != nil
        switch target {
        case .database(let name):
            guard !exists else {
                throw Failure(
                    .failed, "the database \(name) exists already", hint: "Choose another name with --into.")
            }
        case .schema(let schema, let database):
            guard exists else {
                throw Failure(
                    .failed, "there is no database \(database) to bring tables into",
                    hint: "Name a new one with --into, or restore the whole database first.")
            }
            let session = try await Session.open(settings, database: database, applicationName: ApplicationName.own)
            guard try await session.value("SELECT 1 FROM pg_namespace WHERE nspname = $1", [schema]) == nil else {
                throw Failure(
                    .failed, "the schema \(schema) exists already in \(database)",
                    hint: "Choose another name with --schema.")
            }
        }
    }

    private func checkTables(_ facts: ArchiveFacts) throws {
        let entries = facts.contents["TABLE"] ?? []
        for table in tables where !entries.contains(where: table.matches) {
            // An extension's have rows in it at most, and come with the extension.
            let known = facts.tables.keys.sorted().filter { key in
                TableName(key).map { entries.contains(where: $0.matches) } ?? false
            }
            throw Failure(
                .usage, "the dump has no table \(table) of its own",
                hint:
                    "It has \(known.prefix(20).joined(separator: ", "))\(known.count > 20 ? " and \(known.count - 20) more" : "")."
            )
        }
    }

    // MARK: in the temporary database

    /// Restores and compares. Returns the chosen tables, the partitions of partitioned ones among them.
    private func fill(
        _ database: String, _ engine: RestoreEngine, _ placed: PlacedArchive, _ reading: ArchiveReading
    ) async throws -> [ChosenTable] {
        let list = try await ArchiveList.take(placed.path, engine.tools)
        let filling = engine.filling(database)
        let jobs = "--jobs=\(engine.resources.workers)"
        try await filling.run(["--section=pre-data"], list: list.definitions(), placed)
        let session = try await Session.open(engine.settings, database: database, applicationName: ApplicationName.own)
        var chosen: [ChosenTable] = []
        for table in tables { chosen += try await ChosenTable.find(table, session) }
        chosen = chosen.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
        try await filling.run(
            ["--section=data", jobs],
            list: list.data(of: chosen.map { TableName(schema: $0.schema, name: $0.name) }), placed)
        try await filling.run(["--section=post-data", jobs], list: list.definitions(), placed)
        progress(RunProgress(phase: .comparing, bytes: 0))
        return try await compare(chosen, database, engine, reading)
    }

    private func compare(
        _ chosen: [ChosenTable], _ database: String, _ engine: RestoreEngine, _ reading: ArchiveReading
    ) async throws -> [ChosenTable] {
        let names = Set(chosen.map(\.qualified))
        let expected = reading.facts.tables.filter { names.contains($0.key) }
        let workers = engine.resources.workers
        let found = try await RestoredTables(
            expected: expected, open: { try await engine.textSession(database, reading) }
        ).read(sessions: workers)
        var differences = Differences(from: "the dump")
        differences.compareRows(expected.mapValues(\.rows), found.mapValues(\.rows))
        differences.compareContents(expected.mapValues(\.fingerprint), found.mapValues(\.fingerprint))
        guard let summary = differences.summary else {
            try await RestoreStatistics(settings: engine.settings, database: database).gather(workers: workers)
            return chosen.map { table in
                var table = table
                table.rows = expected[table.qualified]?.rows
                return table
            }
        }
        throw Failure(.damaged, "the restored tables do not match the dump: \(summary)")
    }

    private func drop(_ database: String?, _ settings: ConnectionSettings, roles: [String]) async throws {
        // In a task of its own: this one may be cancelled.
        try await Task {
            let session = try await AdminSession.open(settings, avoiding: database ?? "")
            if let database {
                try await AdminSession.drop(database, session, settings)
            }
            for role in roles.reversed() { try await session.query("DROP ROLE IF EXISTS \(SQL.identifier(role))") }
        }.value
    }
}

/// A table to bring back, as the temporary database has it.
struct ChosenTable: Sendable, Equatable {
    var schema: String
    var name: String
    /// As in the archive's COPY statement.
    var qualified: String
    /// Nil for a partitioned one, whose rows are in its partitions.
    var rows: Int?

    /// The table and, of a partitioned one, all below it. Throws `.usage` when the name fits none or several.
    static func find(_ table: TableName, _ session: Session) async throws -> [ChosenTable] {
        let found = try await session.query(
            """
            SELECT c.oid, n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'p') AND c.relname = $1 AND ($2::text IS NULL OR n.nspname = $2)
              AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 2
            """, [table.name, table.schema])
        guard found.count == 1, let number = found[0][0] else {
            let schemas = found.compactMap { $0[1] }.joined(separator: ", ")
            throw Failure(
                .usage,
                found.isEmpty ? "the dump has no table \(table)" : "there are several tables \(table): in \(schemas)",
                hint: "Name it with its schema.")
        }
        return try await session.query(
            """
            WITH RECURSIVE below(oid) AS (
              SELECT $1::oid UNION SELECT i.inhrelid FROM pg_inherits i JOIN below ON below.oid = i.inhparent
                JOIN pg_class p ON p.oid = i.inhparent WHERE p.relkind = 'p')
            SELECT n.nspname, c.relname, format('%I.%I', n.nspname, c.relname)
            FROM below JOIN pg_class c ON c.oid = below.oid JOIN pg_namespace n ON n.oid = c.relnamespace ORDER BY c.oid
            """, [number]
        ).map { ChosenTable(schema: $0[0] ?? "", name: $0[1] ?? "", qualified: $0[2] ?? "", rows: nil) }
    }
}
