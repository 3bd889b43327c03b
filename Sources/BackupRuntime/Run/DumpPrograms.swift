import BackupCore
import Foundation

/// Runs pg_dump and pg_dumpall for one run, and says what went wrong so that a person can act on it.
struct DumpPrograms: Sendable {
    let job: Job
    let settings: ConnectionSettings
    let tools: Tools
    let form: DumpForm
    let limit: TimeLimit
    let progress: @Sendable (RunProgress) -> Void
    /// Told of what is wrong but does not spoil the dump.
    let warn: @Sendable (Failure) -> Void
    private var applicationName: String { ApplicationName.of(job: job.name) }

    /// What `dump` has done.
    struct Written: Sendable {
        /// How the archive came out of its container.
        var transfer: Manifest.Transfer?
        /// What was read of the members that we have compressed.
        var readings: [MemberReading] = []
    }

    /// Writes the archive; of `snapshot`, when there is one. In a container it is written to a file in there and copied out,
    /// where there is room for twice what it may take, `expectedBytes`; else it is streamed, and has no offsets then. Returns
    /// which of the two.
    func dump(_ archive: String, encoding: String, snapshot: String?, expectedBytes: Int64) async throws -> Written {
        let arguments = arguments(encoding: encoding, snapshot: snapshot)
        guard let host = tools.host else {
            let here = arguments + ["--file=\(archive)"]
            if let coding = form.compression.coding {
                return Written(readings: try await dump(here, compressing: archive, coding))
            }
            try await dump(here, size: { Disk.bytes(of: archive) ?? 0 })
            return Written()
        }
        let dump = ContainerDump(host: host, archive: archive, format: form.format, limit: limit)
        return Written(
            transfer: try await dump.perform(expectedBytes: expectedBytes, arguments) {
                try await self.dump($0, size: $1, onOutput: $2)
            })
    }

    /// With the members compressed by us while pg_dump writes them. What fails first ends the other.
    private func dump(_ arguments: [String], compressing archive: String, _ coding: MemberCoding) async throws
        -> [MemberReading]
    {
        let pause = ChildPause()
        let compression = try MemberCompression(archive, coding, dumpWorkers: form.workers, pause: pause)
        return try await withThrowingTaskGroup(of: [MemberReading].self) { group in
            group.addTask {
                try await dump(arguments, size: { compression.writtenBytes }, pause: pause)
                compression.dumpHasEnded()
                return []
            }
            group.addTask { try await blocking { try compression.run($0) } }
            var readings: [MemberReading] = []
            do {
                while let found = try await group.next() { readings += found }
            } catch {
                group.cancelAll()
                // Neither is left when this is told.
                while await group.nextResult() != nil {}
                throw error
            }
            return readings
        }
    }

    private func arguments(encoding: String, snapshot: String?) -> [String] {
        var arguments = [
            "--format=\(form.format.rawValue)", "--no-password",
            // The database's own, whatever client_encoding its settings or the role's ask for.
            "--encoding=\(encoding)",
            "--lock-wait-timeout=\(Int((job.lockTimeoutSeconds * 1000).rounded(.up)))",
        ]
        arguments += form.compression.arguments
        if let snapshot { arguments.append("--snapshot=\(snapshot)") }
        if form.format == .directory, form.workers > 1 { arguments.append("--jobs=\(form.workers)") }
        arguments +=
            job.excludeTables.map { "--exclude-table=\($0)" }
            + job.excludeTableData.map { "--exclude-table-data=\($0)" }
        arguments += job.schemas.map { "--schema=\($0)" }
        arguments.append("--dbname=\(settings.argument(database: job.database, applicationName: applicationName))")
        return arguments
    }

    private func dump(
        _ arguments: [String], size: @escaping @Sendable () async throws -> Int64, pause: ChildPause? = nil,
        onOutput: (@Sendable (UnsafeRawBufferPointer) throws -> Void)? = nil
    ) async throws {
        let watch = LockWatch()
        let seconds = try limit.remaining()
        let ending = try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                await watch.watch(
                    settings, database: job.database, applicationName: applicationName,
                    lockTimeoutSeconds: job.lockTimeoutSeconds)
            }
            group.addTask { try await followSize(size) }
            defer { group.cancelAll() }
            return try await tools.run(
                .dump, arguments, settings: settings, timeoutSeconds: seconds, pause: pause, onOutput: onOutput)
        }
        try await judge(ending, await watch.blockers)
    }

    private func followSize(_ size: @Sendable () async throws -> Int64) async throws {
        while !Task.isCancelled {
            progress(RunProgress(phase: .dumping, bytes: try await size()))
            try await Task.sleep(for: .seconds(tools.host == nil ? 1 : 5))
        }
    }

    private func judge(_ ending: Child.Ending, _ blockers: [String], program: String = "pg_dump") async throws {
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
            // A server that waits for a lock does not see that its client is gone, and stays in the queue.
            if case .signaled = ending.cause { await endBackendsAfterwards() }
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
            let hint =
                errors.contains("permission denied for")
                ? "Dump as a superuser: in Supabase's images that is supabase_admin, and postgres is none. Or give the role what it lacks: docs/install.md."
                : nil
            throw Failure(kind, "\(program) of \(job.database) \(ending.description)", hint: hint, cause: errors)
        }
    }

    /// Writes the roles of the whole server, for the owner alone.
    func dumpGlobals(_ path: String, hasPasswords: Bool) async throws {
        var arguments = ["--globals-only", "--database=\(settings.maintenanceDatabase)", "--no-password"]
        if !hasPasswords { arguments.append("--no-role-passwords") }
        arguments.append(
            "--dbname=\(settings.argument(database: settings.maintenanceDatabase, applicationName: applicationName))")
        try Disk.write(Data(), to: path)
        let ending = try await tools.run(
            .dumpAll, arguments, settings: settings, timeoutSeconds: try limit.remaining()
        ) { bytes in try Disk.append(Data(bytes), to: path) }
        try await judge(ending, [], program: "pg_dumpall")
    }

    /// The snapshot that the dump and the counting beside it share.
    func openSnapshot() async throws -> SourceSnapshot {
        let watch = LockWatch()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                await watch.watch(
                    settings, database: job.database, applicationName: applicationName,
                    lockTimeoutSeconds: job.lockTimeoutSeconds)
            }
            defer { group.cancelAll() }
            do {
                return try await SourceSnapshot.open(settings, job, limit)
            } catch let fault as Session.Fault where fault.sqlState == "55P03" {
                throw await lockFault("the snapshot", fault.description, watch.blockers)
            }
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
    static func endBackends(of job: Job, _ session: Session) async throws {
        try await session.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database() AND pid <> pg_backend_pid()",
            [ApplicationName.of(job: job.name)])
    }

    /// A pg_dump that was ended by a signal may have left a statement running on the server, with its locks.
    private func endBackendsAfterwards() async {
        // In a task of its own: this one may be cancelled.
        let work = Task {
            let session = try await Session.open(settings, database: job.database, applicationName: ApplicationName.own)
            try await Self.endBackends(of: job, session)
        }
        if case .failure(let error) = await work.result {
            warn(
                Failure(
                    .unavailable, "the server could not be asked to end the backends of \(job.name)", cause: "\(error)")
            )
        }
    }
}
