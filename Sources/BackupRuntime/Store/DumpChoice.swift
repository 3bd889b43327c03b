import BackupCore
import Foundation

/// Which dump a person means: by name, by instant, or the newest good one.
package struct DumpChoice: Sendable {
    private let name: String?
    private let at: Date?

    package init(name: String? = nil, at: Date? = nil) {
        self.name = name
        self.at = at
    }

    /// Throws `.failed` that says what there is instead.
    package func choose(_ folder: JobFolder) throws -> StoredDump { try chooseAndTell(folder).dump }

    /// The same, with the newest that was meant where it is not good: its data are newer than those of the one that was chosen in
    /// its place, and whoever gets these is to be told. Nil where a name was given.
    package func chooseAndTell(_ folder: JobFolder) throws -> (
        dump: StoredDump, passedOver: (name: String, fault: String)?
    ) {
        let dumps = try folder.list()
        if let name {
            let plain = name.hasSuffix(".dump") || name.hasSuffix(".json") ? String(name.dropLast(5)) : name
            guard let dump = dumps.first(where: { $0.name == plain }) else {
                throw Failure(
                    .failed, "\(folder.job) has no dump \"\(name)\"",
                    hint: "`archon-backupd list \(ShellCommand.word(folder.job))` lists them.")
            }
            return (dump, nil)
        }
        let good = dumps.filter { $0.manifest != nil }
        if let at {
            let meant = dumps.filter { $0.dataTime <= at }
            guard let dump = meant.last(where: { $0.manifest != nil }) else {
                let oldest = good.first?.manifest.map { "; the oldest is of \(Zone.utc.iso8601($0.snapshot))" } ?? ""
                throw Failure(
                    .failed, "\(folder.job) has no good dump from before \(Zone.utc.iso8601(at))\(oldest)",
                    hint: "`archon-backupd list \(ShellCommand.word(folder.job))` lists them.")
            }
            return (dump, meant.newestIfNotGood)
        }
        guard let newest = good.last else {
            throw Failure(
                .failed, "\(folder.job) has no good dump",
                hint: dumps.isEmpty
                    ? "Run `archon-backupd backup \(ShellCommand.word(folder.job))`."
                    : "There are unproven ones: `archon-backupd list \(ShellCommand.word(folder.job))`; name one with --dump."
            )
        }
        return (newest, dumps.newestIfNotGood)
    }
}
