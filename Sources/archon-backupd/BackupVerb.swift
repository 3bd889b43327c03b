import ArgumentParser
import BackupCore
import BackupRuntime
import Foundation

struct BackupVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Dump databases now, whatever the time.",
        discussion: """
            Each dump is read back in full before it is listed, and old ones are pruned by policy afterwards. A failure does
            not stop the other jobs; the exit code is that of the first one.

            EXAMPLES
              archon-backupd backup archon_db
              archon-backupd backup --all --wait
            """)

    @OptionGroup var config: ConfigOption
    @Argument(help: "Jobs.") var jobs: [String] = []
    @Flag(help: "All enabled jobs.") var all = false
    @Flag(help: "Wait for a job that another process works on, instead of ending with 75.") var wait = false
    @Flag(help: "Print the manifests as JSON.") var json = false

    func validate() throws {
        if jobs.isEmpty != all { throw ValidationError("Name jobs, or give --all.") }
    }

    func run() async throws {
        let schedule = try config.load()
        let chosen = try schedule.jobs(named: jobs).filter { !all || $0.isEnabled }
        let ledger = try Ledger(folder: Daemon.stateFolder(of: schedule), schedule: schedule) { tell($0.message) }
        let runner = JobRun(ledger: ledger, waitsForLock: wait) { event in
            switch event.kind {
            // Said by the exit, or shown by the progress.
            case .runFailed, .runBegan, .runInterrupted: break
            default: tell(event.message)
            }
        }
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
        for failure in failures.dropFirst() { tell("archon-backupd: \(failure)") }
        if let first = failures.first { throw first }
    }
}
