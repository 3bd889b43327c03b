import BackupCore
import Foundation

/// Reads what a runbook is made of: catalog and manifests. It asks no server, for on that day there may be none.
package enum RunbookGathering {
    package static func runbook(_ schedule: Schedule, jobs: [Job], config: String, now: Date) throws -> Runbook {
        let states = try CatalogReading.states(schedule)
        let databases = try jobs.map { job in
            let folder = JobFolder(job: job, root: schedule.storage.root)
            let good = try folder.list().compactMap(\.manifest)
            return Runbook.Database(
                job: job, state: states[job.name], newest: good.last,
                proven: good.last(where: { $0.proof == .drilled }),
                folder: folder.path)
        }
        return Runbook(
            schedule, databases, host: try hostName(), config: config, isUsualConfig: config == ScheduleFile.usualPath,
            now: now)
    }

    private static func hostName() throws -> String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { throw Disk.failure("cannot read the host's name") }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
