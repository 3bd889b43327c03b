import ArgumentParser
import BackupCore
import BackupRuntime
import Foundation

struct Restore: Verb {
    static let configuration = CommandConfiguration(
        abstract: "Bring a database back.",
        discussion: """
            Without --into and --replace: when the job's database does not exist, it comes back under its own name; when it
            does, the dump goes into a new database beside it. Everything is restored and compared under a temporary name
            first; --replace then swaps the two in one transaction and keeps the old one under a dated name.

            EXAMPLES
              archon-backupd restore archon_db                           the newest dump
              archon-backupd restore archon_db --at 2026-11-23T02:00:00Z
              archon-backupd restore archon_db --replace --yes
              archon-backupd restore archon_db --into archon_copy --jobs 4
              archon-backupd restore archon_db --table archon_settings   into a schema beside what is there
              archon-backupd restore /mnt/backup_archon_db_20261123T020000Z.dump --into archon_db
            """)

    @OptionGroup var config: ConfigOption
    @Argument(help: "A job, or the path of an archive (with a / in it).") var source: String
    @Option(help: "The dump; default the newest good one.") var dump: String?
    @Option(help: "The newest dump whose data are from before this instant (ISO 8601).") var at: String?
    @Option(help: "Restore into a new database of this name.") var into: String?
    @Flag(help: "Put it in place of the job's database; the old one is kept under a dated name.") var replace = false
    @Option(help: "Only this table, beside what is there; may be given several times.") var table: [String] = []
    @Option(help: "The new schema for --table; default restored_ and the time.") var schema: String?
    @Option(help: "Parallel workers; default one for each core of the server.") var jobs: Int?
    @Option(help: "The server of the schedule, for the path of an archive.") var server: String?
    @Option(help: "A libpq connection string in place of the schedule, for the path of an archive.") var connection:
        String?
    @Flag(help: "Say what would be done and do nothing.") var dryRun = false
    @Flag(help: "Do not ask.") var yes = false
    @Flag(help: "Wait for a job that another process works on.") var wait = false
    @Flag(help: "Print the result as JSON.") var json = false

    func validate() throws {
        if dump != nil && at != nil { throw ValidationError("--dump and --at exclude each other.") }
        if into != nil && replace { throw ValidationError("--into and --replace exclude each other.") }
        if !table.isEmpty && replace { throw ValidationError("--table never replaces anything: leave --replace out.") }
        if let bad = table.first(where: { TableName($0) == nil }) {
            throw ValidationError(
                "--table \"\(bad)\" is no name of a table: write it like my_table or my_schema.my_table.")
        }
        if schema != nil && (table.isEmpty || into != nil) {
            throw ValidationError("--schema goes with --table, and not with --into.")
        }
        if schema?.isEmpty == true || (schema?.utf8.count ?? 0) > 63 {
            throw ValidationError("--schema must have 1 to 63 bytes.")
        }
        if let jobs, !(1...64).contains(jobs) { throw ValidationError("--jobs must be between 1 and 64.") }
        if into?.isEmpty == true || (into?.utf8.count ?? 0) > 63 {
            throw ValidationError("--into must have 1 to 63 bytes.")
        }
        if isPath, dump != nil || at != nil { throw ValidationError("--dump and --at go with a job, not with a path.") }
        if isPath, into == nil { throw ValidationError("Name the new database with --into.") }
        if !isPath, server != nil || connection != nil {
            throw ValidationError("--server and --connection go with the path of an archive.")
        }
    }

    private var isPath: Bool { source.contains("/") }
    /// An archive that is named by its path is the caller's.
    var actsAsOwner: Bool { !isPath }

    func run() async throws {
        if isPath { return try await performFile() }
        let schedule = try config.load()
        let job = try schedule.jobs(named: [source])[0]
        guard let server = schedule.server(of: job) else { throw Failure(.configInvalid, "\(job.name) has no server") }
        let folder = JobFolder(job: job, root: schedule.storage.root)
        let lock =
            wait
            ? try await JobLock.wait(job.name, root: schedule.storage.root)
            : try JobLock.take(job.name, root: schedule.storage.root)
        let (stored, passedOver) = try DumpChoice(name: dump, at: try instant()).chooseAndTell(folder)
        try checkState(stored, job)
        if let passedOver {
            tell("warning: \(passedOver.name) is newer, is not good and is passed over: \(passedOver.fault)")
        }
        let manifest = stored.anyManifest
        let progress = Progress(stored.name, expected: manifest.map { ExpectedSize($0) } ?? ExpectedSize())
        if table.isEmpty {
            let target = try await target(job, server)
            var restoration = Restoration(
                server: server, archive: stored.path, manifest: manifest, target: target, workers: jobs
            ) { progress.show($0) }
            restoration.omissions = job.omissions
            tellExpectedTime(manifest, job, schedule)
            try await perform(restoration, progress)
        } else {
            let target: TableRestoration.Target =
                into.map { .database($0) }
                ?? .schema(schema ?? RestoreNames.schema(at: Date()), in: job.database)
            let restoration = TableRestoration(
                server: server, archive: stored.path, manifest: manifest, tables: table.compactMap { TableName($0) },
                target: target, workers: jobs
            ) { progress.show($0) }
            try await perform(restoration, progress)
        }
        withExtendedLifetime(lock) {}
    }

    private func checkState(_ stored: StoredDump, _ job: Job) throws {
        switch stored.state {
        case .whole, .legacy: break
        // Its bytes are as they were written, and a person has named it: better than nothing, on some nights.
        case .refuted(_, let fault): tell("warning: \(stored.name) is restored because you named it, although \(fault)")
        case .damaged(let fault):
            throw Failure(
                .damaged, "\(stored.name) is damaged: \(fault)",
                hint: "`archon-backupd list \(ShellCommand.word(job.name))` shows the others.")
        }
    }

    /// What the same work took in the last drill, of this dump or of another one of the job.
    private func tellExpectedTime(_ manifest: Manifest?, _ job: Job, _ schedule: Schedule) {
        // A catalog that cannot be read is no reason not to restore.
        let last = try? CatalogReading.lastProvenDrill(schedule, job: job.name)  // see above
        let measured = manifest?.drill?.verdict == .proven ? manifest?.drill?.restoreSeconds : nil
        guard let seconds = measured ?? last?.restoreSeconds else {
            return tell("expected time: unknown, no drill of \(job.name) has measured it yet")
        }
        tell("expected time: \(TimeSpan.text(max(1, seconds.rounded(.up)))), as the last drill took")
    }

    private func instant() throws -> Date? {
        guard let at else { return nil }
        guard let date = Instant.parse(at) else {
            throw Failure(.usage, "--at \"\(at)\" is no instant", hint: "Write it like 2026-11-23T02:00:00Z.")
        }
        return date
    }

    private func target(_ job: Job, _ server: Server) async throws -> Restoration.Target {
        if let into { return .new(into) }
        let exists = try await AdminSession.exists(job.database, on: server)
        if replace { return exists ? .replacing(job.database) : .new(job.database) }
        return .new(exists ? RestoreNames.restored(job.database, at: Date()) : job.database)
    }

    private func performFile() async throws {
        let found: Server
        if let connection {
            found = Server(name: "command line", connection: connection)
        } else {
            let servers = try config.load().servers.filter { server == nil || $0.name == server }
            guard let only = servers.first, servers.count == 1 else {
                throw Failure(
                    .usage,
                    server == nil ? "the schedule has several servers" : "there is no server \"\(server ?? "")\"",
                    hint: "Name one with --server, or give --connection.")
            }
            found = only
        }
        guard FileManager.default.fileExists(atPath: source) else { throw Failure(.usage, "there is no \(source)") }
        let manifestPath = (source.hasSuffix(".dump") ? String(source.dropLast(5)) : source) + ".json"
        let manifest = try FileManager.default.contents(atPath: manifestPath).map {
            try ManifestCodec.decode($0, file: manifestPath)
        }
        if let drill = manifest?.drill, drill.verdict == .failed {
            tell("warning: a drill of this archive failed: \(drill.reason?.prefix { $0 != "\n" } ?? "")")
        }
        let progress = Progress(
            (source as NSString).lastPathComponent, expected: manifest.map { ExpectedSize($0) } ?? ExpectedSize())
        guard table.isEmpty else {
            let restoration = TableRestoration(
                server: found, archive: source, manifest: manifest, tables: table.compactMap { TableName($0) },
                target: .database(into ?? ""), workers: jobs
            ) { progress.show($0) }
            return try await perform(restoration, progress)
        }
        let restoration = Restoration(
            server: found, archive: source, manifest: manifest, target: .new(into ?? ""), workers: jobs
        ) { progress.show($0) }
        try await perform(restoration, progress)
    }

    /// The line of progress goes before anything else is said.
    private func watched<Result: Sendable>(
        _ progress: Progress, _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        defer { progress.end() }
        return try await interruptible(body)
    }

    private func perform(_ restoration: TableRestoration, _ progress: Progress) async throws {
        if dryRun { return answer(restoration.description) }
        let result = try await watched(progress) { try await restoration.perform(now: Date()) }
        if json { return try answerJSON(result) }
        for (name, rows) in result.tables.sorted(by: { $0.key < $1.key }) {
            answer("\(result.database): \(name) is back from \(result.dump), \(Plural.rows(rows)), equal to the dump")
        }
        guard let schema = result.schema else { return }
        answer(
            "without foreign keys and triggers; take over what you need, then: DROP SCHEMA \(SQL.identifier(schema)) CASCADE"
        )
    }

    private func perform(_ restoration: Restoration, _ progress: Progress) async throws {
        let description = restoration.description
        if dryRun { return answer(description) }
        if replace, !yes { try confirm(description) }
        let result = try await watched(progress) { try await restoration.perform(now: Date()) }
        if json { return try answerJSON(result) }
        answer(
            "\(result.database): restored from \(result.dump), \(Plural.rows(result.rows)) in \(Plural.tables(result.tables)), equal to the dump, in \(TimeSpan.text(max(1, result.seconds)))"
        )
        if !result.createdRoles.isEmpty { answer("roles created: \(result.createdRoles.joined(separator: ", "))") }
        for note in result.notes { answer("note: \(note)") }
        guard let previous = result.previous else { return }
        answer("the database that was there is kept as \(previous)")
        if let undo = result.undo { answer("to undo: \(undo)") }
        if let drop = result.dropPrevious { answer("when it is no longer needed: \(drop)") }
    }

    private func confirm(_ description: String) throws {
        guard isatty(0) == 1 else {
            throw Failure(.usage, "--replace asks before it acts, and there is nobody to ask", hint: "Add --yes.")
        }
        tell(description)
        tell("Go on? [y/N] ", terminator: "")
        guard let line = readLine(), ["y", "yes"].contains(line.lowercased()) else {
            throw Failure(.usage, "nothing was done")
        }
    }
}
