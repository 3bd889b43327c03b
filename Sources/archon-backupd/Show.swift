import ArgumentParser
import BackupCore
import BackupRuntime
import Foundation

struct Show: Verb {
    static let configuration = CommandConfiguration(
        abstract: "Print all that is known of a dump: its manifest.",
        discussion: """
            EXAMPLES
              archon-backupd show archon_db                                     the newest
              archon-backupd show archon_db backup_archon_db_20261123T020000Z
            """)

    @OptionGroup var config: ConfigOption
    @Argument(help: "The job.") var job: String
    @Argument(help: "The dump; the newest when none is named.") var dump: String?
    @Flag(help: "Print the manifest as JSON.") var json = false

    /// The manifest, and what the file system says beside it.
    private struct Shown: Encodable {
        var manifest: Manifest
        var own: Int64
        var shared: Int64
        private enum CodingKeys: String, CodingKey { case own, shared }

        func encode(to encoder: any Encoder) throws {
            try manifest.encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(own, forKey: .own)
            try container.encode(shared, forKey: .shared)
        }
    }

    func run() async throws {
        let schedule = try config.load()
        let job = try schedule.jobs(named: [job])[0]
        let stored = try DumpChoice(name: dump).choose(JobFolder(job: job, root: schedule.storage.root))
        guard let manifest = stored.anyManifest else {
            throw Failure(
                .damaged, "\(stored.name) has no manifest that can be used",
                hint:
                    "`archon-backupd adopt \(ShellCommand.word(job.name)) \(ShellCommand.word(stored.path))` reads it and makes one."
            )
        }
        if json { return try answerJSON(Shown(manifest: manifest, own: stored.space.own, shared: stored.space.shared)) }
        var table = Table(["DUMP", manifest.dump])
        table.add(["path", stored.path])
        table.add(["database", "\(manifest.database) on \(manifest.server), owner \(manifest.properties.owner)"])
        table.add(["slot", manifest.slot.map { Zone.utc.iso8601($0) } ?? "asked for by a person"])
        table.add(["snapshot", Zone.utc.iso8601(manifest.snapshot)])
        table.add(["took", TimeSpan.text(manifest.ended.timeIntervalSince(manifest.began))])
        table.add([
            "archive",
            "\(manifest.format.rawValue), \(manifest.compression), \(ByteSize.text(manifest.bytes)), \(manifest.entries) entries",
        ])
        table.add([
            "space", "\(ByteSize.text(stored.space.own)) of its own, \(ByteSize.text(stored.space.shared)) shared",
        ])
        table.add(["sha256", manifest.sha256])
        table.add(["versions", "server \(manifest.serverVersion), pg_dump \(manifest.pgDumpVersion), \(manifest.tool)"])
        table.add([
            "rows", "\(manifest.totalRows) in \(manifest.rows.count) tables, \(manifest.largeObjects) large objects",
        ])
        table.add(["extensions", manifest.extensions.map { "\($0.name) \($0.version)" }.joined(separator: ", ")])
        if let roles = manifest.roles { table.add(["roles", roles.joined(separator: ", ")]) }
        table.add(["proof", manifest.proof.rawValue])
        if let drill = manifest.drill {
            let reason = drill.reason.map { ": \($0.replacing("\n", with: "; "))" } ?? ""
            table.add([
                "drill", "\(drill.verdict.text) at \(Zone.utc.wholeSeconds(drill.ended)) on \(drill.place)\(reason)",
            ])
        }
        if let damage = manifest.damage {
            table.add(["damage", "found at \(Zone.utc.wholeSeconds(damage.found)): \(damage.reason)"])
        }
        for warning in manifest.warnings { table.add(["warning", warning]) }
        answer(table.text)
        guard !manifest.rows.isEmpty else { return }
        var rows = Table(["TABLE", "ROWS"], rightAligned: [1])
        for (name, count) in manifest.rows.sorted(by: { $0.key < $1.key }) { rows.add([name, "\(count)"]) }
        answer("\n" + rows.text)
    }
}
