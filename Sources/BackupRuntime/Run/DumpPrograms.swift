import BackupCore
import Foundation

/// Runs pg_dump and pg_dumpall for one run, and says what went wrong so that a person can act on it.
struct DumpPrograms: Sendable {
    let job: Job
    let settings: ConnectionSettings
    let tools: Tools
    let limit: TimeLimit
    let progress: @Sendable (RunProgress) -> Void
    /// Told of what is wrong but does not spoil the dump.
    let warn: @Sendable (Failure) -> Void
    private var applicationName: String { ApplicationName.of(job: job.name) }

    /// Writes the archive; of `snapshot`, when there is one.
    func dump(_ archive: String, _ compression: CompressionChoice, encoding: String, snapshot: String?) async throws {
        var arguments = [
            "--format=\(job.format.rawValue)", "--file=\(archive)", "--no-password",
            // The database's own, whatever client_encoding its settings or the role's ask for.
            "--encoding=\(encoding)",
            "--lock-wait-timeout=\(Int((job.lockTimeoutSeconds * 1000).rounded(.up)))",
        ]
        arguments += compression.arguments
        if let snapshot { arguments.append("--snapshot=\(snapshot)") }
        if job.format == .directory, job.workers > 1 { arguments.append("--jobs=\(job.workers)") }
        arguments +=
            job.excludeTables.map { "--exclude-table=\($0)" }
            + job.excludeTableData.map { "--exclude-table-data=\($0)" }
        arguments += job.schemas.map { "--schema=\($0)" }
        arguments.append("--dbname=\(settings.argument(database: job.database, applicationName: applicationName))")
        let watch = LockWatch()
        let seconds = try limit.remaining()
        let ending = try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                await watch.watch(
                    settings, database: job.database, applicationName: applicationName,
                    lockTimeoutSeconds: job.lockTimeoutSeconds)
            }
            group.addTask { try await followSize(of: archive) }
            defer { group.cancelAll() }
            return try await Child.run(
                tools.dump, arguments, environment: settings.environment, timeoutSeconds: seconds)
        }
        try await judge(ending, await watch.blockers)
    }

    private func followSize(of archive: String) async throws {
        while !Task.isCancelled {
            progress(RunProgress(phase: .dumping, bytes: Disk.bytes(of: archive) ?? 0))
            try await Task.sleep(for: .seconds(1))
        }
    }

    private func judge(_ ending: Child.Ending, _ blockers: [String]) async throws {
        switch ending.cause {
        case .exited(0): return
        case .interrupted:
            await endBackendsAfterwards()
            throw CancellationError()
        case .timedOut:
            await endBackendsAfterwards()
            throw Failure(
                .failed, limit.fault.message, hint: limit.fault.hint, cause: ending.errors + Self.standing(blockers))
        case .exited, .signaled:
            let errors = ending.errors
            // pg_dump 15 sets statement_timeout around its LOCK TABLE; later ones may set lock_timeout.
            // The server's words may be in its own language; what pg_dump says of its query is not.
            let isLock = errors.contains("LOCK TABLE") && (errors.contains("statement timeout") || !blockers.isEmpty)
            if errors.contains("lock timeout") || isLock {
                throw lockFault("pg_dump", errors, blockers)
            }
            let kind: Failure.Kind =
                errors.contains("No space left on device") || errors.contains("Disk quota exceeded")
                ? .cannotWrite
                : errors.contains("connection to server") || errors.contains("server closed the connection")
                    ? .unavailable : .failed
            throw Failure(kind, "pg_dump of \(job.database) \(ending.description)", cause: errors)
        }
    }

    /// Writes the roles of the whole server, for the owner alone.
    func dumpGlobals(_ path: String, hasPasswords: Bool) async throws {
        var arguments = [
            "--globals-only", "--database=\(settings.maintenanceDatabase)", "--no-password", "--file=\(path)",
        ]
        if !hasPasswords { arguments.append("--no-role-passwords") }
        arguments.append(
            "--dbname=\(settings.argument(database: settings.maintenanceDatabase, applicationName: applicationName))")
        let ending = try await Child.run(
            tools.dumpAll, arguments, environment: settings.environment, timeoutSeconds: try limit.remaining())
        try await judge(ending, [])
        chmod(path, 0o600)
    }

    /// The snapshot that the dump and the counting beside it share.
    func openSnapshot() async throws -> SourceSnapshot {
        let watch = LockWatch()
        let watching = Task {
            await watch.watch(
                settings, database: job.database, applicationName: applicationName,
                lockTimeoutSeconds: job.lockTimeoutSeconds)
        }
        defer { watching.cancel() }
        do {
            return try await SourceSnapshot.open(settings, job, limit)
        } catch let fault as Session.Fault where fault.sqlState == "55P03" {
            throw await lockFault("the snapshot", fault.description, watch.blockers)
        }
    }

    private func lockFault(_ who: String, _ said: String, _ blockers: [String]) -> Failure {
        Failure(
            .failed,
            "\(who) waited \(TimeSpan.text(job.lockTimeoutSeconds)) for a lock in \(job.database) and gave up",
            hint: "End what holds the lock, raise \"lockTimeout\", or choose another time.",
            cause: said + Self.standing(blockers))
    }

    private static func standing(_ blockers: [String]) -> String {
        blockers.isEmpty ? "" : "\nin the way: " + blockers.joined(separator: "\nin the way: ")
    }

    // MARK: the server's side

    /// Ends what a program of this job has left running on the server.
    func endBackends(_ session: Session) async throws {
        try await session.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database() AND pid <> pg_backend_pid()",
            [applicationName])
    }

    /// A pg_dump that we ended may have left a statement running on the server, with its locks.
    private func endBackendsAfterwards() async {
        // In a task of its own: this one may be cancelled.
        let work = Task {
            let session = try await Session.open(settings, database: job.database, applicationName: ApplicationName.own)
            try await endBackends(session)
        }
        if case .failure(let error) = await work.result {
            warn(
                Failure(
                    .unavailable, "the server could not be asked to end the backends of \(job.name)", cause: "\(error)")
            )
        }
    }
}
