import BackupCore
import Foundation

/// One look at servers whose databases become jobs by themselves, for a command that asks for all of them.
package enum DiscoveryOnce {
    /// Asks each server of `names` and notes what is found. Returns the schedule with it, and the failures of servers that did
    /// not answer: of those it has what is remembered.
    package static func look(
        _ written: Schedule, servers names: Set<String>, _ ledger: Ledger,
        _ report: @Sendable (Event) -> Void
    ) async -> (schedule: Schedule, failures: [Failure]) {
        let noted = await ledger.found()
        let remembered = written.fitting(noted) + FoundFolders.look(written, beyond: noted)
        var found = remembered
        var failures: [Failure] = []
        for server in written.servers where server.discovery != nil && names.contains(server.name) {
            do {
                let listed = try await ServerDatabases.list(server)
                let look = DiscoveryLook(listed, of: server.name, in: written, remembered: found, now: Date()) {
                    FoundFolders.hasDumps($0, root: written.storage.root)
                }
                for change in look.changes { report(Event(change)) }
                found = look.found
            } catch {
                report(.discoveryFailed(server.name, error))
                failures.append(error as? Failure ?? Failure(.failed, "\(error)"))
            }
        }
        if found != remembered { await ledger.note(found) }
        let schedule = written.including(found)
        await ledger.adopt(schedule)
        return (schedule, failures)
    }
}
