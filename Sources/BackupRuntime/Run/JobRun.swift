import BackupCore
import Foundation

/// One run with all that belongs to it: the lock, the note in the catalog, the sweep before, the pruning after, and the
/// events. The daemon and the verb `backup` do it the same way.
package struct JobRun: Sendable {
    private let ledger: Ledger
    private let report: @Sendable (Event) -> Void
    private let waitsForLock: Bool

    package init(ledger: Ledger, waitsForLock: Bool = false, report: @escaping @Sendable (Event) -> Void) {
        self.ledger = ledger
        self.waitsForLock = waitsForLock
        self.report = report
    }

    package func perform(_ request: RunRequest, progress: @escaping @Sendable (RunProgress) -> Void) async -> RunOutcome
    {
        let job = request.job
        let lock: JobLock
        do {
            lock =
                waitsForLock
                ? try await JobLock.wait(job.name, root: request.storage.root)
                : try JobLock.take(job.name, root: request.storage.root)
        } catch let failure as Failure where failure.kind == .busy {
            return .busy(failure)
        } catch is CancellationError {
            return .interrupted
        } catch {
            return await unlocked(request, error as? Failure ?? Failure(.failed, "\(error)"))
        }
        let began = Date()
        let id = await ledger.begin(request, now: began)
        var fields = ["JOB": job.name, "DATABASE": job.database]
        fields["RUN"] = id.map { "\($0)" }
        if request.missed > 0 {
            report(
                Event(
                    .slotsMissed, "\(job.name): \(request.missed) slots were missed, this run makes up for them",
                    fields.merging(["MISSED": "\(request.missed)"]) { $1 }))
        }
        report(
            Event(
                .runBegan, "\(job.name): run began" + (request.attempt > 1 ? ", attempt \(request.attempt)" : ""),
                fields))
        return await locked(request, id, began, fields, lock, progress)
    }

    /// Without the lock there is no run to speak of, but the attempt counts: else it would be made again at once, for ever.
    private func unlocked(_ request: RunRequest, _ failure: Failure) async -> RunOutcome {
        let now = Date()
        let id = await ledger.begin(request, now: now)
        await ledger.end(id, request, .failed, manifest: nil, error: failure.description, now: now)
        report(
            Event(
                .runFailed, "\(request.job.name): \(failure)",
                ["JOB": request.job.name, "DATABASE": request.job.database, "REASON": failure.message]))
        return .failed(failure)
    }

    private func locked(
        _ request: RunRequest, _ id: Int64?, _ began: Date, _ fields: [String: String], _ lock: JobLock,
        _ progress: @escaping @Sendable (RunProgress) -> Void
    ) async -> RunOutcome {
        let job = request.job
        let folder = JobFolder(job: job, root: request.storage.root)
        var fields = fields
        do {
            let swept = try folder.sweep()
            if !swept.isEmpty {
                report(
                    Event(
                        .partialsSwept,
                        "\(job.name): what a crash had left was put in order: \(swept.joined(separator: ", "))",
                        fields.merging(["SWEPT": swept.joined(separator: ", ")]) { $1 }))
            }
            let backup = Backup(request, folder: folder, began: began, progress: progress) { [fields] failure in
                report(Event(.warning, "\(job.name): \(failure)", fields.merging(["REASON": failure.message]) { $1 }))
            }
            let manifest = try await backup.perform(lock: lock)
            await ledger.end(id, request, .succeeded, manifest: manifest, error: nil, now: Date())
            fields["DUMP"] = manifest.dump
            fields["BYTES"] = "\(manifest.bytes)"
            fields["DURATION_USEC"] = "\(Int(manifest.ended.timeIntervalSince(began) * 1_000_000))"
            await RunAudit(ledger: ledger, report: report).perform(request, manifest, fields)
            let matched =
                manifest.matched.map { $0 == .rows ? ", rows equal to the source's" : ", equal to the source" } ?? ""
            // First, so that the one line of a calm run tells that too.
            let (removed, event) = await prune(job, folder, lock, fields)
            let pruned = removed.isEmpty ? "" : ", pruned \(removed.count)"
            if !removed.isEmpty { fields["PRUNED"] = removed.joined(separator: " ") }
            report(
                Event(
                    .runSucceeded,
                    "\(job.name): \(manifest.dump), \(ByteSize.text(manifest.bytes)), \(Plural.rows(manifest.rows)), read back in full\(matched)\(pruned)",
                    fields))
            if let event { report(event) }
            return .succeeded(manifest)
        } catch is CancellationError {
            await ledger.end(id, request, .interrupted, manifest: nil, error: "interrupted", now: Date())
            report(Event(.runInterrupted, "\(job.name): run interrupted", fields))
            return .interrupted
        } catch {
            let failure = error as? Failure ?? Failure(.failed, "\(error)")
            fields["REASON"] = failure.message
            await ledger.end(id, request, .failed, manifest: nil, error: failure.description, now: Date())
            report(Event(.runFailed, "\(job.name): run failed: \(failure)", fields))
            return .failed(failure)
        }
    }

    /// Only after a success; what goes wrong here does not make the dump any worse. The dumps that went, and what there is to
    /// say of it.
    private func prune(_ job: Job, _ folder: JobFolder, _ lock: JobLock, _ fields: [String: String]) async -> (
        removed: [String], event: Event?
    ) {
        do {
            let pruning = Pruning(job: job, folder: folder)
            let listed = try folder.list()
            let plan = pruning.plan(listed, now: Date())
            await ledger.suspend(job.name, plan.suspension)
            let removed = try pruning.apply(plan, lock: lock).map(\.name)
            await ledger.reconcile(job.name, listed.filter { !removed.contains($0.name) })
            if let suspension = plan.suspension {
                let text =
                    "\(job.name): nothing is pruned: \(suspension); `archon-backupd prune \(ShellCommand.word(job.name)) --accept` if that is right"
                return ([], Event(.pruningSuspended, text, fields.merging(["REASON": suspension]) { $1 }))
            }
            guard !removed.isEmpty else { return ([], nil) }
            let names = fields.merging(["PRUNED": removed.joined(separator: " ")]) { $1 }
            return (removed, Event(.pruned, "\(job.name): pruned \(removed.joined(separator: ", "))", names))
        } catch {
            let reason = (error as? Failure)?.description ?? "\(error)"
            let text = "\(job.name): pruning failed: \(reason)"
            return ([], Event(.warning, text, fields.merging(["REASON": reason]) { $1 }))
        }
    }
}
