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

    /// `pid 4711, user app, application psql, active for 00:10:00: ALTER TABLE …` or `the prepared transaction 'x' of app, …`, one
    /// each; empty when nobody was ever in the way.
    var blockers: [String] { lastSeen }

    private func blockers(_ session: Session, _ applicationName: String) async throws -> [String] {
        try await session.query(Self.question, [applicationName]).compactMap { $0[0] }
    }

    /// The server has no process to name for a prepared transaction: its locks have none, but one of them is on its number. Of those
    /// with a lock there the ones that are in the way are named: PostgreSQL's manual, "Conflicting Lock Modes".
    private static let question = """
        WITH waiting AS (
          SELECT pid, pg_blocking_pids(pid) AS blocking FROM pg_stat_activity
          WHERE application_name = $1 AND datname = current_database())
        SELECT DISTINCT 'pid ' || b.pid || ', user ' || coalesce(b.usename, '?')
          || coalesce(', application ' || nullif(b.application_name, ''), '') || ', ' || coalesce(b.state, '?')
          || ' for ' || date_trunc('second', clock_timestamp() - b.xact_start) || ': '
          || left(regexp_replace(b.query, '\\s+', ' ', 'g'), 200)
        FROM waiting JOIN pg_stat_activity b ON b.pid = ANY (waiting.blocking)
        UNION ALL
        SELECT DISTINCT 'the prepared transaction ' || quote_literal(x.gid) || ' of ' || x.owner || ', since '
          || date_trunc('second', x.prepared) || '; ROLLBACK PREPARED or COMMIT PREPARED ends it'
        FROM waiting JOIN pg_locks w ON w.pid = waiting.pid AND NOT w.granted
        JOIN pg_locks h ON h.granted AND h.pid IS NULL
          AND (h.locktype, h.database, h.relation, h.page, h.tuple, h.virtualxid, h.transactionid, h.classid, h.objid, h.objsubid)
            IS NOT DISTINCT FROM
            (w.locktype, w.database, w.relation, w.page, w.tuple, w.virtualxid, w.transactionid, w.classid, w.objid, w.objsubid)
        JOIN pg_locks own ON own.pid IS NULL AND own.granted AND own.locktype = 'transactionid'
          AND own.virtualtransaction = h.virtualtransaction
        JOIN pg_prepared_xacts x ON x.transaction = own.transactionid
        WHERE 0 = ANY (waiting.blocking) AND CASE w.mode
          WHEN 'AccessShareLock' THEN h.mode = 'AccessExclusiveLock'
          WHEN 'RowShareLock' THEN h.mode IN ('ExclusiveLock', 'AccessExclusiveLock')
          WHEN 'RowExclusiveLock' THEN h.mode NOT IN
            ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock', 'ShareUpdateExclusiveLock')
          WHEN 'ShareUpdateExclusiveLock' THEN h.mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')
          WHEN 'ShareLock' THEN h.mode NOT IN ('AccessShareLock', 'RowShareLock', 'ShareLock')
          WHEN 'ShareRowExclusiveLock' THEN h.mode NOT IN ('AccessShareLock', 'RowShareLock')
          WHEN 'ExclusiveLock' THEN h.mode <> 'AccessShareLock'
          ELSE true END
        """
}
