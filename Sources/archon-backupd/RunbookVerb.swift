import ArgumentParser
import BackupCore
import BackupRuntime
import Foundation

struct RunbookVerb: Verb {
    enum Format: String, ExpressibleByArgument, CaseIterable { case markdown, html }

    static let configuration = CommandConfiguration(
        commandName: "runbook",
        abstract: "Print how to bring this host's databases back, as things stand.",
        discussion: """
            Made of the schedule, the catalog and the manifests; no server is asked. Print it, or keep it off the host: on the
            day it is needed the host may be gone. It has the commands for this program and for PostgreSQL's own alone.

            EXAMPLES
              archon-backupd runbook > runbook.md
              archon-backupd runbook --format html > runbook.html     one page, for a browser and for paper
              archon-backupd runbook archon_db                        of this database alone
            """)

    @OptionGroup var config: ConfigOption
    @Option(help: "markdown or html.") var format = Format.markdown
    @Argument(help: "The jobs; all when none is named.") var jobs: [String] = []

    func run() async throws {
        let schedule = try config.load()
        let chosen = try schedule.jobs(named: jobs)
        try StorageCheck.require(schedule, jobs: chosen)
        let runbook = try RunbookGathering.runbook(schedule, jobs: chosen, config: path, now: Date())
        let text =
            switch format {
            case .markdown: RunbookMarkdown.text(runbook.blocks)
            case .html: RunbookHTML.text(runbook.blocks, title: runbook.title)
            }
        answer(text, terminator: "")
    }

    /// Absolute: the commands are run in another folder, on another day.
    private var path: String {
        guard !config.path.hasPrefix("/") else { return config.path }
        let relative = config.path.hasPrefix("./") ? String(config.path.dropFirst(2)) : config.path
        return "\(FileManager.default.currentDirectoryPath)/\(relative)"
    }
}
