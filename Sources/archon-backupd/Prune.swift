import ArgumentParser
import BackupCore
import BackupRuntime
import Foundation

struct Prune: Verb {
    static let configuration = CommandConfiguration(
        abstract: "Remove the dumps that the policy does not keep.",
        discussion: """
            The daemon does this after each good run. The newest good dump is never removed, nor one that is not proven.

            EXAMPLES
              archon-backupd prune --dry-run             the verdict on every dump, with reasons, and what becomes free
              archon-backupd prune archon_db --accept    the newest dump may be as small as it is
            """)

    @OptionGroup var config: ConfigOption
    @Argument(help: "Jobs; all when none is named.") var jobs: [String] = []
    @Flag(help: "Remove nothing, print the verdicts.") var dryRun = false
    @Flag(help: "Accept a newest dump that is suspiciously small.") var accept = false
    @Flag(help: "Wait for a job that another process works on.") var wait = false
    @Flag(help: "Print JSON.") var json = false

    struct Line: Encodable {
        var job: String
        var dump: String
        var verdict: String
        var reasons: [String]
        var suspended: Bool
        /// What becomes free with it when all that are to be removed go, the oldest first; 0 for one that is kept.
        var frees: Int64
    }

    func validate() throws {
        if accept && dryRun { throw ValidationError("--accept and --dry-run exclude each other.") }
        if accept && jobs.isEmpty { throw ValidationError("--accept needs the names of jobs.") }
    }

    func run() async throws {
        let schedule = try config.load()
        let ledger =
            dryRun ? nil : try Ledger(folder: Daemon.stateFolder(of: schedule), schedule: schedule) { tell($0.message) }
        var lines: [Line] = []
        for job in try schedule.jobs(named: jobs) {
            let pruning = Pruning(job: job, folder: JobFolder(job: job, root: schedule.storage.root))
            let plan: RetentionPlan
            if let ledger {
                plan = try await apply(pruning, job, schedule.storage.root, ledger)
            } else {
                plan = try pruning.plan(now: Date())
            }
            if let suspension = plan.suspension {
                tell("\(job.name): nothing is pruned: \(suspension); --accept if that is right")
            }
            let frees = plan.frees
            if dryRun, !frees.isEmpty {
                tell(
                    "\(job.name): removing \(Plural.of(frees.count, "dump", "dumps")) would free \(ByteSize.text(frees.values.reduce(0, +)))"
                )
            }
            lines += plan.decisions.map {
                Line(
                    job: job.name, dump: $0.dump.name, verdict: $0.verdict.rawValue, reasons: $0.reasons,
                    suspended: plan.suspension != nil, frees: frees[$0.dump.name] ?? 0)
            }
        }
        if json { return try answerJSON(lines) }
        var table = Table(["JOB", "DUMP", "VERDICT", "FREES", "REASON"], rightAligned: [3])
        for line in lines where dryRun || (line.verdict == "remove" && !line.suspended) {
            table.add([
                line.job, line.dump, line.verdict + (line.suspended && line.verdict == "remove" ? " (suspended)" : ""),
                line.verdict == "remove" ? ByteSize.text(line.frees) : "", line.reasons.joined(separator: ", "),
            ])
        }
        answer(table.text)
    }

    private func apply(_ pruning: Pruning, _ job: Job, _ root: String, _ ledger: Ledger) async throws -> RetentionPlan {
        let lock = wait ? try await JobLock.wait(job.name, root: root) : try JobLock.take(job.name, root: root)
        if accept, let name = try pruning.accept(now: Date(), lock: lock) {
            tell("\(job.name): \(name) is accepted as it is")
        }
        let listed = try pruning.folder.list()
        let plan = pruning.plan(listed, now: Date())
        let removed = Set(try pruning.apply(plan, lock: lock).map(\.name))
        await ledger.suspend(job.name, plan.suspension)
        await ledger.reconcile(job.name, listed.filter { !removed.contains($0.name) })
        return plan
    }
}
