import BackupCore
import Foundation

/// One run's work, from the free room on the disk to a dump that is listed. It throws a `Failure` for what went wrong and
/// `CancellationError` when the task was cancelled; in either case nothing of it stays on the disk or on the server.
package struct Backup: Sendable {
    private let request: RunRequest
    private let folder: JobFolder
    private let began: Date
    private let progress: @Sendable (RunProgress) -> Void
    /// Told of what is wrong but does not spoil the dump.
    private let warn: @Sendable (Failure) -> Void
    /// Instead of those that fit the server; a test gives programs that lie.
    var tools: Tools?
    private var job: Job { request.job }

    package init(
        _ request: RunRequest, folder: JobFolder, began: Date,
        progress: @escaping @Sendable (RunProgress) -> Void = { _ in },
        warn: @escaping @Sendable (Failure) -> Void = { _ in }
    ) {
        self.request = request
        self.folder = folder
        self.began = began
        self.progress = progress
        self.warn = warn
    }

    /// Only for who holds the job's lock.
    package func perform(lock: borrowing JobLock) async throws -> Manifest {
        try folder.prepare()
        let name = try folder.freeName(at: began)
        do {
            let limit = TimeLimit(job)
            try checkRoom()
            if let before = job.before {
                try await HookRun.run(before, name: "before", environment: hookEnvironment(name))
            }
            let manifest = try await dump(name, limit)
            await runAfterHook(hookEnvironment(name, outcome: "succeeded", bytes: manifest.bytes))
            return manifest
        } catch {
            // The first fault is the one to tell; what the cleaning up cannot do, the next run's sweep will.
            try? folder.discard(name)  // see above
            let fault = translated(error)
            let failure = fault as? Failure
            await runAfterHook(
                hookEnvironment(
                    name, outcome: failure == nil ? "interrupted" : "failed", error: failure?.message ?? "interrupted"))
            throw fault
        }
    }

    /// A `Failure`, or a `CancellationError` when the task was cancelled: only that is an interruption, which is tried again
    /// without end.
    private func translated(_ error: any Error) -> any Error {
        if Task.isCancelled { return CancellationError() }
        switch error {
        case let failure as Failure: return failure
        case let fault as Session.Fault:
            return Failure(
                .failed, "the server refused a question about \(job.database): \(fault.message)",
                hint: "May this user read the system catalogs? See docs/install.md.", cause: fault.description)
        default: return Failure(.failed, "the run of \(job.name) met an error that it does not know", cause: "\(error)")
        }
    }

    private func checkRoom() throws {
        let free = try Disk.freeBytes(at: folder.path)
        // A fifth more than last time: databases grow.
        let expected = Int64(Double(request.previous?.bytes ?? 0) * 1.2)
        let needed = expected + request.storage.minimumFree
        guard free >= needed else {
            throw Failure(
                .cannotWrite,
                "\(folder.path) has \(ByteSize.text(free)) free, and \(ByteSize.text(needed)) are needed (\(ByteSize.text(expected)) for the dump, \(ByteSize.text(request.storage.minimumFree)) minimumFree)",
                hint: "Free some room, lower the retention or minimumFree, or move storage.root.")
        }
    }

    // MARK: the work

    private func dump(_ name: DumpName, _ limit: TimeLimit) async throws -> Manifest {
        let settings = try ConnectionSettings(request.server)
        // A container is looked at before anything is done in it, and again before what came of it counts.
        let host = try await settings.host()
        let session = try await Session.open(settings, database: job.database, applicationName: ApplicationName.own)
        let fitting = try await Tools.find(for: settings, serverMajor: session.serverVersion / 10_000)
        let tools = self.tools ?? fitting
        // What we ask ourselves waits for nobody longer than pg_dump may, nor beyond the run's end.
        let milliseconds = (lock: Int(job.lockTimeoutSeconds * 1000), statement: Int(try limit.remaining() * 1000))
        try await session.query(
            "SET lock_timeout = \(max(1, milliseconds.lock)); SET statement_timeout = \(max(1, milliseconds.statement))"
        )
        // We hold the job's lock: a pg_dump under our name is left from a daemon that was killed.
        try await DumpPrograms.endBackends(of: job, session)
        let facts = try await DatabaseFacts.gather(session)
        try await checkPatterns(session)
        var warnings = largeObjectWarning(facts)
        let form = try await DumpForm.choose(job, request.server, tools: tools, facts, session) {
            try folder.newest()
        }
        let programs = DumpPrograms(
            job: job, settings: settings, tools: tools, form: form, limit: limit, progress: progress, warn: warn)
        let archive = folder.partialPath(name, ".dump")
        let snapshot = job.proof == .read ? nil : try await programs.openSnapshot()
        async let counting = snapshot?.count()
        let written = try await programs.dump(
            archive, encoding: facts.properties.encoding, snapshot: snapshot?.id,
            // A fifth more than last time, as on our own disk; the first dump may be as large as its database.
            expectedBytes: request.previous.map { $0.bytes / 5 * 6 } ?? facts.bytes ?? 0)
        let (digest, reading) = try await read(archive, written, tools, limit)
        try checkDatabase(reading)
        if let snapshot, let counts = try await counting { try await snapshot.compare(counts, reading.facts) }
        let globals = job.dumpsGlobals ? try await dumpGlobals(name, programs, facts) : nil
        if let globals, !globals.hasPasswords {
            warnings.append("roles were dumped without their passwords: the user may not read pg_authid")
        }
        var manifest = Manifest(
            job: job.name, server: request.server.name, database: job.database, dump: "\(name)", slot: request.slot,
            began: began,
            ended: Date(), snapshot: facts.time, format: form.format, compression: form.compression.text,
            pgDumpVersion: tools.version,
            serverVersion: session.serverVersionText, bytes: digest.bytes, sha256: digest.sha256,
            members: digest.members,
            entries: reading.entries, rows: [:], largeObjects: 0,
            databaseBytes: facts.bytes,
            extensions: facts.extensions, properties: facts.properties, globals: globals, roles: facts.roles,
            proof: snapshot == nil ? .read : .matched,
            warnings: warnings,
            tool: "archon-backupd \(Version.current)")
        manifest.take(reading.facts, hash: .xxh3)
        manifest.transfer = written.transfer
        manifest.scriptBytes = reading.scriptBytes
        manifest.textSettings = facts.textSettings
        manifest.matched = snapshot.map { _ in job.proof == .sourceContent ? .content : .rows }
        try await host?.checkUnchanged()
        try Task.checkCancellation()
        let damages = try await blocking(within: limit) { [folder, manifest] in try folder.publish(name, manifest, $0) }
        damages.forEach(warn)
        return manifest
    }

    /// The archive's bytes, and what they hold: of a file two reads side by side, of a directory one of all members at once.
    private func read(_ archive: String, _ written: DumpPrograms.Written, _ tools: Tools, _ limit: TimeLimit)
        async throws
        -> (ArchiveDigest, ArchiveReading)
    {
        let reader =
            tools.host == nil
            ? tools : try await Tools.reader(major: tools.major, container: request.server.container)
        async let digesting = ArchiveDigest.take(archive, known: written.readings, within: limit)
        let first = Disk.isFolder(archive) ? try await digesting : nil
        let reading = try await ArchiveReading.take(
            archive, tools: reader, digest: first, timeoutSeconds: try limit.remaining(), progress: progress)
        return (try await digesting, reading)
    }

    private func checkPatterns(_ session: Session) async throws {
        for (key, patterns, isSchema) in [
            ("excludeTables", job.excludeTables, false), ("excludeTableData", job.excludeTableData, false),
            ("schemas", job.schemas, true),
        ] {
            let unmatched = try await DatabaseFacts.unmatched(patterns, isSchema: isSchema, session)
            guard let first = unmatched.first else { continue }
            throw Failure(
                .failed,
                "\(key) of \(job.name) has \(unmatched.map { "\"\($0)\"" }.joined(separator: ", ")), which matches nothing in \(job.database)",
                hint: "Correct \"\(first)\" or take it out: pg_dump would pass over it without a word.")
        }
    }

    /// A session that something in between led to another database is no backup of this one.
    private func checkDatabase(_ reading: ArchiveReading) throws {
        guard reading.database == job.database else {
            throw Failure(
                .failed, "pg_dump has dumped the database \(reading.database), not \(job.database)",
                hint: "Look at what stands between this host and the server.")
        }
    }

    private func largeObjectWarning(_ facts: DatabaseFacts) -> [String] {
        guard !job.schemas.isEmpty, facts.largeObjects > 0 else { return [] }
        let text = "\"schemas\" leaves out the \(facts.largeObjects) large objects of \(job.database)"
        warn(Failure(.failed, text, hint: "Dump the whole database, or a second job without \"schemas\"."))
        return [text]
    }

    private func dumpGlobals(_ name: DumpName, _ programs: DumpPrograms, _ facts: DatabaseFacts) async throws
        -> Manifest.Globals
    {
        let path = folder.partialPath(name, ".globals.sql")
        try await programs.dumpGlobals(path, hasPasswords: facts.canReadPasswords)
        let (sha256, bytes) = try Digest.hex(ofFile: path)
        return Manifest.Globals(
            file: "\(name).globals.sql", bytes: bytes, sha256: sha256, hasPasswords: facts.canReadPasswords)
    }

    // MARK: hooks

    private func hookEnvironment(_ name: DumpName, outcome: String? = nil, bytes: Int64? = nil, error: String? = nil)
        -> [String: String]
    {
        var environment = [
            "ARCHON_JOB": job.name, "ARCHON_DATABASE": job.database, "ARCHON_DUMP": folder.archivePath(name),
        ]
        environment["ARCHON_OUTCOME"] = outcome
        environment["ARCHON_BYTES"] = bytes.map { "\($0)" }
        environment["ARCHON_ERROR"] = error
        return environment
    }

    /// Always runs, whatever came before; its own failure is told and changes nothing.
    private func runAfterHook(_ environment: [String: String]) async {
        guard let after = job.after else { return }
        // In a task of its own: this one may be cancelled.
        let work = Task { try await HookRun.run(after, name: "after", environment: environment) }
        if case .failure(let error) = await work.result {
            warn(error as? Failure ?? Failure(.failed, "the after hook of \(job.name) was interrupted"))
        }
    }
}
