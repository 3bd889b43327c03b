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
              archon-backupd status --check      0 when all is well, 1 when a job is overdue or failing, an objective is
                                                 missed, or a drill failed or could not verify: for monitoring
              archon-backupd status --json
            """)

    @OptionGroup var config: ConfigOption
    @Flag(help: "End with 1 when a job is not healthy.") var check = false
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let schedule = try config.load()
        let report = try CatalogReading.status(schedule, now: Date())
        if json {
            try answerJSON(report)
        } else {
            var table = Table(
                ["JOB", "STATE", "LAST GOOD DUMP", "NEXT", "DUMPS", "SIZE", "RPO", "RTO", "DRILL", "ERROR"],
                rightAligned: [4, 5])
            for line in report.jobs {
                let fault =
                    line.error.map { String($0.prefix { $0 != "\n" }) }
                    ?? line.overdueSeconds.map { "no good dump for \(TimeSpan.text(($0 / 60).rounded() * 60))" }
                    ?? line.suspension.map { "not pruned: \($0)" }
                let notes = line.complaints + [line.note].compactMap(\.self)
                let error = ((fault.map { [$0] } ?? []) + notes).joined(separator: "; ")
                table.add([
                    line.job, line.state.rawValue, line.lastSuccess.map(Zone.utc.wholeSeconds) ?? "never",
                    line.nextLocal ?? "", "\(line.dumps)",
                    ByteSize.text(line.bytes), line.measure?.beside(.rpo) ?? "", line.measure?.beside(.rto) ?? "",
                    drill(line), error,
                ])
            }
            answer(table.text)
        }
        if check, !report.healthy {
            let bad = report.jobs.filter { !$0.healthy }.map { line in
                line.complaints.isEmpty
                    ? "\(line.job) is \(line.state.rawValue)"
                    : "\(line.job): \(line.complaints.joined(separator: ", "))"
            }
            throw Failure(.failed, bad.joined(separator: ", "), hint: "`archon-backupd history` shows the runs.")
        }
    }

    /// `proven 2d ago`, `stale: proven 6d ago`, `could not verify`.
    private func drill(_ line: StatusReport.Line) -> String {
        if line.drilling { return "drilling" }
        let verdict = DrillVerdict(rawValue: line.drill)?.text ?? line.drill
        guard let last = line.lastDrill else { return verdict }
        let hours = (Date().timeIntervalSince(last) / 3600).rounded(.down)
        let ago = hours < 1 ? "now" : hours < 48 ? "\(Int(hours))h ago" : "\(Int(hours / 24))d ago"
        return "\(verdict) (\(ago))"
    }
}
