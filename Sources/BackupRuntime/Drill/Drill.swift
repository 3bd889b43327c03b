import BackupCore
import Foundation

/// Restores one dump to see that it can be: into a scratch database, by the engine that `restore` uses, compared in everything,
/// the user's assertions asked, dropped. It throws a `Failure` whose kind says whether the dump or the place is at fault, and
/// `CancellationError` when the task was cancelled; nothing of it stays in either case.
package struct Drill: Sendable {
    package struct Result: Sendable {
        var restoreSeconds: Double
        var databaseBytes: Int64
        var serverVersion: String
        var assertions: Int
        var notes: [String]
    }

    let job: Job
    /// Nil for a throwaway.
    let server: Server?
    let archive: String
    let manifest: Manifest
    let stateFolder: String
    /// The one that the job's server runs in: a throwaway is a second one of its image.
    var container: Container?
    /// Where a throwaway may be made, first to last.
    let bases: [String]
    let progress: @Sendable (RunProgress) -> Void
    /// Called with server and database between filling and comparing; a test changes something there.
    var whenFilled: @Sendable (Server, String) async throws -> Void = { _, _ in }
    /// Instead of the programs that fit the server; a test gives some that lie.
    var tools: Tools?

    func perform() async throws -> Result {
        let limit = TimeLimit(
            seconds: job.drill.timeoutSeconds,
            fault: Failure(
                .unavailable, "the drill took longer than its timeout of \(TimeSpan.text(job.drill.timeoutSeconds))",
                hint: "Raise \"drill\": { \"timeout\": … } of \(job.name)."))
        do {
            let began = ContinuousClock.now
            let check = ArchiveCheck(archive: archive, manifest: manifest, limit: limit, container: container)
            try await check.digest(progress: progress)
            let early = try await check.readEarly(progress: progress)
            let read = began.duration(to: .now).inSeconds
            var result = try await restore(
                Source(dumpMajor: early?.dumpMajor ?? manifest.dumpMajor) {
                    if let early { early } else { try await check.read() }
                }, limit)
            result.restoreSeconds += read
            return result
        } catch {
            if Task.isCancelled { throw CancellationError() }
            // Whatever was cut off by the end of the time says nothing of the dump.
            guard (try? limit.remaining()) != nil else { throw limit.fault }  // see above
            if let fault = error as? Session.Fault {
                throw Failure(
                    fault.isOfThePlace ? .unavailable : .failed, "the server refused a step of the restore",
                    hint: fault.placeHint, cause: fault.description)
            }
            throw error
        }
    }

    /// The archive to restore.
    private struct Source: Sendable {
        var dumpMajor: Int
        /// In full; goes on while it is restored, or was done before.
        var read: @Sendable () async throws -> ArchiveReading
    }

    private func restore(_ source: Source, _ limit: TimeLimit) async throws -> Result {
        if let server { return try await restore(source, on: server, try ConnectionSettings(server), limit) }
        let throwaway = try await makeThrowaway(source, limit)
        do {
            let result = try await restore(source, on: throwaway.server, try throwaway.settings, limit)
            try await throwaway.end()
            return result
        } catch {
            // It goes, and its log with it: a server that broke down says there alone what it lacked.
            let words = throwaway.lastWords
            try await throwaway.end()
            guard let failure = error as? Failure, failure.kind == .unavailable, !words.isEmpty else { throw error }
            throw Failure(
                failure.kind, failure.message, hint: failure.hint,
                cause: [failure.cause, "the server's log: \(words)"].compactMap { $0 }.joined(separator: "\n"))
        }
    }

    private func makeThrowaway(_ source: Source, _ limit: TimeLimit) async throws -> any DrillServer {
        // What the database took where it was; of an adopted dump that is not known.
        try await DrillServerMaker(stateFolder: stateFolder, container: container, bases: bases).make(
            major: Int(manifest.serverVersion.prefix { $0.isNumber }) ?? source.dumpMajor,
            bytes: (manifest.databaseBytes ?? manifest.bytes * 8) / 4 * 5, limit)
    }

    private func restore(
        _ source: Source, on server: Server, _ settings: ConnectionSettings, _ limit: TimeLimit
    ) async throws -> Result {
        let admin = try await AdminSession.open(settings, avoiding: "")
        try await RestoreEngine.checkExtensions(manifest, admin, without: .cron)
        let scratch = try ScratchDatabase(stateFolder: stateFolder)
        let database = RestoreNames.drill(at: Date(), owner: scratch.owner, token: .random(in: .min ... .max))
        var engine = RestoreEngine(
            settings: settings, admin: admin, archive: archive, manifest: manifest,
            tools: try await fittingTools(settings, admin, source),
            resources: RestoreResources(
                try await RestoreFacts.gather(admin, manifest), workers: job.workers),
            limit: limit, progress: progress)
        engine.whenFilled = { try await whenFilled(server, $0) }
        engine.keepsComment = true
        var roles: [String] = []
        do {
            let began = ContinuousClock.now
            roles = try await engine.createRoles()
            if self.server == nil { roles += try await engine.createUnknownRoles() }
            try await engine.create(database)
            try await scratch.mark(database, admin)
            let outcome = try await engine.perform(database, read: source.read)
            let seconds = began.duration(to: .now).inSeconds
            try await checkAssertions(settings, database, limit)
            let result = Result(
                restoreSeconds: seconds, databaseBytes: outcome.databaseBytes, serverVersion: admin.serverVersionText,
                assertions: job.drill.assertions.count,
                notes: outcome.notes
                    + (outcome.late.map { ["without \($0.name): it makes itself in one database of a server alone"] }
                        ?? []))
            try await drop(database, roles, settings)
            return result
        } catch {
            do {
                try await drop(database, roles, settings)
            } catch let second where self.server != nil {
                let first = error as? Failure ?? Failure(.failed, "the drill was cut off", cause: "\(error)")
                throw Failure(
                    first.kind, first.message,
                    hint: "\(database) on \(server.name) is dropped at the next start, or by hand.",
                    cause: [first.cause, "and it could not be cleaned up: \(second)"].compactMap { $0 }.joined(
                        separator: "\n"))
            } catch {
                // A throwaway goes as a whole.
            }
            throw error
        }
    }

    private func fittingTools(_ settings: ConnectionSettings, _ admin: Session, _ source: Source)
        async throws -> Tools
    {
        if let tools { return tools }
        return try await Tools.find(
            for: settings, serverMajor: max(admin.serverVersion / 10_000, source.dumpMajor))
    }

    // MARK: assertions

    /// Throws `.damaged` that names the first that is not true, `.unavailable` when the place lacks what one needs.
    private func checkAssertions(_ settings: ConnectionSettings, _ database: String, _ limit: TimeLimit) async throws {
        for (index, assertion) in job.drill.assertions.enumerated() {
            // A session each: one may change settings.
            let session = try await Session.open(settings, database: database, applicationName: ApplicationName.own)
            let milliseconds = max(1, Int(try limit.remaining() * 1000))
            try await session.query(
                "SET default_transaction_read_only = on; SET statement_timeout = \(milliseconds)")
            let number = "assertion \(index + 1)"
            // One that has not begun cannot be cancelled at the server.
            try Task.checkCancellation()
            do {
                let rows = try await session.query(assertion)
                guard rows.count == 1, rows[0].count == 1 else {
                    throw Failure(
                        .damaged, "\(number) must give one value and gave \(Plural.rows(rows.count)): \(assertion)",
                        hint: "Write it like SELECT count(*) > 0 FROM my_table.")
                }
                guard rows[0][0] == "t" || rows[0][0] == "true" else {
                    throw Failure(.damaged, "\(number) is not true but \(rows[0][0] ?? "NULL"): \(assertion)")
                }
            } catch let fault as Session.Fault {
                throw Failure(
                    fault.isOfThePlace ? .unavailable : .damaged, "\(number) was refused: \(assertion)",
                    hint: fault.placeHint, cause: fault.description)
            }
        }
    }

    // MARK: cleaning up

    private func drop(_ database: String, _ roles: [String], _ settings: ConnectionSettings) async throws {
        // In a task of its own: this one may be cancelled.
        try await Task {
            let session = try await AdminSession.open(settings, avoiding: database)
            try await AdminSession.drop(database, session, settings)
            for role in roles.reversed() { try await session.query("DROP ROLE IF EXISTS \(SQL.identifier(role))") }
        }.value
    }
}

extension Session.Fault {
    /// Lack of resources, a person's intervention, a fault of the system: they say nothing of the dump.
    fileprivate var isOfThePlace: Bool { ["53", "57", "58", "08"].contains(sqlState.prefix(2)) }
    /// What to do about a disk_full.
    fileprivate var placeHint: String? {
        sqlState == "53100" ? "Free some room where the server keeps its data." : nil
    }
}
