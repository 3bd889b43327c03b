import ArgumentParser
import BackupCore
import BackupRuntime
import Foundation

struct List: Verb {
    static let configuration = CommandConfiguration(
        abstract: "List the dumps, oldest first, as they are on the disk.",
        discussion: """
            PROOF is what is known of a dump: "drilled" that it was restored and compared, "matched" that it was compared with
            its source, "read" that every byte was read back, "none" that it was left by an older tool; "DAMAGED" that it
            must not be trusted. docs/proof.md says more.

            SIZE is how long the archive's files are. OWN of it is the dump's alone and becomes free when it alone is removed;
            SHARED is on the disk once for several dumps. docs/storage.md says more.

            EXAMPLES
              archon-backupd list
              archon-backupd list archon_db --json
            """)

    @OptionGroup var config: ConfigOption
    @Argument(help: "Jobs; all when none is named.") var jobs: [String] = []
    @Flag(help: "Print JSON.") var json = false

    struct Line: Encodable {
        var job: String
        var dump: String
        var path: String
        var time: Date
        var bytes: Int64
        var own: Int64
        var shared: Int64
        var rows: Int?
        var proof: String
        var fault: String?
    }

    func run() async throws {
        let schedule = try config.load()
        let chosen = try schedule.jobs(named: jobs)
        for job in chosen { if let absence = job.found?.absence { tell("\(job.name): \(absence)") } }
        let lines = try chosen.flatMap { job in
            try JobFolder(job: job, root: schedule.storage.root).list().map(line)
        }
        if json { return try answerJSON(lines) }
        var table = Table(
            ["JOB", "DUMP", "TIME", "SIZE", "OWN", "SHARED", "ROWS", "PROOF"], rightAligned: [3, 4, 5, 6])
        for line in lines {
            table.add([
                line.job, line.dump, Zone.utc.iso8601(line.time), ByteSize.text(line.bytes),
                ByteSize.text(line.own), ByteSize.text(line.shared), line.rows.map { "\($0)" } ?? "",
                line.fault.map { "DAMAGED: \($0)" } ?? line.proof,
            ])
        }
        answer(table.text)
    }

    private func line(_ dump: StoredDump) -> Line {
        var line = Line(
            job: dump.job, dump: dump.name, path: dump.path, time: dump.time, bytes: dump.bytes,
            own: dump.space.own, shared: dump.space.shared, proof: "none")
        if let manifest = dump.anyManifest {
            line.rows = manifest.totalRows
            line.proof = manifest.proof.rawValue
        }
        line.fault = dump.fault
        return line
    }
}
