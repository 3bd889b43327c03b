import BackupCore

/// One of the two databases of a plan, and its sessions.
struct IsolationSide: Sendable {
    static let applicationName = "archon-backupd/isolate"

    let job: Job
    let server: Server
    let settings: ConnectionSettings

    init(_ job: Job, _ schedule: Schedule) throws {
        guard let server = schedule.server(of: job) else {
            throw Failure(.configInvalid, "the job \(job.name) has no server")
        }
        self.job = job
        self.server = server
        settings = try ConnectionSettings(server)
    }

    /// Its values are texts that are the same on every server and at any time; names are written in full.
    func open() async throws -> Session {
        let session = try await Session.open(
            settings, database: job.database, applicationName: Self.applicationName)
        // A role may be read only by default, or have limits of time that a large table is too much for.
        try await session.query("SET default_transaction_read_only = off")
        if session.serverVersion >= 140_000 { try await session.query("SET idle_session_timeout = 0") }
        try await TextSettings.apply(TextSettings.plain, clientEncoding: "UTF8", session)
        return session
    }

    /// Does what may wait for a lock; when it does so in vain, the failure says for whom.
    @discardableResult
    func waiting<Result: Sendable>(_ lockTimeoutSeconds: Double, _ body: () async throws -> Result) async throws
        -> Result
    {
        let watch = LockWatch()
        let watching = Task {
            await watch.watch(
                settings, database: job.database, applicationName: Self.applicationName,
                lockTimeoutSeconds: lockTimeoutSeconds)
        }
        defer { watching.cancel() }
        do {
            return try await body()
        } catch let fault as Session.Fault where ["55P03", "40P01"].contains(fault.sqlState) {
            let blockers = await watch.blockers.joined(separator: "\n")
            throw Failure(
                .failed,
                fault.sqlState == "40P01"
                    ? "a session that uses the tables of \(job.database) wanted to go on to others, and the server ended this side of the deadlock"
                    : "a lock in \(job.database) was not given within \(TimeSpan.text(lockTimeoutSeconds))",
                hint: "Stop what uses the tables, or write a longer \"lockTimeout\" in the plan.",
                cause: blockers.isEmpty ? fault.description : "it is held by \(blockers)\n\(fault.description)")
        }
    }

    /// Throws `LostCommit` when the server did not answer; what it refuses is rolled back.
    static func commit(_ session: Session) async throws {
        do {
            try await session.query("COMMIT")
        } catch let failure as Failure {
            throw LostCommit(failure: failure)
        }
    }

    /// Begins a transaction whose statements each see what is committed by then, whatever the role's default is.
    static func begin(_ session: Session, isolation level: String = "READ COMMITTED", lockTimeoutSeconds: Double)
        async throws
    {
        try await session.query(
            """
            BEGIN ISOLATION LEVEL \(level); SET LOCAL synchronous_commit = on;
            SET LOCAL lock_timeout = \(max(1, Int(lockTimeoutSeconds * 1000)))
            """)
    }

    /// Ends what a failure has left open. In a task of its own: the caller's may be cancelled.
    static func rollBack(_ session: Session) async {
        await Task {
            // A session that is lost has rolled back by itself.
            _ = try? await session.query("ROLLBACK")  // see above
        }.value
    }
}

/// The connection broke before the server said whether it had committed.
struct LostCommit: Error {
    let failure: Failure
}
