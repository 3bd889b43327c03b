import BackupCore
import Foundation

/// Looks at the servers whose databases become jobs by themselves, each in a task of its own: one that does not answer keeps
/// nobody waiting.
package actor DiscoveryWatch {
    /// While a server does not answer it is asked this often at least.
    private static let impatience = 60.0

    private let ledger: Ledger
    private let report: @Sendable (Event) -> Void
    private var written: Schedule
    private var found: [FoundDatabase]
    /// Told of the schedule when other databases are found.
    private var apply: @Sendable (Schedule) async -> Void = { _ in }
    private var looking: [Task<Void, Never>] = []
    /// Servers that did not answer when they were asked last: told once.
    private var silent: Set<String> = []
    private var isApplying = false
    private var mustApplyAgain = false

    /// With what the catalog and the folders of dumps remember.
    package init(_ written: Schedule, _ ledger: Ledger, _ report: @escaping @Sendable (Event) -> Void) async {
        self.written = written
        self.ledger = ledger
        self.report = report
        found = await Self.remembered(written, ledger)
    }

    private static func remembered(_ written: Schedule, _ ledger: Ledger) async -> [FoundDatabase] {
        guard written.discovers else { return [] }
        let noted = await ledger.found()
        return written.fitting(noted) + FoundFolders.look(written, beyond: noted)
    }

    /// The schedule with all that is known to be found.
    package var schedule: Schedule { written.including(found) }

    /// Looks at once, and then in each server's own time.
    package func begin(_ apply: @escaping @Sendable (Schedule) async -> Void) {
        self.apply = apply
        resume()
    }

    /// Takes another schedule; nobody is asked anything until `resume`. Returns it with all that is known to be found.
    package func reload(_ written: Schedule) async -> Schedule {
        stop()
        let found = await Self.remembered(written, ledger)
        self.written = written
        self.found = found
        silent.formIntersection(written.servers.filter { $0.discovery != nil }.map(\.name))
        return schedule
    }

    package func resume() {
        stop()
        looking = written.servers.compactMap { server in
            server.discovery.map { discovery in Task { await self.watch(server, every: discovery.everySeconds) } }
        }
    }

    package func stop() {
        for task in looking { task.cancel() }
        looking = []
    }

    private func watch(_ server: Server, every seconds: Double) async {
        while !Task.isCancelled {
            let hasAnswered = await look(server)
            do {
                try await Task.sleep(for: .seconds(hasAnswered ? seconds : min(seconds, Self.impatience)))
            } catch {
                return
            }
        }
    }

    /// False when the server did not answer.
    private func look(_ server: Server) async -> Bool {
        do {
            let listed = try await ServerDatabases.list(server)
            guard !Task.isCancelled else { return true }
            if silent.remove(server.name) != nil { report(.discoveryResumed(server.name)) }
            await take(listed, of: server)
            return true
        } catch {
            guard !Task.isCancelled else { return true }
            if silent.insert(server.name).inserted { report(.discoveryFailed(server.name, error)) }
            return false
        }
    }

    private func take(_ listed: [DiscoveryLook.Listed], of server: Server) async {
        let root = written.storage.root
        let look = DiscoveryLook(listed, of: server.name, in: written, remembered: found, now: Date()) {
            FoundFolders.hasDumps($0, root: root)
        }
        for change in look.changes { report(Event(change)) }
        guard look.found != found else { return }
        found = look.found
        await applyAll()
    }

    /// One after the other: two servers may answer at the same time, and the last schedule must be the whole one.
    private func applyAll() async {
        mustApplyAgain = true
        guard !isApplying else { return }
        isApplying = true
        defer { isApplying = false }
        while mustApplyAgain {
            mustApplyAgain = false
            await ledger.note(found)
            await apply(schedule)
        }
    }
}
