import BackupCore
import Foundation

/// Remembers who stood in the way of a running pg_dump: when its lock timeout fires, they are what the operator must know.
actor LockWatch {
    private var lastSeen: [String] = []

    /// Looks until the task is cancelled, several times within `lockTimeoutSeconds` and once a second at least. Its session is
    /// its own; a fault of it is no fault of the dump.
    func watch(_ settings: ConnectionSettings, database: String, applicationName: String, lockTimeoutSeconds: Double)
        async
    {
        let own = ApplicationName.own
        let opened =
            try? await Session.open(settings, database: database, applicationName: own)  // then none is named
        guard let session = opened else { return }
        while !Task.isCancelled {
            let blockers = try? await blockers(session, applicationName)  // the next look may do
            if let blockers, !blockers.isEmpty { lastSeen = blockers }
            try? await Task.sleep(for: .seconds(min(1, lockTimeoutSeconds / 4)))  // cancelled: the loop ends too
        }
    }

    /// `pid 4711 (app, active for 00:10:00): ALTER TABLE …`, one each; empty when nobody was ever in the way.
    var blockers: [String] { lastSeen }

    private func blockers(_ session: Session, _ applicationName: String) async throws -> [String] {
        try await session.query(
            """
            SELECT DISTINCT 'pid ' || b.pid || ', user ' || coalesce(b.usename, '?') || ', ' || coalesce(b.state, '?')
              || ' for ' || date_trunc('second', clock_timestamp() - b.xact_start) || ': '
              || left(regexp_replace(b.query, '\\s+', ' ', 'g'), 200)
            FROM pg_stat_activity d CROSS JOIN LATERAL unnest(pg_blocking_pids(d.pid)) AS blocking(pid)
            JOIN pg_stat_activity b ON b.pid = blocking.pid
            WHERE d.application_name = $1 AND d.datname = current_database()
            """, [applicationName]
        ).compactMap { $0[0] }
    }
}
