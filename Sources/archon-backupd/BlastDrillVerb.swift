import ArgumentParser
import BackupCore
import BackupRuntime

struct BlastDrillVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "blast-drill",
        abstract:
            "Lose one database on a server made for it, and show that the others are untouched and it comes back.",
        discussion: """
            All databases of the job's server are restored from their newest dumps onto a throwaway server, the job's is
            dropped, the others are held to their dumps, the job's is restored and held to its own. No server of the schedule
            is touched. Ends with 0 when all that is shown; with 65 when a dump does not restore; with 1 when another
            database was touched, or a job has no good dump to show it by; with 69 when it could not be tried here.

            EXAMPLES
              archon-backupd blast-drill archon_db
              archon-backupd blast-drill archon_db --json
            """)

    @OptionGroup var config: ConfigOption
    @Argument(help: "The job whose database is lost.") var job: String
    @Flag(help: "Wait for jobs that another process works on, and for another drill.") var wait = false
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let schedule = try config.load()
        let job = try schedule.jobs(named: [job])[0]
        let progress = Progress(job.name)
        let drill = BlastDrill(
            job: job, schedule: schedule, stateFolder: Daemon.stateFolder(of: schedule), waitsForLocks: wait,
            report: { event in tell(event.message) }
        ) { _, at in progress.show(at) }
        let report = try await interruptible { try await drill.perform() }
        progress.end()
        if json { try answerJSON(report) } else { answer(text(of: report)) }
        for name in report.without { tell("\(name) has no good dump: nothing can be said of its database") }
        let touched = report.databases.filter { !$0.isEqual }
        guard touched.isEmpty else {
            let said = touched.map { "\($0.database): \($0.difference ?? "it differs")" }.joined(separator: "; ")
            throw Failure(
                .failed, "losing \(job.database) touched others: \(said)",
                hint:
                    "Look for what reaches from one database into the other: foreign servers, scripts, event triggers.")
        }
        guard report.without.isEmpty else {
            let names = report.without.map(ShellCommand.word).joined(separator: " ")
            throw Failure(
                .failed, "not proven for all databases of the server: without a good dump are \(names)",
                hint: "Run `archon-backupd backup \(names)`.")
        }
    }

    private func text(of report: BlastDrill.Report) -> String {
        var table = Table(["JOB", "DATABASE", "DUMP", "TABLES", "ROWS", ""], rightAligned: [3, 4])
        for (index, line) in report.databases.enumerated() {
            let word = index == 0 ? "dropped, restored, equal to its dump" : "untouched, equal to its dump"
            table.add([
                line.job, line.database, line.dump, "\(line.tables)", "\(line.rows)",
                line.difference.map { "TOUCHED: \($0)" } ?? word,
            ])
        }
        let seconds = TimeSpan.text(max(1, report.restoreSeconds.rounded(.up)))
        let verdict = report.isProven ? "proven" : "NOT PROVEN"
        return table.text
            + "\n\(report.job): \(verdict) on \(report.place) (\(report.serverVersion)), restored and compared in \(seconds)"
    }
}
