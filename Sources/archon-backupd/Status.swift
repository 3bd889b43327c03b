import ArgumentParser
import BackupCore
import BackupRuntime
import Foundation

struct Status: Verb {
    static let configuration = CommandConfiguration(
        abstract: "Say how every job stands.",
        discussion: """
            EXAMPLES
              archon-backupd status
              archon-backupd status --check      0 when all is well, 1 when a job is overdue or failing: for monitoring
              archon-backupd status --json
            """)

    @OptionGroup var config: ConfigOption
    @Flag(help: "End with 1 when a job is overdue or failing.") var check = false
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let schedule = try config.load()
        let report = try CatalogReading.status(schedule, now: Date())
        if json {
            try answerJSON(report)
        } else {
            var table = Table(
                ["JOB", "STATE", "LAST GOOD DUMP", "NEXT", "DUMPS", "SIZE", "ERROR"], rightAligned: [4, 5])
            for line in report.jobs {
                let error =
                    line.error.map { String($0.prefix { $0 != "\n" }) }
                    ?? line.overdueSeconds.map { "no good dump for \(TimeSpan.text(($0 / 60).rounded() * 60))" }
                    ?? line.suspension.map { "not pruned: \($0)" } ?? ""
                table.add([
                    line.job, line.state.rawValue, line.lastSuccess.map(Zone.utc.wholeSeconds) ?? "never",
                    line.nextLocal ?? "", "\(line.dumps)",
                    ByteSize.text(line.bytes), error,
                ])
            }
            answer(table.text)
        }
        if check, !report.healthy {
            let bad = report.jobs.filter { !$0.healthy }.map { "\($0.job) is \($0.state.rawValue)" }
            throw Failure(.failed, bad.joined(separator: ", "), hint: "`archon-backupd history` shows the runs.")
        }
    }
}
