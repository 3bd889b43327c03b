import BackupCore
@testable import BackupRuntime
import Foundation
import TestSupport

/// Dumps and drills of one job `app`, for tests of what is remembered of them.
enum CatalogSample {
    static let nights = (0..<3).map { instant("2026-11-21T02:00:00Z").addingTimeInterval(Double($0) * 86_400) }

    static func schedule(_ folder: String) throws -> Schedule {
        let job = Job(
            name: "app", server: "s", database: "db", trigger: .calendar(try CalendarExpression("*-*-* 02:00:00")),
            zone: .utc)
        return Schedule(
            storage: .init(root: "\(folder)/root", minimumFree: 0, state: "\(folder)/state"), concurrency: 1,
            servers: [Server(name: "s", connection: "")], jobs: [job])
    }

    static func manifest(_ name: DumpName) -> Manifest {
        Manifest(
            job: "app", server: "s", database: "db", dump: "\(name)", slot: name.time, began: name.time,
            ended: name.time.addingTimeInterval(5), snapshot: name.time, format: .custom, compression: "gzip:1",
            pgDumpVersion: "15", serverVersion: "15", bytes: 7, sha256: "00", members: nil, entries: 1,
            rows: ["public.t": 10], largeObjects: 0, extensions: [],
            properties: .init(owner: "o", encoding: "UTF8", collation: "C", characterType: "C"), globals: nil,
            proof: .read, warnings: [], tool: "t")
    }

    static func manifest(_ night: Int) -> Manifest { manifest(DumpName(job: "app", time: nights[night])) }

    /// Made an hour after the dump of `night`.
    static func drill(_ verdict: DrillVerdict, night: Int = 0) -> Manifest.Drill {
        let began = nights[night].addingTimeInterval(3600)
        return Manifest.Drill(
            verdict: verdict, began: began, ended: began.addingTimeInterval(60),
            restoreSeconds: verdict == .proven ? 12.5 : nil, databaseBytes: 8_000_000, place: "throwaway",
            assertions: 2, reason: verdict == .failed ? "why" : nil)
    }

    static func record(_ verdict: DrillVerdict, night: Int, slot: Date? = nil) -> DrillRecord {
        let drill = drill(verdict, night: night)
        let manifest = manifest(night)
        return DrillRecord(
            job: "app", dump: manifest.dump, dumpTime: manifest.began, slot: slot, began: drill.began,
            ended: drill.ended, verdict: verdict, reason: drill.reason, restoreSeconds: drill.restoreSeconds,
            bytes: drill.databaseBytes, rows: 10, place: "throwaway", serverVersion: "15.1", assertions: 2,
            notes: ["one", "two"])
    }

    /// Puts these dumps into the job's folder as a run does it, each with what a drill said of it.
    static func publish(_ verdicts: [DrillVerdict?], _ schedule: Schedule) throws {
        let folder = JobFolder(job: schedule.jobs[0], root: schedule.storage.root)
        try folder.prepare()
        for (night, verdict) in verdicts.enumerated() {
            var manifest = manifest(night)
            manifest.drill = verdict.map { drill($0, night: night) }
            if verdict == .proven { manifest.proof = .drilled }
            let name = DumpName(job: "app", time: nights[night])
            try Disk.write(Data("archive".utf8), to: folder.partialPath(name, ".dump"))
            try folder.publish(name, manifest)
        }
    }
}
