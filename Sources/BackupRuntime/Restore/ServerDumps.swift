import BackupCore
import Foundation

/// The dumps that bring a whole server back as it was at one moment: of each database the newest that is not later.
package struct ServerDumps: Sendable {
    package struct Choice: Sendable {
        package var database: String
        package var job: Job
        /// Nil when there is none that can be used, for the reason beside it.
        package var manifest: Manifest?
        package var path: String
        package var failure: Failure?
    }

    /// Nil means the newest.
    private let at: Date?
    private let root: String

    package init(at: Date?, root: String) {
        self.at = at
        self.root = root
    }

    /// One for each database, in the order of the jobs. Where several jobs dump one database, those that dump all of it go first.
    package func choose(_ jobs: [Job]) throws -> [Choice] {
        var choices: [Choice] = []
        for job in jobs.sorted(by: { !$0.isPartial && $1.isPartial }) {
            let folder = JobFolder(job: job, root: root)
            guard let choice = try choose(job, folder) else { continue }
            if let place = choices.firstIndex(where: { $0.database == job.database }) {
                guard choices[place].isWorse(than: choice) else { continue }
                choices[place] = choice
            } else {
                choices.append(choice)
            }
        }
        return choices
    }

    /// Nil for a job that does not run and has no dump: nobody misses anything.
    private func choose(_ job: Job, _ folder: JobFolder) throws -> Choice? {
        let dumps = try folder.list()
        guard !dumps.isEmpty || job.isEnabled || job.found?.standing == .closed else { return nil }
        var choice = Choice(database: job.database, job: job, path: "")
        let newest = dumps.last { dump in
            if case .legacy = dump.state { return false }
            return at.map { dump.dataTime <= $0 } ?? true
        }
        guard let newest else {
            let oldest =
                dumps.first { $0.manifest != nil }.map { "; the oldest is of \(Zone.utc.iso8601($0.dataTime))" } ?? ""
            let before = at.map { " from before \(Zone.utc.iso8601($0))" } ?? ""
            choice.failure = Failure(
                .failed, "\(job.name) has no good dump\(before)\(oldest)",
                hint:
                    "`archon-backupd list \(ShellCommand.word(job.name))` lists them; leave the database out with --exclude."
            )
            return choice
        }
        choice.path = newest.path
        guard let manifest = newest.manifest else {
            // Not an older one without a word: how much would be lost is for a person to weigh.
            choice.failure = Failure(
                .damaged, "the newest dump \(newest.name) is damaged: \(newest.fault ?? "it has no manifest")",
                hint:
                    "`archon-backupd list \(ShellCommand.word(job.name))` shows the others: `archon-backupd restore \(ShellCommand.word(job.name)) --dump NAME --into \(ShellCommand.word(job.database))`."
            )
            return choice
        }
        choice.manifest = manifest
        return choice
    }
}

extension ServerDumps.Choice {
    fileprivate func isWorse(than other: Self) -> Bool {
        job.yields(manifest?.snapshot, to: other.job, other.manifest?.snapshot)
    }
}
