import ArgumentParser
import BackupCore
import BackupRuntime
import Foundation

struct DrillVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "drill", abstract: "Restore a dump into a scratch database, compare everything, and drop it.",
        discussion: """
            The daemon does this once a week for every job. Ends with 0 when the dump is proven; with 65 when it does not
            restore to what its manifest says, which marks it damaged and dumps the job again at once; with 69 when it
            could not be verified here; the message says what is missing.

            EXAMPLES
              archon-backupd drill archon_db                                         the newest dump
              archon-backupd drill archon_db --dump backup_archon_db_20261123T020000Z
              archon-backupd drill --all --json
            """)

    @OptionGroup var config: ConfigOption
    @Argument(help: "The job.") var job: String?
    @Flag(help: "All enabled jobs, one after the other.") var all = false
    @Option(help: "The dump; default the newest good one.") var dump: String?
    @Flag(help: "Print the verdicts as JSON.") var json = false

    func validate() throws {
        if (job == nil) != all { throw ValidationError("Name a job, or give --all.") }
        if dump != nil && all { throw ValidationError("--dump goes with a job.") }
    }

    func run() async throws {
        let schedule = try config.load()
        let jobs = try schedule.jobs(named: job.map { [$0] } ?? []).filter { !all || $0.isEnabled }
        let folder = Daemon.stateFolder(of: schedule)
        let ledger = try Ledger(folder: folder, schedule: schedule) { tell($0.message) }
        let runner = DrillRun(ledger: ledger, stateFolder: folder) { event in
            switch event.kind {
            // Said by the answer, the exit, or the progress.
            case .drillBegan, .drillProven, .drillFailed, .drillUnverified, .drillInterrupted: break
            default: tell(event.message)
            }
        }
        var records: [DrillRecord] = []
        var failures: [Failure] = []
        for job in jobs {
            let progress = Progress(job.name)
            let request = DrillRun.Request(job: job, schedule: schedule, dump: dump)
            let outcome = try await interruptible {
                let outcome = await runner.perform(request) { progress.show($0) }
                if case .interrupted = outcome { throw CancellationError() }
                return outcome
            }
            progress.end()
            switch outcome {
            case .ended(let record):
                records.append(record)
                if !json { answer(text(of: record)) }
                if let failure = failure(of: record) { failures.append(failure) }
                if record.verdict == .failed { await renew(job, schedule, ledger) }
            case .busy(let failure): failures.append(failure)
            case .interrupted: break  // thrown above
            }
        }
        if json { try answerJSON(records) }
        for failure in failures.dropFirst() { tell("archon-backupd: \(failure)") }
        if let first = failures.first { throw first }
    }

    /// What could not be restored is no backup any more: the job is dumped again.
    private func renew(_ job: Job, _ schedule: Schedule, _ ledger: Ledger) async {
        guard let server = schedule.server(of: job) else { return }
        tell("\(job.name): dumped again, because its dump does not restore")
        let runner = JobRun(ledger: ledger) { event in if event.kind != .runBegan { tell(event.message) } }
        _ = await runner.perform(RunRequest(job: job, server: server, storage: schedule.storage)) { _ in }
    }

    private func text(of record: DrillRecord) -> String {
        let what = record.dump ?? record.job
        guard record.verdict == .proven, let seconds = record.restoreSeconds else {
            return "\(what): \(record.verdict.text)"
        }
        let notes = record.notes.map { "\n  note: \($0)" }.joined()
        let assertions = Plural.of(record.assertions, "assertion", "assertions")
        return
            "\(what): proven on \(record.place), \(Plural.rows(record.rows ?? 0)) equal, \(assertions) true, restored in \(TimeSpan.text(max(1, seconds.rounded(.up))))\(notes)"
    }

    private func failure(of record: DrillRecord) -> Failure? {
        let reason = record.reason ?? ""
        switch record.verdict {
        case .proven, .stale: return nil
        case .failed: return Failure(.damaged, "the drill of \(record.dump ?? record.job) failed: \(reason)")
        case .couldNotVerify:
            return Failure(.unavailable, "\(record.dump ?? record.job) could not be verified: \(reason)")
        case .notRun: return Failure(.failed, "\(record.job) was not drilled: \(reason)")
        }
    }
}
