import BackupCore
import Foundation

/// Brings a database back. Everything happens in a database of a temporary name beside the one that is to be replaced; only
/// when it is complete and compared does one transaction put it in place. Whatever fails, and whenever the power does, the
/// database that applications use is the old one, whole, or the new one, whole.
package struct Restoration: Sendable {
    package enum Target: Sendable, Equatable {
        /// A database that does not exist yet.
        case new(String)
        /// In place of this one, which is kept under another name.
        case replacing(String)
    }

    /// What was done, for people and as JSON.
    package struct Result: Sendable, Equatable, Encodable {
        package var database: String
        package var dump: String
        package var tables: Int
        package var rows: Int
        package var seconds: Double
        /// Where the database that was replaced is now.
        package var previous: String?
        package var createdRoles: [String]
        /// The shell command that puts the old database back, and the one that drops it.
        package var undo: String?
        package var dropPrevious: String?
    }

    let server: Server
    let archive: String
    let manifest: Manifest?
    let target: Target
    let workers: Int
    let progress: @Sendable (RunProgress) -> Void

    package init(
        server: Server, archive: String, manifest: Manifest?, target: Target, workers: Int = 1,
        progress: @escaping @Sendable (RunProgress) -> Void = { _ in }
    ) {
        self.server = server
        self.archive = archive
        self.manifest = manifest
        self.target = target
        self.workers = workers
        self.progress = progress
    }

    /// Throws a `Failure`, or `CancellationError` when the task was cancelled: then nothing has changed on the server.
    package func perform(now: Date) async throws -> Result {
        let began = ContinuousClock.now
        let settings = try ConnectionSettings(server)
        let admin = try await openAdmin(settings)
        // What takes a moment first: nobody waits for the full read to hear that a name is taken.
        try await checkTarget(admin)
        try await checkExtensions(admin)
        let expected = try await checkArchive()
        let tools = try await Tools.find(serverMajor: max(admin.serverVersion / 10_000, dumpMajor(expected)))
        let temporary = RestoreNames.temporary(at: now, token: .random(in: .min ... .max))
        var created: [String] = []
        // Only what this restore has made is dropped after a fault.
        var isCreated = false
        do {
            created = try await createRoles(admin)
            try await create(temporary, admin)
            isCreated = true
            try await fill(temporary, admin, settings, tools)
            try await compare(temporary, settings, expected)
            try Task.checkCancellation()
            let previous = try await putInPlace(temporary, admin, settings, now: now)
            let elapsed = began.duration(to: .now)
            let maintenance = settings.maintenanceDatabase == name ? "template1" : settings.maintenanceDatabase
            let connection = settings.forPerson(database: maintenance)
            return Result(
                database: name, dump: manifest?.dump ?? (archive as NSString).lastPathComponent,
                tables: expected.rows.count, rows: expected.rows.values.reduce(0, +),
                seconds: Double(elapsed.components.seconds), previous: previous, createdRoles: created,
                undo: previous.map {
                    let undone = RestoreNames.undone(name, at: now)
                    return ShellCommand.undo(database: name, previous: $0, undone: undone, connection: connection)
                },
                dropPrevious: previous.map { ShellCommand.drop(database: $0, connection: connection) })
        } catch {
            try await undo(isCreated ? temporary : nil, settings, roles: created, after: error)
            throw Task.isCancelled ? CancellationError() : translated(error)
        }
    }

    /// The name under which the restored database will be found.
    package var name: String {
        switch target {
        case .new(let name), .replacing(let name): name
        }
    }

    // MARK: before anything is changed

    private func openAdmin(_ settings: ConnectionSettings) async throws -> Session {
        try await AdminSession.open(settings, avoiding: name)
    }

    /// The archive's bytes against the manifest, then its full read; a bare file has the read alone.
    private func checkArchive() async throws -> ArchiveReading {
        if let manifest {
            let digest = try await ArchiveDigest.take(archive)
            guard digest.sha256 == manifest.sha256, digest.bytes == manifest.bytes else {
                throw Failure(
                    .damaged, "\(manifest.dump) is damaged: its SHA-256 is not that of the manifest",
                    hint: "Choose an earlier one: `archon-backupd list \(manifest.job)`.")
            }
        }
        let reading = try await ArchiveReading.take(
            archive, tools: try await Tools.newest(), timeoutSeconds: 86_400, progress: progress)
        if let manifest, let difference = RowDifference.first(expected: manifest.rows, found: reading.rows) {
            throw Failure(
                .damaged, "\(manifest.dump) does not match its manifest: \(difference)",
                hint: "Choose an earlier one: `archon-backupd list \(manifest.job)`.")
        }
        return reading
    }

    private func dumpMajor(_ reading: ArchiveReading) -> Int { Int(reading.pgDumpVersion.prefix { $0.isNumber }) ?? 0 }

    private func checkTarget(_ admin: Session) async throws {
        let exists = try await exists(name, admin)
        switch target {
        case .new(let name):
            guard !exists else {
                throw Failure(
                    .failed, "the database \(name) exists already",
                    hint: "Choose another name with --into, or replace it with --replace.")
            }
        case .replacing(let name):
            guard exists else {
                throw Failure(.failed, "there is no database \(name) to replace", hint: "Leave --replace out.")
            }
            let prepared = try await admin.query("SELECT gid FROM pg_prepared_xacts WHERE database = $1", [name])
                .compactMap { $0[0] }
            guard prepared.isEmpty else {
                throw Failure(
                    .failed, "the database \(name) has prepared transactions: \(prepared.joined(separator: ", "))",
                    hint: "Commit them or roll them back first.")
            }
        }
    }

    private func exists(_ database: String, _ admin: Session) async throws -> Bool {
        try await admin.value("SELECT 1 FROM pg_database WHERE datname = $1", [database]) != nil
    }

    private func checkExtensions(_ admin: Session) async throws {
        let available = Set(try await admin.query("SELECT name FROM pg_available_extensions").compactMap { $0[0] })
        let missing = (manifest?.extensions ?? []).filter { !available.contains($0.name) }
        guard missing.isEmpty else {
            throw Failure(
                .unavailable,
                "the server lacks extensions that the dump needs: \(missing.map { "\($0.name) \($0.version)" }.joined(separator: ", "))",
                hint: "Install them on the server's host first.")
        }
    }

    // MARK: beside the old

    /// Makes the roles of the dump that are not there; those that are stay as they are. Returns the new ones.
    private func createRoles(_ admin: Session) async throws -> [String] {
        guard let globals = manifest?.globals else { return [] }
        let path = (archive as NSString).deletingLastPathComponent + "/" + globals.file
        guard let data = FileManager.default.contents(atPath: path),
            try Digest.hex(ofFile: path).sha256 == globals.sha256
        else {
            throw Failure(
                .damaged, "the roles file \(path) is missing or damaged",
                hint: "Choose another dump, or restore the archive by its path.")
        }
        let script = RoleScript(String(decoding: data, as: UTF8.self))
        let present = Set(try await admin.query("SELECT rolname FROM pg_roles").compactMap { $0[0] })
        // The script has every role of the server it came from, one perhaps that was dropped there for a reason.
        let needed = manifest?.roles.map { Set($0) }
        let missing = script.roles.filter {
            !present.contains($0) && !$0.hasPrefix("pg_") && needed?.contains($0) ?? true
        }
        guard !missing.isEmpty else { return [] }
        try await admin.transaction(script.statements(creating: Set(missing)))
        return missing
    }

    private func create(_ temporary: String, _ admin: Session) async throws {
        try await admin.query(statements.create(temporary, serverVersion: admin.serverVersion))
    }

    private var statements: DatabaseStatements {
        DatabaseStatements(manifest?.properties ?? .init(owner: "", encoding: "", collation: "", characterType: ""))
    }

    private func fill(
        _ temporary: String, _ admin: Session, _ settings: ConnectionSettings, _ tools: Tools
    ) async throws {
        let connection = settings.argument(database: temporary, applicationName: "archon-backupd/restore")
        let ending = try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await followSize(of: temporary, admin) }
            defer { group.cancelAll() }
            return try await Child.run(
                tools.restore,
                ["--exit-on-error", "--no-password", "--jobs=\(workers)", "--dbname=\(connection)", archive],
                environment: settings.environment)
        }
        switch ending.cause {
        case .exited(0): return
        case .interrupted, .timedOut: throw CancellationError()
        case .exited, .signaled: throw Failure(.failed, "pg_restore \(ending.description)", cause: ending.errors)
        }
    }

    private func followSize(of temporary: String, _ session: Session) async throws {
        while !Task.isCancelled {
            let bytes = try await session.value("SELECT pg_database_size($1)", [temporary]).flatMap(Int64.init) ?? 0
            progress(RunProgress(phase: .restoring, bytes: bytes))
            try await Task.sleep(for: .seconds(1))
        }
    }

    /// Counts every table's rows and the large objects, then gathers statistics: a database without them is slow all morning.
    private func compare(_ temporary: String, _ settings: ConnectionSettings, _ expected: ArchiveReading) async throws {
        let session = try await Session.open(settings, database: temporary, applicationName: ApplicationName.own)
        try await session.query("SET row_security = off")
        var found: [String: Int] = [:]
        for table in expected.rows.keys {
            found[table] = try await session.value("SELECT count(*) FROM ONLY \(table)").flatMap(Int.init)
        }
        if let difference = RowDifference.first(expected: expected.rows, found: found) {
            throw Failure(.damaged, "the restored database does not match the dump: \(difference)")
        }
        let objects = try await session.value("SELECT count(*) FROM pg_largeobject_metadata").flatMap(Int.init) ?? 0
        guard objects == expected.largeObjects else {
            throw Failure(
                .damaged,
                "the restored database has \(objects) large objects where the dump has \(expected.largeObjects)")
        }
        for statement in statements.finish(temporary) where manifest != nil { try await session.query(statement) }
        progress(RunProgress(phase: .comparing, bytes: 0))
        try await session.query("ANALYZE")
    }

    // MARK: the one transaction

    /// Gives the new database its name, and the old one, when there is one, a dated name. Returns that.
    private func putInPlace(_ temporary: String, _ admin: Session, _ settings: ConnectionSettings, now: Date)
        async throws -> String?
    {
        let swap = DatabaseSwap(admin: admin) { try await openAdmin(settings) }
        switch target {
        case .new(let name):
            try await swap.rename([(temporary, name)])
            return nil
        case .replacing(let name):
            var time = now
            // One restore a second has its name; a second one takes the next.
            while try await exists(RestoreNames.before(name, at: time), admin) { time += 1 }
            let previous = RestoreNames.before(name, at: time)
            try await swap.rename([(name, previous), (temporary, name)])
            return previous
        }
    }

    // MARK: after a fault

    /// Drops what was made. What cannot be dropped is named beside the first fault.
    private func undo(_ temporary: String?, _ settings: ConnectionSettings, roles: [String], after error: any Error)
        async throws
    {
        // In a task of its own: this one may be cancelled.
        let work = Task {
            let session = try await openAdmin(settings)
            if let temporary {
                try await session.query("DROP DATABASE IF EXISTS \(SQL.identifier(temporary)) WITH (FORCE)")
            }
            for role in roles.reversed() { try await session.query("DROP ROLE IF EXISTS \(SQL.identifier(role))") }
        }
        if case .failure(let second) = await work.result {
            let first = translated(error)
            throw Failure(
                first.kind, first.message,
                hint: temporary.map {
                    "While \($0) is there the old database is untouched, and \($0) can be dropped by hand."
                } ?? "The old database is untouched; look at the server's roles.",
                cause: [first.cause, "and it could not be cleaned up: \(second)"].compactMap { $0 }.joined(
                    separator: "\n"))
        }
    }

    private func translated(_ error: any Error) -> Failure {
        switch error {
        case let failure as Failure:
            Failure(
                failure.kind, failure.message, hint: failure.hint ?? "Nothing has changed on the server.",
                cause: failure.cause)
        case let fault as Session.Fault:
            Failure(
                .failed, "the server refused a step of the restore", hint: "Nothing has changed on the server.",
                cause: fault.description)
        default: Failure(.failed, "the restore was interrupted", hint: "Nothing has changed on the server.")
        }
    }
}
