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
    package func choose(_ folder: JobFolder) throws -> StoredDump {
        let dumps = try folder.list()
        if let name {
            let plain = name.hasSuffix(".dump") || name.hasSuffix(".json") ? String(name.dropLast(5)) : name
            guard let dump = dumps.first(where: { $0.name == plain }) else {
                throw Failure(
                    .failed, "\(folder.job) has no dump \"\(name)\"",
                    hint: "`archon-backupd list \(ShellCommand.word(folder.job))` lists them.")
            }
            return dump
        }
        let good = dumps.filter { $0.manifest != nil }
        if let at {
            guard let dump = good.last(where: { ($0.manifest?.snapshot ?? $0.time) <= at }) else {
                let oldest = good.first?.manifest.map { "; the oldest is of \(Zone.utc.iso8601($0.snapshot))" } ?? ""
                throw Failure(
                    .failed, "\(folder.job) has no good dump from before \(Zone.utc.iso8601(at))\(oldest)",
                    hint: "`archon-backupd list \(ShellCommand.word(folder.job))` lists them.")
            }
            return dump
        }
        guard let newest = good.last else {
            throw Failure(
                .failed, "\(folder.job) has no good dump",
                hint: dumps.isEmpty
                    ? "Run `archon-backupd backup \(ShellCommand.word(folder.job))`."
                    : "There are unproven ones: `archon-backupd list \(ShellCommand.word(folder.job))`; name one with --dump."
            )
        }
        return newest
    }
}
