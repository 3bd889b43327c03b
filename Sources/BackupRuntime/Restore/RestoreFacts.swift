import BackupCore
import Foundation

/// Asks a server what a restore must know to be quick and to leave room for others.
enum RestoreFacts {
    static func gather(_ session: Session, _ manifest: Manifest?) async throws -> RestoreResources.Facts {
        var facts = RestoreResources.Facts(hostCores: ProcessInfo.processInfo.activeProcessorCount)
        facts.machine = try await machine(session)
        facts.freeConnections = try await session.value(freeConnections).flatMap { Int($0) }
        facts.entries = manifest?.entries
        facts.indexes = manifest?.contents.map { ($0["INDEX"]?.count ?? 0) + ($0["CONSTRAINT"]?.count ?? 0) }
        facts.buildsInSharedMemory = manifest?.extensions.contains { $0.name == "vector" } ?? false
        // As a new session has them: this one has switched some off for itself.
        let rows = try await session.query(
            "SELECT name, reset_val, unit FROM pg_settings WHERE name = ANY($1)",
            ["{\(RestoreResources.asked.joined(separator: ","))}"])
        for row in rows {
            guard let name = row[0], let value = row[1].flatMap(Double.init) else { continue }
            let units: [String: Double] = ["kB": 1024, "8kB": 8192, "MB": 1_048_576]
            facts.settings[name] = Int64((value * (row[2].flatMap { units[$0] } ?? 1)).rounded(.up))
        }
        return facts
    }

    /// One that is not a superuser may have fewer of its own.
    private static let freeConnections = """
        SELECT least(
          current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
            - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
          (SELECT rolconnlimit - (SELECT count(*) FROM pg_stat_activity WHERE usename = rolname) FROM pg_roles
            WHERE rolname = session_user AND rolconnlimit >= 0 AND NOT rolsuper))
        """

    /// Asked first: a question that is refused stands in the server's log as an error.
    private static let mayRead = """
        SELECT has_function_privilege('pg_read_file(text, bigint, bigint, boolean)', 'EXECUTE')
          AND pg_has_role('pg_read_server_files', 'USAGE')
        """

    private static func machine(_ session: Session) async throws -> ServerMachine {
        guard try await answer(mayRead, [], session) == "t" else { return ServerMachine() }
        var limits: [String] = []
        for path in ServerMachine.limits(of: try await file(ServerMachine.groups, session) ?? "") {
            if let limit = try await file(path, session) { limits.append(limit) }
        }
        return ServerMachine(
            status: try await file(ServerMachine.status, session),
            memory: try await file(ServerMachine.memory, session),
            mounts: try await file(ServerMachine.mounts, session), limits: limits)
    }

    /// As the server sees it. Nil when it sees none.
    private static func file(_ path: String, _ session: Session) async throws -> String? {
        try await answer("SELECT pg_read_file($1, 0, 1048576, true)", [path], session)
    }

    /// Nil also for a question that the server refuses: an old one has no such role, a file no such access.
    private static func answer(_ sql: String, _ parameters: [String], _ session: Session) async throws -> String? {
        do {
            return try await session.value(sql, parameters)
        } catch is Session.Fault {
            return nil
        }
    }
}
