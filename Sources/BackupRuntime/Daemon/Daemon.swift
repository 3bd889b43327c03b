import BackupCore
import Dispatch
import Foundation

/// The service: opens what it needs, schedules until it is told to stop, and tells the service manager.
package struct Daemon: Sendable {
    /// Time for runs that are nearly done when the service is stopped.
    private static let stopGraceSeconds = 60.0

    private let path: String
    private let notify = Notify()
    private let sink = EventSink.forThisProcess()

    package init(path: String) { self.path = path }

    /// `storage.state`, else systemd's STATE_DIRECTORY, else the usual place.
    package static func stateFolder(of schedule: Schedule) -> String {
        if let state = schedule.storage.state { return state }
        let folders = ProcessInfo.processInfo.environment["STATE_DIRECTORY"]?.split(separator: ":") ?? []
        return folders.first.map(String.init) ?? "/var/lib/archon-backupd"
    }

    /// Returns after SIGTERM or SIGINT, when nothing runs any more. Throws when it cannot begin: `Told` when the journal has the
    /// reason already.
    package func run() async throws {
        do {
            try await serve()
        } catch {
            guard case .journal = sink else { throw error }
            let failure = error as? Failure ?? Failure(.failed, "\(error)")
            sink.send(
                Event(
                    .daemonFailed, "archon-backupd cannot begin: \(failure)",
                    ["SCHEDULE": path, "REASON": failure.description]))
            sink.settle()
            throw Told(kind: failure.kind)
        }
    }

    private func serve() async throws {
        // Whoever read our stderr may go; the backups go on.
        signal(SIGPIPE, SIG_IGN)
        let signals = Signals([SIGTERM, SIGINT, SIGHUP], sparingIgnored: false)
        let report: @Sendable (Event) -> Void = { [sink] in sink.send($0) }
        let written = try ScheduleFile.load(path)
        let folder = Self.stateFolder(of: written)
        try Disk.makeFolder(folder)
        let lock = try Self.lock(folder)
        defer { withExtendedLifetime(lock) {} }
        // A catalog that must be made again is filled with the dumps of found databases too.
        let ledger = try Ledger(
            folder: folder, schedule: written.including(FoundFolders.look(written, beyond: [])), report: report)
        let discovery = await DiscoveryWatch(written, ledger, report)
        let schedule = await discovery.schedule
        await ledger.adopt(schedule)
        let runner = JobRun(ledger: ledger, report: report)
        let driller = DrillRun(ledger: ledger, stateFolder: folder, report: report)
        let leftovers = LeftoverSweep(schedule, ledger: ledger, report: report) { await driller.sweep(schedule) }
        let scheduler = Scheduler(
            schedule: schedule, ledger: ledger, notify: notify, report: report,
            perform: { request, progress in
                await leftovers.finish(request.job)
                return await runner.perform(request, progress: progress)
            },
            drill: { request, progress in
                await leftovers.finishForDrill(request.job)
                return await driller.perform(request, progress: progress)
            })
        await scheduler.begin()
        notify.ready()
        report(
            Event(
                .daemonReady,
                "archon-backupd \(Version.current) is ready: \(Plural.jobs(schedule.jobs.count)) from \(path)",
                fields(schedule)))
        let wedge = WedgeSignal(scheduler)
        defer { withExtendedLifetime(wedge) {} }
        await discovery.begin { schedule in
            await ledger.adopt(schedule)
            await scheduler.adopt(schedule)
        }
        let sweep = Task {
            await leftovers.sweepAll()
            Memory.giveBack()
        }
        defer { sweep.cancel() }
        var current = schedule
        for await signal in signals.stream {
            guard signal == SIGHUP else { break }
            if let new = await reload(scheduler, ledger, discovery, current, report) { current = new }
        }
        await discovery.stop()
        notify.stopping()
        report(Event(.daemonStopping, "stopping"))
        let second = Task {
            for await signal in signals.stream where signal != SIGHUP { await scheduler.interruptAll() }
        }
        await scheduler.stop(graceSeconds: Self.stopGraceSeconds)
        second.cancel()
    }

    private func fields(_ schedule: Schedule) -> [String: String] {
        ["SCHEDULE": path, "JOBS": "\(schedule.jobs.count)"]
    }

    /// One daemon for one catalog, and nobody else who makes it anew. Throws `.busy` when there is one.
    package static func lock(_ folder: String) throws -> JobLock {
        do {
            return try JobLock.take("", root: folder)
        } catch let failure as Failure where failure.kind == .busy {
            throw Failure(
                .busy, "another archon-backupd daemon uses \(folder)",
                hint: "Stop it first, or give this schedule its own storage.state.")
        }
    }

    /// The new schedule, or nil when the old one stays.
    private func reload(
        _ scheduler: Scheduler, _ ledger: Ledger, _ discovery: DiscoveryWatch, _ current: Schedule,
        _ report: (Event) -> Void
    ) async -> Schedule? {
        notify.reloading()
        defer { notify.ready() }
        do {
            let written = try ScheduleFile.load(path)
            guard Self.stateFolder(of: written) == Self.stateFolder(of: current),
                written.storage.root == current.storage.root
            else {
                throw Failure(
                    .configInvalid, "storage.root or storage.state has changed", hint: "Restart the service to move it."
                )
            }
            let schedule = await discovery.reload(written)
            await ledger.adopt(schedule)
            await scheduler.reload(schedule)
            await discovery.resume()
            report(Event(.reloaded, "reloaded \(path): \(Plural.jobs(schedule.jobs.count))", fields(schedule)))
            return schedule
        } catch {
            let reason = (error as? Failure)?.description ?? "\(error)"
            report(
                Event(
                    .reloadFailed, "the new schedule is not used, the old one goes on: \(reason)",
                    ["SCHEDULE": path, "REASON": reason]))
            await scheduler.notice("schedule.json has faults, the old one goes on")
            return nil
        }
    }
}
