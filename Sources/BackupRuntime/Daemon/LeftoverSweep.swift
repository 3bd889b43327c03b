import BackupCore
import Foundation

/// Puts in order what a crash has left, while the service is at work already: thousands of folders are not looked through
/// before READY. A run waits for the sweep of its own folder alone, a drill for that of older drills too.
package actor LeftoverSweep {
    // Folders are read and synced: on a thread of its own.
    private let executor = QueueExecutor(label: "archon-backupd.sweep")
    nonisolated package var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let root: String
    private let jobs: [Job]
    private let ledger: Ledger
    private let report: @Sendable (Event) -> Void
    private let sweepDrills: @Sendable () async -> Void
    private var isUnswept: Set<String>
    private var inProgress: [String: Task<Void, Never>] = [:]
    private var drills: Task<Void, Never>?

    package init(
        _ schedule: Schedule, ledger: Ledger, report: @escaping @Sendable (Event) -> Void,
        drills: @escaping @Sendable () async -> Void
    ) {
        root = schedule.storage.root
        jobs = schedule.jobs
        self.ledger = ledger
        self.report = report
        sweepDrills = drills
        isUnswept = Set(jobs.map(\.name))
    }

    /// Sweeps everything that is not swept yet; ends early when its task is cancelled.
    package func sweepAll() async {
        let drills = drillsSwept()
        for job in jobs where !Task.isCancelled { await finish(job) }
        await drills.value
    }

    /// Returns when that job's folder has been swept, be it now.
    package func finish(_ job: Job) async {
        if let sweep = inProgress[job.name] { return await sweep.value }
        guard isUnswept.remove(job.name) != nil else { return }
        let sweep = Task { await self.sweep(job) }
        inProgress[job.name] = sweep
        await sweep.value
        inProgress[job.name] = nil
    }

    /// Returns when what killed drills have left is removed as well. A server that does not answer keeps nobody from stopping.
    package func finishForDrill(_ job: Job) async {
        let drills = drillsSwept()
        await withTaskCancellationHandler {
            await drills.value
        } onCancel: {
            drills.cancel()
        }
        await finish(job)
    }

    private func drillsSwept() -> Task<Void, Never> {
        if let drills { return drills }
        let sweep = sweepDrills
        let task = Task { await sweep() }
        drills = task
        return task
    }

    /// A job that somebody works on is left to them.
    private func sweep(_ job: Job) async {
        let folder = JobFolder(job: job, root: root)
        guard Disk.isFolder(folder.path) else { return }
        do {
            let lock = try JobLock.take(job.name, root: root)
            await ledger.interruptLeftRuns(job.name, now: Date())
            let swept = try folder.sweep()
            if try await !folder.holds(ledger.notedDumps(job.name)) {
                await ledger.reconcile(job.name, try folder.list())
            }
            withExtendedLifetime(lock) {}
            if !swept.isEmpty {
                let names = swept.joined(separator: ", ")
                report(
                    Event(
                        .partialsSwept, "\(job.name): what a crash had left was put in order: \(names)",
                        ["JOB": job.name, "DATABASE": job.database, "SWEPT": names]))
            }
        } catch let failure as Failure where failure.kind == .busy {
            return
        } catch {
            report(
                Event(
                    .warning, "\(job.name): partial files could not be swept: \(error)",
                    ["JOB": job.name, "DATABASE": job.database, "REASON": "\(error)"]))
        }
    }
}
