import ArgumentParser
import BackupCore
import BackupRuntime
import Foundation

struct Adopt: Verb {
    static let configuration = CommandConfiguration(
        abstract: "Make a dump of an archive that has no manifest: of the older shell script, or of pg_dump.",
        discussion: """
            The archive is read in full and gets a manifest; from then on it is a dump like any other, and retention counts it.
            One that lies in the job's folder is taken over under its new name; one from elsewhere is copied, and stays.

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
        let ledger = try Ledger(folder: Daemon.stateFolder(of: schedule), schedule: schedule) { tell($0.message) }
        for file in files {
            let container = schedule.server(of: job)?.container
            let manifest = try await interruptible {
                try await Adoption(job: job, root: root, container: container).adopt(file, lock: lock)
            }
            await ledger.reconcile(job.name, try JobFolder(job: job, root: root).list())
            answer(manifest.dump)
        }
    }
}
