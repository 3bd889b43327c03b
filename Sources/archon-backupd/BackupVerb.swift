import ArgumentParser
import BackupCore
import BackupRuntime
import Foundation

struct BackupVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Dump databases now, whatever the time.",
        discussion: """
            Each dump is read back in full before it is listed, and old ones are pruned by policy afterwards. A failure does
            not stop the other jobs; the exit code is that of the worst one. With --all the servers are asked for new
            databases first (docs/discovery.md), and as many jobs run at once as "concurrency" allows.

            EXAMPLES
              archon-backupd backup archon_db
              archon-backupd backup --all --wait
              archon-backupd backup --all --server supabase --json
            """)

    @OptionGroup var config: ConfigOption
    @Argument(help: "Jobs.") var jobs: [String] = []
    @Flag(help: "All enabled jobs, written and found.") var all = false
    @Option(help: "With --all: the jobs of this server alone.") var server: String?
    @Flag(help: "Wait for a job that another process works on, instead of ending with 75.") var wait = false
    @Flag(help: "Print the manifests as JSON; with --all, the outcomes.") var json = false

    func validate() throws {
        if jobs.isEmpty != all { throw ValidationError("Name jobs, or give --all.") }
        if server != nil && !all { throw ValidationError("--server goes with --all.") }
    }

    func run() async throws {
        if all { return try await performAll() }
        let schedule = try config.load()
        let chosen = try schedule.jobs(named: jobs)
        let ledger = try Ledger(folder: Daemon.stateFolder(of: schedule), schedule: schedule) { tell($0.message) }
        let runner = runner(ledger)
        var manifests: [Manifest] = []
        var failures: [Failure] = []
        for job in chosen {
            guard let server = schedule.server(of: job) else { continue }
            let previous = await ledger.known(of: schedule, now: Date())[job.name]?.previous
            let request = RunRequest(job: job, server: server, storage: schedule.storage, previous: previous)
            let progress = Progress(job.name, expected: ExpectedSize(bytes: previous?.bytes, rows: previous?.rows))
            let outcome = try await interruptible {
                let outcome = await runner.perform(request) { progress.show($0) }
                if case .interrupted = outcome { throw CancellationError() }
                return outcome
            }
            progress.end()
            switch outcome {
            case .succeeded(let manifest): manifests.append(manifest)
            case .failed(let failure), .busy(let failure): failures.append(failure)
            case .interrupted: break  // thrown above
            }
        }
        if json { try answerJSON(manifests) } else { for manifest in manifests { answer(manifest.dump) } }
        try end(with: failures)
    }

    private func runner(_ ledger: Ledger) -> JobRun {
        JobRun(ledger: ledger, waitsForLock: wait) { event in
            switch event.kind {
            // Said by the exit, or shown by the progress.
            case .runFailed, .runBegan, .runInterrupted: break
            default: tell(event.message)
            }
        }
    }

    /// Tells all of them, the worst one last, and throws that.
    private func end(with failures: [Failure]) throws {
        guard let worst = Failure.worst(failures) else { return }
        var others = failures
        if let place = others.firstIndex(of: worst) { others.remove(at: place) }
        for failure in others { tell("archon-backupd: \(failure)") }
        throw worst
    }

    // MARK: all

    private func performAll() async throws {
        let written = try config.loadWritten()
        let names = Set(try written.servers(named: server).map(\.name))
        let ledger = try Ledger(folder: Daemon.stateFolder(of: written), schedule: try config.load()) {
            tell($0.message)
        }
        let (schedule, unanswered) = await DiscoveryOnce.look(written, servers: names, ledger) { event in
            if event.kind != .discoveryFailed { tell(event.message) }
        }
        let chosen = schedule.jobs.filter { names.contains($0.server) && ($0.isEnabled || $0.found?.absence != nil) }
        let work = BackupOfMany(schedule, ledger: ledger, runner: runner(ledger))
        let outcomes = try await interruptible {
            let outcomes = await work.perform(chosen)
            try Task.checkCancellation()
            return outcomes
        }
        if json { try answerJSON(outcomes) } else { answer(table(outcomes)) }
        try end(with: unanswered + outcomes.compactMap(\.failure))
    }

    private func table(_ outcomes: [BackupOfMany.Outcome]) -> String {
        var table = Table(
            ["SERVER", "JOB", "OUTCOME", "DUMP", "SIZE", "ROWS", "TOOK", "ERROR"], rightAligned: [4, 5])
        for line in outcomes {
            table.add([
                line.server, line.job, line.outcome, line.dump ?? "", line.bytes.map(ByteSize.text) ?? "",
                line.rows.map { "\($0)" } ?? "", line.seconds.map { TimeSpan.text(max(1, $0.rounded())) } ?? "",
                line.error.map { String($0.prefix { $0 != "\n" }) } ?? "",
            ])
        }
        return table.text
    }
}
