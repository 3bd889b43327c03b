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
        /// Workers of pg_restore.
        package var jobs: Int
        /// Of `seconds`: pg_restore with the full read beside it, and the comparison with the statistics beside it.
        package var fillingSeconds: Double
        package var comparingSeconds: Double
        /// Where the database that was replaced is now.
        package var previous: String?
        package var createdRoles: [String]
        /// The shell command that puts the old database back, and the one that drops it.
        package var undo: String?
        package var dropPrevious: String?
        /// What is worth knowing and no fault.
        package var notes: [String]
    }

    let server: Server
    let archive: String
    let manifest: Manifest?
    let target: Target
    /// Nil for as many as fit the server.
    let workers: Int?
    /// Of other restores that go on at once, which share the server's memory with this one.
    var otherWorkers = 0
    let progress: @Sendable (RunProgress) -> Void
    /// Whether tables of a tablespace that the server has not go into the database's own, which is noted, or fail.
    var takesLackingTablespaces = false
    /// What the job's dumps leave out on purpose, for people.
    package var omissions: [String] = []

    package init(
        server: Server, archive: String, manifest: Manifest?, target: Target, workers: Int? = nil,
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
        try await LateRestore(name: name, manifest: manifest).check(admin)
        let check = ArchiveCheck(archive: archive, manifest: manifest, limit: .patient, container: server.container)
        try await check.digest(progress: progress)
        let early = try await check.readEarly(progress: progress)
        var engine = RestoreEngine(
            settings: settings, admin: admin, archive: archive, manifest: manifest,
            tools: try await Tools.find(
                for: settings,
                serverMajor: max(admin.serverVersion / 10_000, early?.dumpMajor ?? manifest?.dumpMajor ?? 0)),
            resources: try await resources(admin), limit: .patient, progress: progress)
        let lacking =
            takesLackingTablespaces
            ? try await ArchiveTablespaces.lacking(archive, admin, engine.tools) : []
        engine.leavesTablespaces = !lacking.isEmpty
        let temporary = RestoreNames.temporary(at: now, token: .random(in: .min ... .max))
        var created: [String] = []
        // Only what this restore has made is dropped after a fault.
        var isCreated = false
        let outcome: RestoreEngine.Outcome
        let previous: String?
        do {
            try await engine.checkRoles(early?.facts.roles)
            created = try await engine.createRoles()
            try await engine.create(temporary)
            isCreated = true
            outcome = try await engine.perform(temporary) { if let early { early } else { try await check.read() } }
            try Task.checkCancellation()
            previous = try await putInPlace(temporary, admin, settings, now: now)
        } catch {
            try await undo(isCreated ? temporary : nil, settings, roles: created, after: error)
            throw Task.isCancelled ? CancellationError() : translated(error)
        }
        // From here on it is in its place, whatever comes.
        let lateNotes = try await LateRestore(name: name, manifest: manifest).bring(outcome, engine, previous: previous)
        let maintenance = settings.maintenanceDatabase == name ? "template1" : settings.maintenanceDatabase
        let connection = settings.forPerson(database: maintenance)
        return Result(
            database: name, dump: manifest?.dump ?? (archive as NSString).lastPathComponent,
            tables: outcome.reading.facts.tables.count, rows: outcome.reading.facts.rows.values.reduce(0, +),
            seconds: began.duration(to: .now).inSeconds.rounded(.down), jobs: engine.resources.workers,
            fillingSeconds: outcome.fillingSeconds, comparingSeconds: outcome.comparingSeconds, previous: previous,
            createdRoles: created,
            undo: previous.map {
                let undone = RestoreNames.undone(name, at: now)
                return ShellCommand.undo(
                    database: name, previous: $0, undone: undone, connection: connection,
                    container: server.container)
            },
            dropPrevious: previous.map {
                ShellCommand.drop(database: $0, connection: connection, container: server.container)
            },
            notes: outcome.notes + lateNotes + subscriptionNotes(outcome.reading)
                + lacking.map { "the server has no tablespace \($0): its tables are in the database's own" })
    }

    /// pg_dump writes subscriptions that wait to be enabled: two databases would take turns at one slot.
    private func subscriptionNotes(_ reading: ArchiveReading) -> [String] {
        reading.facts.contents["SUBSCRIPTION"] == nil
            ? []
            : [
                "its subscriptions are not enabled, and name the slots that the old ones use: ALTER SUBSCRIPTION … ENABLE, when those are gone"
            ]
    }

    private func resources(_ admin: Session) async throws -> RestoreResources {
        var facts = try await RestoreFacts.gather(admin, manifest)
        facts.otherWorkers = otherWorkers
        return RestoreResources(facts, workers: workers)
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
                try await AdminSession.drop(temporary, session, settings)
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
