import BackupCore
import Foundation

/// The catalog as runs use it: a damaged one is set aside and made again from the manifests, loudly; and what could not be
/// written (a full disk) is kept in memory, so that a run is not begun a second time for want of a note.
package actor Ledger {
    /// What is known of a job before it is planned.
    package struct Known: Sendable {
        package var facts: JobFacts
        package var state: JobState
        package var previous: RunRequest.Previous?
    }

    // SQLite blocks: on a thread of its own, away from the cooperative pool.
    private let executor = QueueExecutor(label: "archon-backupd.ledger")
    nonisolated package var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let folder: String
    private var jobs: [Job]
    private var root: String
    private var catalog: Catalog
    private let report: @Sendable (Event) -> Void
    /// Outcomes that the catalog has not taken.
    private var unwritten: [String: JobFacts.Account] = [:]
    /// Drills that the catalog has not taken.
    private var undrilled: [String: JobFacts.Account] = [:]
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
        let manifests = try jobs.flatMap { try JobFolder(job: $0, root: root).list().compactMap(\.anyManifest) }
        try catalog.rebuild(from: manifests, now: Date())
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
            if let account = unwritten[job.name], account.slot >= state.account?.slot ?? .distantPast {
                state.account = account
            }
            if let account = undrilled[job.name], account.slot >= state.drillAccount?.slot ?? .distantPast {
                state.drillAccount = account
            }
            let previous = state.lastBytes.map {
                RunRequest.Previous(bytes: $0, rows: state.lastRows ?? 0, seconds: state.lastSeconds ?? 0)
            }
            known[job.name] = Known(
                facts: facts(of: state), state: state, previous: previous)
        }
        return known
    }

    private func facts(of state: JobState) -> JobFacts {
        var facts = JobFacts(firstSeen: state.firstSeen, account: state.account)
        facts.refuted = state.refuted
        facts.drillAccount = state.drillAccount
        facts.drillSeconds = state.lastDrill.map { max(0, $0.ended.timeIntervalSince($0.began)) }
        return facts
    }

    /// Nil when it could not be noted; the run goes on, for the dump is worth more than the note.
    package func begin(_ request: RunRequest, now: Date) -> Int64? {
        if let slot = request.slot {
            unwritten[request.job.name] = .init(
                slot: slot, attempts: request.attempt, outcome: .interrupted, ended: now)
        }
        var id: Int64?
        attempt("the begin of a run could not be noted") { catalog in
            _ = try catalog.interruptLeftRuns(job: request.job.name, now: now)
            id = try catalog.begin(request, now: now)
        }
        return id
    }

    package func end(
        _ id: Int64?, _ request: RunRequest, _ outcome: RunRecord.Outcome, manifest: Manifest?, error: String?,
        now: Date
    ) {
        let name = request.job.name
        let accounts: [RunRecord.Outcome: JobFacts.Account.Outcome] = [
            .succeeded: .succeeded, .failed: .failed, .interrupted: .interrupted,
        ]
        if let slot = request.slot {
            unwritten[name] = .init(
                slot: slot, attempts: request.attempt, outcome: accounts[outcome] ?? .failed, ended: now)
        }
        attempt("the end of a run could not be noted") { catalog in
            guard let id else { throw Failure(.inputOutput, "its begin was not noted") }
            try catalog.end(id, request, outcome, manifest: manifest, error: error.map(Event.redacted), now: now)
            unwritten[name] = nil
        }
    }

    package func skip(_ skip: Plan.Skip, now: Date) {
        unwritten[skip.job] = .init(slot: skip.slot, attempts: 0, outcome: .skipped, ended: now)
        attempt("a skipped slot could not be noted") { catalog in
            try catalog.skip(skip, now: now)
            unwritten[skip.job] = nil
        }
    }

    package func reanchor(_ job: String, at now: Date) {
        unwritten[job] = nil
        attempt("a clock step could not be noted") { try $0.reanchor(job, now: now) }
    }

    // MARK: drills

    package func beginDrill(_ request: DrillRun.Request, dump: Manifest, now: Date) -> Int64? {
        var id: Int64?
        attempt("the begin of a drill could not be noted") { id = try $0.beginDrill(request, dump: dump, now: now) }
        noteDrill(request, .interrupted, now)
        return id
    }

    /// Only for who holds the drill lock: no drill can be in progress then.
    package func interruptLeftDrills(now: Date) {
        attempt("an interrupted drill could not be noted") { try $0.interruptLeftDrills(now: now) }
    }

    package func interruptDrill(_ id: Int64?, _ request: DrillRun.Request, now: Date) {
        attempt("an interrupted drill could not be noted") { try $0.interruptDrill(id, request, now: now) }
    }

    /// Returns its number; 0 when it could not be noted.
    package func endDrill(_ id: Int64?, _ request: DrillRun.Request, _ record: DrillRecord, newestGood: Manifest?)
        -> Int64
    {
        var number = id ?? 0
        noteDrill(request, .succeeded, record.ended)
        attempt("the end of a drill could not be noted") { catalog in
            number = try catalog.endDrill(id, request, record, newestGood: newestGood)
            undrilled[request.job.name] = nil
        }
        return number
    }

    private func noteDrill(_ request: DrillRun.Request, _ outcome: JobFacts.Account.Outcome, _ now: Date) {
        guard let slot = request.slot else { return }
        undrilled[request.job.name] = .init(slot: slot, attempts: request.attempt, outcome: outcome, ended: now)
    }

    /// The dumps of a job as they are on the disk: a person may have moved some, a crash have kept some from being noted.
    package func reconcile(_ job: String, _ manifests: [Manifest]) {
        attempt("the dumps on the disk could not be noted") { try $0.reconcile(job, manifests) }
    }

    package func adopt(_ manifest: Manifest) {
        attempt("an adopted dump could not be noted") { try $0.adopt(manifest) }
    }

    package func suspend(_ job: String, _ reason: String?) {
        attempt("why pruning waits could not be noted") { try $0.suspend(job, reason) }
    }

    /// Only for who holds the job's lock: no run of it can be in progress then, whatever the catalog says.
    package func interruptLeftRuns(_ job: String, now: Date) {
        attempt("an interrupted run could not be noted") { _ = try $0.interruptLeftRuns(job: job, now: now) }
    }

    package func forget(_ dumps: [String], job: String) {
        attempt("removed dumps could not be noted") { try $0.forget(dumps, job: job) }
    }

    /// The one place where a fault of the catalog becomes an event: the daemon's work does not stop for it.
    private func attempt(_ what: String, _ body: (Catalog) throws -> Void) {
        do {
            do {
                if !Disk.exists(Catalog.path(in: folder)) { throw CatalogUnusable(reason: "its file was deleted") }
                try body(catalog)
            } catch let unusable as CatalogUnusable {
                catalog = try Self.rebuild(folder: folder, jobs: jobs, root: root)
                report(
                    Event(
                        .catalogRebuilt,
                        "the catalog could not be used and was made again from the manifests: \(unusable.reason)",
                        ["REASON": unusable.reason]))
                try catalog.claim(root: root, now: Date())
                try catalog.see(jobs.map(\.name), now: Date())
                try body(catalog)
            }
        } catch {
            let reason = (error as? Failure)?.description ?? "\(error)"
            report(Event(.warning, "\(what): \(reason)", ["REASON": reason]))
        }
    }
}
