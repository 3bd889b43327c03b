import BackupCore
@testable import BackupRuntime
import Foundation
import TestSupport
import Testing

/// What is on the disk after the power fails before each step of publishing and removing, and after the next sweep:
///
/// publishing, before …            on the disk                                      after the sweep
///   sync archive … rename globals   partial files                                  nothing
///   rename archive                  X.globals.sql, .partial-X.dump, .partial-X.json  nothing
///   sync before / rename manifest   X.dump, X.globals.sql, .partial-X.json           the dump, whole and listed
///   sync after the manifest         all of X                                       the dump
/// removing, before …
///   unlist                          all of X                                       the dump
///   anything later                  .partial-removed-X.json and some of X          nothing
/// adopting a file of the job's own folder: a second name for it, publishing as above, then its old name goes
///   before the old name goes        all of X, and the old name for the same bytes  both: the dump, and a file that is nobody's
@Suite struct JobFolderTests {
    private struct PowerCut: Error {}

    private func folder(_ root: String, cutBefore: String? = nil) throws -> JobFolder {
        let job = Job(
            name: "app", server: "s", database: "db", trigger: .cron(try CronExpression("@daily")), zone: .utc)
        var folder = JobFolder(job: job, root: root)
        folder.step = { if $0 == cutBefore { throw PowerCut() } }
        try folder.prepare()
        return folder
    }

    private func manifest(_ name: DumpName) -> Manifest {
        Manifest(
            job: "app", server: "s", database: "db", dump: "\(name)", slot: name.time, began: name.time,
            ended: name.time, snapshot: name.time,
            format: .custom, compression: "gzip:1", pgDumpVersion: "15.18", serverVersion: "15.18", bytes: 7,
            sha256: "00", members: nil, entries: 1,
            rows: ["public.t": 1], largeObjects: 0, extensions: [],
            properties: .init(owner: "o", encoding: "UTF8", collation: "C", characterType: "C"),
            globals: .init(file: "\(name).globals.sql", bytes: 5, sha256: "00", hasPasswords: true), proof: .read,
            warnings: [], tool: "t")
    }

    private func publish(_ name: DumpName, _ folder: JobFolder) throws {
        try Disk.write(Data("archive".utf8), to: folder.partialPath(name, ".dump"))
        try Disk.write(Data("roles".utf8), to: folder.partialPath(name, ".globals.sql"))
        try folder.publish(name, manifest(name))
    }

    private static let publishing = [
        "sync archive", "sync globals", "write manifest", "sync folder before renaming", "rename globals",
        "rename archive", "sync folder before the manifest", "rename manifest", "sync folder after the manifest",
    ]

    @Test(arguments: publishing)
    func `a power cut while publishing leaves a whole dump or none`(step: String) async throws {
        try await withTemporaryFolder { root in
            let name = DumpName(job: "app", time: instant("2026-11-24T02:00:00Z"))
            let cut = try folder(root, cutBefore: step)
            #expect(throws: PowerCut.self) { try publish(name, cut) }
            let next = try folder(root)
            let listed = try next.list()
            #expect(listed.allSatisfy { $0.manifest == nil } || step == "sync folder after the manifest")
            _ = try next.sweep()
            let isWhole = ["sync folder before the manifest", "rename manifest", "sync folder after the manifest"]
                .contains(step)
            #expect(try next.list().compactMap(\.manifest).map(\.dump) == (isWhole ? ["\(name)"] : []))
            #expect(try Disk.names(in: next.path).count == (isWhole ? 3 : 0))
        }
    }

    @Test(arguments: publishing)
    func `an error while publishing, and the cleaning up after it, leave a whole dump or none`(step: String)
        async throws
    {
        try await withTemporaryFolder { root in
            let name = DumpName(job: "app", time: instant("2026-11-24T02:00:00Z"))
            let failing = try folder(root, cutBefore: step)
            #expect(throws: PowerCut.self) { try publish(name, failing) }
            try folder(root).discard(name)
            let next = try folder(root)
            _ = try next.sweep()
            let left = try Disk.names(in: next.path)
            #expect(left.isEmpty || left.count == 3, "\(left)")
            #expect(try next.list().allSatisfy { $0.manifest != nil })
        }
    }

    @Test(arguments: [
        "unlist", "sync folder after unlisting", "remove archive", "remove globals", "sync folder after the archive",
        "remove the removed manifest",
    ])
    func `a power cut while removing leaves a whole dump or none`(step: String) async throws {
        try await withTemporaryFolder { root in
            let name = DumpName(job: "app", time: instant("2026-11-24T02:00:00Z"))
            try publish(name, try folder(root))
            let cut = try folder(root, cutBefore: step)
            #expect(throws: PowerCut.self) { try cut.remove(name) }
            let next = try folder(root)
            #expect(try next.list().filter { $0.manifest != nil }.count == (step == "unlist" ? 1 : 0))
            _ = try next.sweep()
            #expect(try Disk.names(in: next.path).count == (step == "unlist" ? 3 : 0))
        }
    }

    @Test func `a power cut before an adopted file loses its old name leaves it under both`() async throws {
        try await withTemporaryFolder { root in
            let folder = try folder(root)
            let old = "\(folder.path)/backup_db_20251124_020000.dump"
            try Disk.write(Data("archive".utf8), to: old)
            let name = DumpName(job: "app", time: instant("2025-11-24T02:00:00Z"))
            try Disk.link(old, to: folder.partialPath(name, ".dump"))
            try Disk.write(Data("roles".utf8), to: folder.partialPath(name, ".globals.sql"))
            try folder.publish(name, manifest(name))
            _ = try folder.sweep()
            #expect(try folder.list().map(\.name) == ["backup_app_20251124T020000Z", "backup_db_20251124_020000"])
            #expect(try Data(contentsOf: URL(fileURLWithPath: old)) == Data("archive".utf8))
            // Taking the old name away touches nothing of the dump.
            try folder.removeAdopted("backup_db_20251124_020000.dump")
            #expect(try folder.list().compactMap(\.manifest).count == 1 && !Disk.exists(old))
            #expect(try Data(contentsOf: URL(fileURLWithPath: folder.archivePath(name))) == Data("archive".utf8))
        }
    }

    @Test func `what is damaged is listed as such, and names of other jobs are nobody's`() async throws {
        try await withTemporaryFolder { root in
            let folder = try folder(root)
            let names = (0..<3).map {
                DumpName(job: "app", time: instant("2026-11-24T02:00:00Z").addingTimeInterval(Double($0) * 60))
            }
            for name in names { try publish(name, folder) }
            try Data("archiv".utf8).write(to: URL(fileURLWithPath: folder.archivePath(names[0])))
            try Disk.remove(folder.archivePath(names[1]))
            try Data("{".utf8).write(to: URL(fileURLWithPath: folder.manifestPath(names[2])))
            for other in ["backup_app_old_20261124T020000Z.dump", "backup_app-foo_20261124T020000Z.dump", "notes.txt"] {
                try Disk.write(Data("x".utf8), to: "\(folder.path)/\(other)")
            }
            try Disk.write(Data("x".utf8), to: "\(folder.path)/backup_db_20251124_020000.dump")
            let listed = try folder.list()
            #expect(listed.count == 4 && listed.allSatisfy { $0.manifest == nil })
            #expect(listed[0].name == "backup_db_20251124_020000")
            _ = try folder.sweep()
            #expect(try folder.list().count == 4)
        }
    }

    @Test func `a name is later than every other of the last minute, also when the clock has come back a little`()
        async throws
    {
        try await withTemporaryFolder { root in
            let folder = try folder(root)
            let now = instant("2026-11-24T02:00:00Z")
            func publish(at seconds: Double) throws {
                try self.publish(DumpName(job: "app", time: now.addingTimeInterval(seconds)), folder)
            }
            #expect(try folder.freeName(at: now).time == now)
            for seconds in [-3600.0, 0, 1, 2] { try publish(at: seconds) }
            // As after pruning: the first second is free again, and would make the newest dump the oldest.
            try folder.remove(DumpName(job: "app", time: now))
            #expect(try folder.freeName(at: now).time == now.addingTimeInterval(3))
            try publish(at: 40)
            #expect(try folder.freeName(at: now).time == now.addingTimeInterval(41))
            // Some clock was wrong by years: that dump counts for nothing, and does not draw others after it.
            try publish(at: 3e7)
            #expect(try folder.freeName(at: now).time == now.addingTimeInterval(41))
            try Disk.write(
                Data(), to: folder.partialPath(DumpName(job: "app", time: now.addingTimeInterval(41)), ".dump"))
            #expect(try folder.freeName(at: now).time == now.addingTimeInterval(42))
        }
    }

    @Test func `one lock, one holder, and it is free again when the holder is gone`() async throws {
        try await withTemporaryFolder { root in
            var lock: JobLock? = try JobLock.take("app", root: root)
            let failure = #expect(throws: Failure.self) { try JobLock.take("app", root: root) }
            #expect(failure?.kind == .busy && failure?.message.contains("\(getpid())") == true)
            withExtendedLifetime(lock) {}
            lock = nil
            _ = try JobLock.take("app", root: root)
        }
    }
}
