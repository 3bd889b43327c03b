import ArgumentParser
import BackupCore
import BackupRuntime
import Foundation

struct Adopt: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a dump of an archive that has no manifest: of the older shell script, or of pg_dump.",
        discussion: """
            The archive is copied into the job's folder, read in full, and gets a manifest; from then on retention counts it.
            The file itself stays where it is.

            EXAMPLES
              archon-backupd adopt archon_db /backups/supabase-ai/archon_db/backup_archon_db_20251123_020000.dump
            """)

    @OptionGroup var config: ConfigOption
    @Argument(help: "The job.") var job: String
    @Argument(help: "The archives.", completion: .file()) var files: [String]
    @Flag(help: "Wait for a job that another process works on.") var wait = false

    func run() async throws {
        let schedule = try config.load()
        let job = try schedule.jobs(named: [job])[0]
        let root = schedule.storage.root
        let lock = wait ? try await JobLock.wait(job.name, root: root) : try JobLock.take(job.name, root: root)
        for file in files {
            let manifest = try await interruptible { try await Adoption(job: job, root: root).adopt(file, lock: lock) }
            answer(manifest.dump)
        }
    }
}
