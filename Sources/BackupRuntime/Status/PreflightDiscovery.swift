import BackupCore
import Foundation

extension Preflight {
    /// What discovery would find on a server now, and the jobs that it would make; nothing is noted.
    static func discovery(on server: Server, _ schedule: Schedule) async -> (findings: [Finding], jobs: [Job]) {
        guard let discovery = server.discovery else { return ([], []) }
        do {
            let listed = try await ServerDatabases.list(server)
            let look = DiscoveryLook(
                listed, of: server.name, in: schedule, remembered: CatalogReading.found(schedule), now: Date()
            ) { FoundFolders.hasDumps($0, root: schedule.storage.root) }
            let found = look.found.filter { $0.server == server.name }
            let isExcluded = discovery.exclude.matcher()
            let parts = [
                ("found", found.filter { $0.standing == .present }.map(\.database)),
                ("gone", found.filter { $0.standing == .vanished }.map(\.database)),
                ("left out", listed.map(\.name).filter(isExcluded)),
            ].filter { !$0.1.isEmpty }.map { "\($0) \($1.joined(separator: ", "))" }
            let text = parts.isEmpty ? "found nothing" : parts.joined(separator: ", ")
            let closed = found.filter { $0.standing == .closed }.map { database in
                Finding(
                    what: "database \(database.database) of \(database.job)",
                    failure: Failure(
                        .unavailable, "the database \(database.database) does not allow connections",
                        hint: "Add it to \"exclude\", or ALTER DATABASE … ALLOW_CONNECTIONS true."))
            }
            let jobs = found.filter { $0.standing == .present }.map { discovery.job(of: $0) }
            return ([Finding(what: "discovery on \(server.name): \(text)")] + closed, jobs)
        } catch {
            return (
                [
                    Finding(
                        what: "discovery on \(server.name)",
                        failure: error as? Failure ?? Failure(.failed, "\(error)"))
                ], []
            )
        }
    }
}
