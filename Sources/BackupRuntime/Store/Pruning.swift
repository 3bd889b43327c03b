import BackupCore
import Foundation

/// Retention brought to a job's folder.
package struct Pruning: Sendable {
    private let job: Job
    package let folder: JobFolder
    private var acceptedPath: String { folder.path + "/.accepted" }

    package init(job: Job, folder: JobFolder) {
        self.job = job
        self.folder = folder
    }

    /// What retention says now; touches nothing.
    package func plan(now: Date) throws -> RetentionPlan { plan(try folder.list(), now: now) }

    /// The same of the dumps as they were listed.
    package func plan(_ listed: [StoredDump], now: Date) -> RetentionPlan {
        let dumps = listed.map { stored in
            RetentionDump(
                name: stored.name, time: stored.time, bytes: stored.bytes, space: stored.space,
                rows: stored.manifest?.totalRows ?? 0, isProven: (stored.manifest?.proof ?? .none) != .none,
                isDrilled: stored.manifest?.proof == .drilled)
        }
        return job.retention.decide(dumps, zone: job.zone, now: now, acceptedAt: acceptedAt)
    }

    /// Removes what the plan says, oldest first; the lock shows that nobody else works here. Returns what was removed.
    package func apply(_ plan: RetentionPlan, lock: borrowing JobLock) throws -> [RetentionDump] {
        var removed: [RetentionDump] = []
        for dump in plan.removals {
            // Only names of our own form are ever removed; legacy files have another.
            guard let name = DumpName(dump.name, job: job.name) else { continue }
            try folder.remove(name)
            removed.append(dump)
        }
        return removed
    }

    /// The time of the dump that a person accepted last. A note that cannot be read accepts nothing: pruning waits.
    private var acceptedAt: Date? {
        let name = FileManager.default.contents(atPath: acceptedPath).map {
            String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        }
        return name.flatMap { DumpName($0, job: job.name)?.time }
    }

    /// Notes that the newest good dump may be as small as it is. Returns its name; nil when there is none.
    package func accept(now: Date, lock: borrowing JobLock) throws -> String? {
        guard
            let newest = try plan(now: now).decisions.first(where: { $0.dump.isProven && !$0.dump.isFromTheFuture(now) }
            )?.dump
        else { return nil }
        let temporary = folder.path + "/.partial-accepted"
        try Disk.remove(temporary)
        try Disk.write(Data((newest.name + "\n").utf8), to: temporary)
        try Disk.rename(temporary, acceptedPath)
        try Disk.sync(folder.path, isFolder: true)
        return newest.name
    }
}
