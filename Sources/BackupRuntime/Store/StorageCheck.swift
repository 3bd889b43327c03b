import BackupCore
import Foundation

/// Whether the dumps' place is there: without it "no dumps" would be said of a disk that is only not mounted.
package enum StorageCheck {
    /// Throws `.unavailable` when the storage root, or the folder of a job that has dumps by the catalog, is not there, and another
    /// failure when the root cannot be read.
    package static func require(_ schedule: Schedule, jobs: [Job]) throws {
        let root = schedule.storage.root
        guard access(root, R_OK | X_OK) == 0 else {
            let code = errno
            guard code == ENOENT || code == ENOTDIR else { throw Disk.failure("cannot read \(root)", code) }
            throw Failure(
                .unavailable, "the storage root \(root) is not there",
                hint: "Mount its disk; on a new host `archon-backupd check --connect` makes it.")
        }
        let totals = CatalogReading.dumpTotals(schedule)
        for job in jobs {
            let folder = JobFolder(job: job, root: root).path
            guard let count = totals[job.name], count > 0, !Disk.exists(folder) else { continue }
            throw Failure(
                .unavailable,
                "\(folder) is not there, and the catalog has \(Plural.of(count, "dump", "dumps")) of \(job.name)",
                hint: "Mount the disk of \(root); when they are gone for good, run `archon-backupd rebuild-catalog`.")
        }
    }
}
