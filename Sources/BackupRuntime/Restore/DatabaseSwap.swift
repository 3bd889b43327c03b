import BackupCore

/// Gives databases other names, all of them or none.
struct DatabaseSwap: Sendable {
    /// In none of the databases concerned.
    let admin: Session
    /// One more like `admin`.
    let openAnother: @Sendable () async throws -> Session

    /// RENAME locks a database against new connections and waits five seconds for the old ones to go; meanwhile a second
    /// session ends them. No flag is set that a crash could leave behind. The last pair's first name must be one that nobody
    /// else gives.
    func rename(_ pairs: [(from: String, to: String)]) async throws {
        let second = try await openAnother()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    for pair in pairs { try await Self.endSessions(in: pair.from, second) }
                    try await Task.sleep(for: .milliseconds(100))
                }
            }
            defer { group.cancelAll() }
            try await commit(pairs)
        }
    }

    private func commit(_ pairs: [(from: String, to: String)]) async throws {
        let statements = pairs.map {
            "ALTER DATABASE \(SQL.identifier($0.from)) RENAME TO \(SQL.identifier($0.to))"
        }
        // The answer must not be lost to a cancellation that comes now: in a task of its own.
        try await Task {
            // Filling did not wait for the disk. This commit does, and all of the log before it goes with it.
            try await admin.query(
                "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
            )
            do {
                try await admin.transaction(statements)
            } catch let failure as Failure where failure.kind == .unavailable {
                // The connection was lost, perhaps after the server had committed: it is asked anew.
                let question = "SELECT 1 FROM pg_database WHERE datname = $1"
                guard try await openAnother().value(question, [pairs.last?.from]) == nil else { throw failure }
            }
        }.value
    }

    private static func endSessions(in database: String, _ session: Session) async throws {
        try await session.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()",
            [database])
    }
}
