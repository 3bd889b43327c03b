import ArgumentParser
import BackupCore
import BackupRuntime
import Foundation

struct History: Verb {
    static let configuration = CommandConfiguration(
        abstract: "List the runs, newest first.",
        discussion: """
            EXAMPLES
              archon-backupd history
              archon-backupd history odoo_db --limit 100 --json
            """)

    @OptionGroup var config: ConfigOption
    @Argument(help: "The job; all when none is named.") var job: String?
    @Option(help: "How many.") var limit = 20
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        if !(1...1_000_000).contains(limit) { throw ValidationError("--limit must be between 1 and 1000000.") }
    }

    func run() async throws {
        let schedule = try config.load()
        if let job { _ = try schedule.jobs(named: [job]) }
        let runs = try CatalogReading.runs(schedule, job: job, limit: limit)
        if json { return try answerJSON(runs) }
        var table = Table(
            ["RUN", "JOB", "BEGAN", "TOOK", "OUTCOME", "SLOT", "SIZE", "DUMP OR ERROR"], rightAligned: [0, 6])
        for run in runs {
            table.add([
                "\(run.id)", run.job, Zone.utc.wholeSeconds(run.began),
                run.ended.map { TimeSpan.text($0.timeIntervalSince(run.began).rounded()) } ?? "",
                run.outcome.rawValue + (run.attempt > 1 ? " (attempt \(run.attempt))" : ""),
                run.slot.map(Zone.utc.wholeSeconds) ?? "by hand",
                run.bytes.map(ByteSize.text) ?? "",
                run.dump ?? run.error.map { String($0.prefix { $0 != "\n" }) } ?? "",
            ])
        }
        answer(table.text)
    }
}
