import BackupCore
import Foundation

/// Reads what a runbook is made of: catalog and manifests. It asks no server, for on that day there may be none.
package enum RunbookGathering {
    package static func runbook(_ schedule: Schedule, jobs: [Job], config: String, now: Date) throws -> Runbook {
        let states = try CatalogReading.states(schedule)
        let databases = try jobs.map { job in
            let folder = JobFolder(job: job, root: schedule.storage.root)
            let listed = try folder.list()
            let good = listed.compactMap(\.manifest)
            let refused = listed.newestIfNotGood.map {
                Runbook.Database.Refused(dump: $0.name, reason: $0.fault)
            }
            let proven = good.last { $0.proof == .drilled }
            return Runbook.Database(
                job: job, state: state(states[job.name], newest: good.last, proven: proven, now: now),
                newest: good.last, proven: proven, refused: refused, folder: folder.path)
        }
        return Runbook(
            schedule, databases, host: try hostName(), config: config, isUsualConfig: config == ScheduleFile.usualPath,
            now: now)
    }

    /// What a catalog that is lost, or new, does not know, the manifests do.
    private static func state(_ noted: JobState?, newest: Manifest?, proven: Manifest?, now: Date) -> JobState? {
        guard let newest else { return noted }
        var state = noted ?? JobState(firstSeen: newest.began)
        if state.lastSuccess == nil { state.lastSuccess = newest.snapshot }
        if state.lastProven == nil, let proven, let drill = proven.drill, drill.verdict == .proven {
            let record = DrillRecord(
                job: proven.job, dump: proven.dump, dumpTime: proven.began, began: drill.began, ended: drill.ended,
                verdict: drill.verdict, restoreSeconds: drill.restoreSeconds, place: drill.place)
            state.note(lastDrill: state.lastDrill ?? record, lastProven: record)
        }
        return state
    }

    private static func hostName() throws -> String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { throw Disk.failure("cannot read the host's name") }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
