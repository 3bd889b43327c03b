import BackupCore
import Foundation

/// One drill with all that belongs to it: the locks, the note in the catalog, what a crash has left, the verdict in the dump's
/// manifest, and the events. The daemon and the verb `drill` do it the same way.
package struct DrillRun: Sendable {
    package struct Request: Sendable {
        package var job: Job
        package var schedule: Schedule
        /// The newest good one when none is named.
        package var dump: String?
        /// Nil when a person asked.
        package var slot: Date?
        package var attempt: Int

        package init(job: Job, schedule: Schedule, dump: String? = nil, slot: Date? = nil, attempt: Int = 1) {
            self.job = job
            self.schedule = schedule
            self.dump = dump
            self.slot = slot
            self.attempt = attempt
        }
    }

    package enum Outcome: Sendable {
        case ended(DrillRecord)
        /// The program was told to stop; nothing was wrong.
        case interrupted
        /// Another process drills, or works on the job; nothing was begun.
        case busy(Failure)
    }

    private let ledger: Ledger
    private let stateFolder: String
    private let report: @Sendable (Event) -> Void

    package init(ledger: Ledger, stateFolder: String, report: @escaping @Sendable (Event) -> Void) {
        self.ledger = ledger
        self.stateFolder = stateFolder
        self.report = report
    }

    package func perform(_ request: Request, progress: @escaping @Sendable (RunProgress) -> Void) async -> Outcome {
        let job = request.job
        let locks: (drill: JobLock, job: JobLock)
        do {
            locks = (try Self.lock(stateFolder), try JobLock.take(job.name, root: request.schedule.storage.root))
        } catch let failure as Failure where failure.kind == .busy {
            return .busy(failure)
        } catch {
            return await end(request, nil, nil, Date(), Self.unverified(error))
        }
        defer { withExtendedLifetime(locks) {} }
        let began = Date()
        let folder = JobFolder(job: job, root: request.schedule.storage.root)
        let stored: StoredDump
        do {
            _ = try folder.sweep()
            stored = try DumpChoice(name: request.dump).choose(folder)
        } catch {
            var finding = Self.unverified(error)
            if (error as? Failure)?.kind == .failed { finding.verdict = .notRun }
            return await end(request, nil, nil, began, finding)
        }
        if case .damaged(let fault) = stored.state, stored.hasManifest {
            return await end(request, stored, nil, began, Finding(verdict: .failed, reason: fault))
        }
        guard let manifest = stored.anyManifest else {
            return await end(
                request, stored, nil, began,
                Finding(
                    verdict: .couldNotVerify, reason: "\(stored.name) has no manifest to hold it to: adopt it first"))
        }
        let id = await ledger.beginDrill(request, dump: manifest, now: began)
        report(Event(.drillBegan, "\(job.name): drill of \(manifest.dump) began", fields(request, manifest)))
        let finding = await finding(request, stored, manifest, progress)
        guard let finding else {
            await ledger.interruptDrill(id, request, now: Date())
            report(Event(.drillInterrupted, "\(job.name): drill interrupted", fields(request, manifest)))
            return .interrupted
        }
        return await end(request, stored, id, began, finding)
    }

    /// The lock that one drill at a time has, in the folder of the catalog.
    static func lock(_ stateFolder: String) throws -> JobLock {
        do {
            return try JobLock.take(".drills", root: stateFolder)
        } catch let failure as Failure where failure.kind == .busy {
            throw Failure(.busy, "another drill is in progress", hint: "Try again when it has ended.")
        }
    }

    // MARK: the drill

    private struct Finding: Sendable {
        var verdict: DrillVerdict
        var reason: String?
        var result: Drill.Result?
    }

    private static func unverified(_ error: any Error) -> Finding {
        Finding(verdict: .couldNotVerify, reason: (error as? Failure)?.description ?? "\(error)")
    }

    /// Nil when it was interrupted.
    private func finding(
        _ request: Request, _ stored: StoredDump, _ manifest: Manifest,
        _ progress: @escaping @Sendable (RunProgress) -> Void
    ) async -> Finding? {
        do {
            let server = try place(request)
            await leftovers.sweep(request.schedule)
            let drill = Drill(
                job: request.job, server: server, archive: stored.path, manifest: manifest, stateFolder: stateFolder,
                container: request.schedule.server(of: request.job)?.container, bases: bases(request.schedule),
                progress: progress)
            return Finding(verdict: .proven, result: try await drill.perform())
        } catch is CancellationError {
            return nil
        } catch let failure as Failure {
            return Finding(verdict: .of(failure.kind), reason: failure.description)
        } catch {
            return Self.unverified(error)
        }
    }

    private func place(_ request: Request) throws -> Server? {
        guard case .server(let name) = request.job.drill.place else { return nil }
        guard let server = request.schedule.servers.first(where: { $0.name == name }) else {
            throw Failure(.configInvalid, "there is no server \(name) to drill on")
        }
        return server
    }

    private var leftovers: DrillLeftovers { DrillLeftovers(stateFolder: stateFolder, report: report) }

    private func bases(_ schedule: Schedule) -> [String] {
        Throwaway.bases([stateFolder, schedule.storage.root])
    }

    // MARK: what a crash has left

    /// Removes what drills of a process that was killed have left; nothing when a drill is in progress.
    package func sweep(_ schedule: Schedule) async {
        guard let lock = try? Self.lock(stateFolder) else { return }  // then somebody drills, and has swept
        await ledger.interruptLeftDrills(now: Date())
        await leftovers.sweep(schedule)
        withExtendedLifetime(lock) {}
    }

    // MARK: the end

    private func end(_ request: Request, _ stored: StoredDump?, _ id: Int64?, _ began: Date, _ finding: Finding) async
        -> Outcome
    {
        let manifest = stored?.anyManifest
        let place = if case .server(let name) = request.job.drill.place { name } else { "throwaway" }
        var record = DrillRecord(
            job: request.job.name, dump: stored?.name, dumpTime: manifest?.began ?? stored?.time, slot: request.slot,
            attempt: request.attempt, began: began, ended: Date(), verdict: finding.verdict,
            reason: finding.reason.map(Event.redacted),
            restoreSeconds: finding.result?.restoreSeconds, bytes: finding.result?.databaseBytes,
            rows: manifest?.totalRows, place: place, serverVersion: finding.result?.serverVersion,
            assertions: finding.result?.assertions ?? 0, notes: finding.result?.notes ?? [])
        let folder = JobFolder(job: request.job, root: request.schedule.storage.root)
        if let manifest, let drill = record.manifestDrill { note(drill, manifest, folder) }
        let good = record.verdict == .failed ? newestGood(folder) : nil
        record.id = await ledger.endDrill(id, request, record, newestGood: good)
        report(event(of: record, request, manifest))
        return .ended(record)
    }

    /// The verdict belongs to the dump, and stays with it when the catalog is lost.
    private func note(_ drill: Manifest.Drill, _ manifest: Manifest, _ folder: JobFolder) {
        var manifest = manifest
        manifest.drill = drill
        if drill.verdict == .proven {
            manifest.proof = .drilled
        } else if manifest.proof == .drilled {
            manifest.proof = manifest.matched == nil ? .read : .matched
        }
        do {
            try folder.rewrite(manifest)
        } catch {
            let reason = (error as? Failure)?.description ?? "\(error)"
            report(
                Event(
                    .warning,
                    "\(manifest.job): the verdict could not be noted in the manifest of \(manifest.dump): \(reason)",
                    ["JOB": manifest.job, "DUMP": manifest.dump, "REASON": reason]))
        }
    }

    private func newestGood(_ folder: JobFolder) -> Manifest? {
        // A folder that cannot be read now is read at the next start; then nothing good is known.
        (try? folder.list())?.compactMap(\.manifest).last  // see above
    }

    private func fields(_ request: Request, _ manifest: Manifest?) -> [String: String] {
        var fields = ["JOB": request.job.name, "DATABASE": request.job.database]
        fields["DUMP"] = manifest?.dump
        return fields
    }

    private func event(of record: DrillRecord, _ request: Request, _ manifest: Manifest?) -> Event {
        var fields = fields(request, manifest)
        fields["DUMP"] = record.dump
        fields["VERDICT"] = record.verdict.rawValue
        fields["REASON"] = record.reason
        fields["BYTES"] = record.bytes.map { "\($0)" }
        fields["DURATION_USEC"] = record.restoreSeconds.map { "\(Int($0 * 1_000_000))" }
        let what = "\(record.job): drill of \(record.dump ?? "no dump")"
        let reason = record.reason ?? ""
        switch record.verdict {
        case .proven, .stale:
            let took = record.restoreSeconds.map { TimeSpan.text(max(1, $0.rounded(.up))) } ?? ""
            let notes = record.notes.isEmpty ? "" : "; \(record.notes.joined(separator: "; "))"
            return Event(
                .drillProven,
                "\(what): proven, \(Plural.rows(record.rows ?? 0)) equal, \(Plural.of(record.assertions, "assertion", "assertions")) true, restored in \(took)\(notes)",
                fields)
        case .failed: return Event(.drillFailed, "\(what) FAILED: \(reason)", fields)
        case .couldNotVerify: return Event(.drillUnverified, "\(what) could not verify it: \(reason)", fields)
        case .notRun: return Event(.drillUnverified, "\(record.job): drill not run: \(reason)", fields)
        }
    }
}
