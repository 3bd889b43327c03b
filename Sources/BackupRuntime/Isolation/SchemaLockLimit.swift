import BackupCore

/// Cancels what the psql of a schema file waits for longer than the plan says. A file may set `lock_timeout` itself, as all do that
/// pg_dump writes, so that the server alone does not see to it.
actor SchemaLockLimit {
    /// Whether it has come to that.
    private(set) var hasCancelled = false
    private let session: Session
    private let seconds: Double
    /// Whoever has the lock of `SchemaScript.input`, as `h` and `a`.
    private let holders: String
    private let waits: String

    /// To be made before the psql, which has the `lock` of `SchemaScript.input`: one that is older was left behind by another run.
    init(_ session: Session, seconds: Double, lock: Int64) {
        self.session = session
        self.seconds = seconds
        let (high, low) = (UInt32(truncatingIfNeeded: lock >> 32), UInt32(truncatingIfNeeded: lock))
        holders = """
            FROM pg_locks h JOIN pg_stat_activity a ON a.pid = h.pid AND h.locktype = 'advisory' AND h.granted
              AND (h.classid, h.objid, h.objsubid) = ('\(high)', '\(low)', 1)
              AND h.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            """
        waits = """
            \(holders) JOIN pg_locks w ON w.pid = h.pid AND NOT w.granted
            WHERE a.backend_start > (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid())
            """
    }

    /// The psql that is at work, be it another run's; nil when there is none any more.
    func holder() async throws -> (pid: String, description: String)? {
        let question = """
            SELECT a.pid, 'pid ' || a.pid || ', application ' || a.application_name || ', since '
              || date_trunc('second', a.backend_start) || ': ' || left(regexp_replace(a.query, '\\s+', ' ', 'g'), 200) \(holders)
            """
        guard let row = try await session.query(question).first, let pid = row[0], let text = row[1] else { return nil }
        return (pid, text)
    }

    /// Looks until the task is cancelled.
    func watch() async {
        var begun: (wait: String, at: ContinuousClock.Instant)?
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(min(1, seconds / 4)))  // cancelled: the loop ends too
            let answer = try? await session.query("SELECT w::text \(waits)")  // the next look may do
            guard let answer else { continue }
            let wait = answer.first?.first ?? nil
            guard let wait else {
                begun = nil
                continue
            }
            guard let known = begun, known.wait == wait else {
                begun = (wait, .now)
                continue
            }
            guard known.at.duration(to: .now) >= .seconds(seconds) else { continue }
            // Where it has got its lock meanwhile, nothing is cancelled.
            let cancel = "SELECT pg_cancel_backend(h.pid) \(waits) AND w::text = $1"
            let ended = try? await session.query(cancel, [wait])  // the next look may do
            if ended?.isEmpty == false { hasCancelled = true }
        }
    }
}
