import BackupCore
import Foundation
import GRDB

/// The catalog as runs use it: a damaged one is set aside and made again from the manifests, loudly; and what could not be
/// written (a full disk) is kept in memory, so that a run is not begun a second time for want of a note.
package actor Ledger {
    // SQLite blocks: on a thread of its own, away from the cooperative pool.
    private let executor = QueueExecutor(label: "archon-backupd.ledger")
    nonisolated package var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let folder: String
    private var jobs: [Job]
    private var root: String
    private var catalog: Catalog
    private let report: @Sendable (Event) -> Void
    /// Outcomes that the catalog has not taken.
    var unwritten = Unwritten()
    /// Written with the next transaction, each by itself where they cannot be together.
    private var notes: [Note] = []
    /// Counts the catalogs that this one has had.
    private var catalogs = 0
    private var lastStates: [String: JobState] = [:]
    private var lastFound: [FoundDatabase] = []

    /// Opens the catalog of this schedule, rebuilding it when there is none or it cannot be used.
    package init(folder: String, schedule: Schedule, report: @escaping @Sendable (Event) -> Void) throws {
        self.folder = folder
        jobs = schedule.jobs
        root = schedule.storage.root
        self.report = report
        let isThere = Disk.exists(Catalog.path(in: folder))
        do {
            catalog = try Catalog.open(folder: folder)
            // One that no program has claimed is new, was emptied, or was made by one that died before it had filled it.
            if try !catalog.isClaimed() {
                if isThere { throw CatalogUnusable(reason: "it was empty") }
                try Self.fill(catalog, schedule.jobs, schedule.storage.root)
            }
        } catch let unusable as CatalogUnusable {
            catalog = try Self.rebuild(folder: folder, jobs: schedule.jobs, root: schedule.storage.root)
            report(
                Event(
                    .catalogRebuilt,
                    "the catalog could not be used and was made again from the manifests: \(unusable.reason)",
                    ["REASON": unusable.reason]))
        }
        try catalog.claim(root: schedule.storage.root, now: Date())
    }

    /// Sets the catalog aside and makes a new one from the manifests. Returns it.
    package static func rebuild(folder: String, jobs: [Job], root: String) throws -> Catalog {
        try Catalog.setAside(folder: folder, now: Date())
        let catalog = try Catalog.open(folder: folder)
        try fill(catalog, jobs, root)
        return catalog
    }

    private static func fill(_ catalog: Catalog, _ jobs: [Job], _ root: String) throws {
        var manifests: [Manifest] = []
        var used: [String: Int64] = [:]
        for job in jobs {
            let listed = try JobFolder(job: job, root: root).list()
            manifests += listed.compactMap(\.anyManifest)
            used[job.name] = Self.used(listed)
        }
        try catalog.rebuild(from: manifests, used: used, now: Date())
        try catalog.setFound(jobs.compactMap(\.found))
    }

    package func adopt(_ schedule: Schedule) {
        jobs = schedule.jobs
        root = schedule.storage.root
    }

    // MARK: found databases

    /// Those that discovery has found; what cannot be read now is as it was known last.
    package func found() -> [FoundDatabase] {
        attempt("the found databases could not be read") { lastFound = try $0.found() }
        return lastFound
    }

    package func note(_ found: [FoundDatabase]) {
        lastFound = found
        attempt("the found databases could not be noted") { try $0.setFound(found) }
    }

    /// Never fails: what cannot be read now is as it was read last.
    package func known(of schedule: Schedule, now: Date) -> [String: Known] {
        attempt("the catalog could not be read") { catalog in
            lastStates = try catalog.states()
            let unseen = schedule.jobs.map(\.name).filter { lastStates[$0] == nil }
            guard !unseen.isEmpty else { return }
            try catalog.see(unseen, now: now)
            lastStates = try catalog.states()
        }
        var known: [String: Known] = [:]
        for job in schedule.jobs {
            var state = lastStates[job.name] ?? JobState(firstSeen: now)
            unwritten.add(to: &state, of: job.name)
            known[job.name] = Known(facts: JobFacts(state), state: state, previous: RunRequest.Previous(state))
        }
        return known
    }

    /// What has changed since the news that had `revision`, all that is known when it is nil. Never fails: what cannot be read now
    /// comes with the next.
    package func news(since revision: Revision?, now: Date) -> News {
        var news = News(states: [], unwritten: unwritten, revision: revision)
        attempt("the catalog could not be read") { catalog in
            let since = revision?.catalog == catalogs ? revision?.number : nil
            var found = try catalog.changes(since: since)
            if since == nil {
                let known = Set(found.states.map(\.job))
                let unseen = jobs.map(\.name).filter { !known.contains($0) }
                if !unseen.isEmpty {
                    try catalog.see(unseen, now: now)
                    found = try catalog.changes(since: nil)
                }
            }
            news.states = found.states
            news.revision = Revision(catalog: catalogs, number: found.revision)
        }
        return news
    }

    /// Nil when it could not be noted; the run goes on, for the dump is worth more than the note.
    package func begin(_ request: RunRequest, now: Date) async -> Int64? {
        if let slot = request.slot {
            unwritten.reanchored[request.job.name] = nil
            unwritten.runs[request.job.name] = .init(
                slot: slot, attempts: request.attempt, outcome: .interrupted, ended: now)
        }
        let id = Shared<Int64?>(nil)
        await write("the begin of a run could not be noted") { database in
            _ = try Catalog.interruptLeftRuns(request.job.name, now: now, database)
            let number = try Catalog.begin(request, now: now, database)
            id.with { $0 = number }
        }
        return id.with { $0 }
    }

    package func end(
        _ id: Int64?, _ request: RunRequest, _ outcome: RunRecord.Outcome, manifest: Manifest?, error: String?,
        now: Date
    ) async {
        let name = request.job.name
        let accounts: [RunRecord.Outcome: JobFacts.Account.Outcome] = [
            .succeeded: .succeeded, .failed: .failed, .interrupted: .interrupted,
        ]
        if let slot = request.slot {
            unwritten.runs[name] = .init(
                slot: slot, attempts: request.attempt, outcome: accounts[outcome] ?? .failed, ended: now)
        }
        // A search for secrets takes its time, which nobody else's note need wait for.
        let said = error.map(Event.redacted)
        let isWritten = await write("the end of a run could not be noted") { database in
            guard let id else { throw Failure(.inputOutput, "its begin was not noted") }
            try Catalog.end(
                id, request, outcome, manifest: manifest, error: said, now: now, database)
        }
        if isWritten { unwritten.runs[name] = nil }
    }

    package func skip(_ skips: [Plan.Skip], now: Date) {
        for skip in skips {
            unwritten.runs[skip.job] = .init(slot: skip.slot, attempts: 0, outcome: .skipped, ended: now)
        }
        attempt("a skipped slot could not be noted") { catalog in
            try catalog.skip(skips, now: now)
            for skip in skips { unwritten.runs[skip.job] = nil }
        }
    }

    package func reanchor(_ jobs: [String], at now: Date) {
        for job in jobs {
            unwritten.runs[job] = nil
            unwritten.reanchored[job] = .init(slot: now, attempts: 0, outcome: .skipped, ended: now)
        }
        attempt("a clock step could not be noted") { catalog in
            try catalog.reanchor(jobs, now: now)
            for job in jobs { unwritten.reanchored[job] = nil }
        }
    }

    /// The dumps of a job as they are on the disk: a person may have moved some, a crash have kept some from being noted.
    package func reconcile(_ job: String, _ listed: [StoredDump]) {
        attempt("the dumps on the disk could not be noted") {
            try $0.reconcile(job, listed.compactMap(\.manifest), used: Self.used(listed))
        }
    }

    /// The same after one was found damaged: the job stands where the last good one has left it, and is dumped again at once when
    /// it was the newest.
    package func noteDamaged(_ manifest: Manifest, _ listed: [StoredDump], now: Date) {
        attempt("the damage of a dump could not be noted") {
            try $0.noteDamaged(manifest, newestGood: listed.compactMap(\.manifest).last, now: now)
        }
        reconcile(manifest.job, listed)
    }

    /// The same after one was adopted, perhaps of a job of which nothing is known yet.
    package func noteAdopted(_ job: String, _ listed: [StoredDump], now: Date) {
        attempt("the job of the dump could not be noted") { try $0.see([job], now: now) }
        reconcile(job, listed)
    }

    /// What the good ones take together.
    private static func used(_ listed: [StoredDump]) -> Int64 {
        DumpSpace.used(listed.lazy.filter { $0.manifest != nil }.map(\.space))
    }

    /// None when they cannot be read now.
    package func notedDumps(_ job: String) -> [String: NotedDump] {
        var found: [String: NotedDump] = [:]
        attempt("the dumps in the catalog could not be read") { found = try $0.notedDumps(job) }
        return found
    }

    /// Returns what was known before, nil too when that cannot be read now, and what is known now.
    package func noteDrift(_ job: String, _ audit: Audit) -> (last: Drift?, now: Drift?) {
        var known = (last: Drift?.none, now: audit.noted(after: nil))
        attempt("how the database differs from what is expected could not be noted") {
            known = try $0.noteDrift(job, audit)
        }
        return known
    }

    package func suspend(_ job: String, _ reason: String?) {
        attempt("why pruning waits could not be noted") { try $0.suspend(job, reason) }
    }

    /// Only for who holds the job's lock: no run of it can be in progress then, whatever the catalog says.
    package func interruptLeftRuns(_ job: String, now: Date) {
        attempt("an interrupted run could not be noted") { _ = try $0.interruptLeftRuns(job: job, now: now) }
    }

    /// The one place where a fault of the catalog becomes an event: the daemon's work does not stop for it.
    @discardableResult
    func attempt(_ what: String, _ body: (Catalog) throws -> Void) -> Bool {
        do {
            do {
                if !Disk.exists(Catalog.path(in: folder)) { throw CatalogUnusable(reason: "its file was deleted") }
                try body(catalog)
            } catch let unusable as CatalogUnusable {
                catalog = try Self.rebuild(folder: folder, jobs: jobs, root: root)
                catalogs += 1
                report(
                    Event(
                        .catalogRebuilt,
                        "the catalog could not be used and was made again from the manifests: \(unusable.reason)",
                        ["REASON": unusable.reason]))
                try catalog.claim(root: root, now: Date())
                try catalog.see(jobs.map(\.name), now: Date())
                try body(catalog)
            }
            return true
        } catch {
            let reason = (error as? Failure)?.description ?? "\(error)"
            report(Event(.warning, "\(what): \(reason)", ["REASON": reason]))
            return false
        }
    }

    // MARK: notes that are written together

    /// Something to write, with whoever waits until it is on the disk.
    private struct Note {
        let what: String
        let write: (Database) throws -> Void
        let done: CheckedContinuation<Bool, Never>
    }

    /// False when it could not be written. Whatever is to be noted while the disk is at work goes into one transaction after that:
    /// a thousand runs that begin in one second wait for a few syncs, not for a thousand.
    @discardableResult
    private func write(_ what: String, _ write: @escaping (Database) throws -> Void) async -> Bool {
        await withCheckedContinuation { done in
            notes.append(Note(what: what, write: write, done: done))
            // Its turn comes after that of those who are there already.
            if notes.count == 1 { Task { self.writeNotes() } }
        }
    }

    private func writeNotes() {
        let notes = notes
        self.notes = []
        do {
            guard notes.count > 1, Disk.exists(Catalog.path(in: folder)) else { throw CancellationError() }
            try catalog.write { database in for note in notes { try note.write(database) } }
            for note in notes { note.done.resume(returning: true) }
        } catch {
            // One by one: a fault is that of one note, and what is wrong with the catalog is mended on the way.
            for note in notes {
                note.done.resume(returning: attempt(note.what) { try $0.write(note.write) })
            }
        }
    }
}
