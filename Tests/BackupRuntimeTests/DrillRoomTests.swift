import BackupCore
import Foundation
import TestSupport
import Testing

@testable import BackupRuntime

/// A place that runs out of room while a dump is restored there: nothing is known against the dump.
@Suite(.enabled(if: getuid() == 0, "mounting a tmpfs needs root")) struct DrillRoomTests {
    private func withDisk(_ host: TestHost, _ body: (String) async throws -> Void) async throws {
        let folder = "\(host.folder)/disk"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        chmod(host.folder, 0o755)
        let mounted = try await run("mount", ["-t", "tmpfs", "-o", "size=760m,mode=0755", "archon-test", folder])
        try #require(mounted.status == 0, "\(mounted.error)")
        do {
            try await body(folder)
        } catch {
            _ = try await run("umount", ["-l", folder])
            throw error
        }
        _ = try await run("umount", ["-l", folder])
    }

    /// Leaves so many bytes free.
    private static func fill(_ folder: String, leaving bytes: Int64) throws {
        let descriptor = open("\(folder)/ballast", O_WRONLY | O_CREAT, 0o600)
        defer { close(descriptor) }
        posix_fallocate(descriptor, 0, Int(max(0, try Disk.freeBytes(at: folder) - bytes)))
    }

    /// An odd number of the system's pages leaves half a page of the server's: that is told otherwise.
    @Test(arguments: [(RunProgress.Phase.restoring, Int64(4 << 20)), (.restoring, 4 << 20 | 4096), (.comparing, 0)])
    func `a throwaway without room left`(phase: RunProgress.Phase, left: Int64) async throws {
        try await withHost { host in
            let stage = try await DrillStage(
                host,
                "create table t as select g id, repeat(md5(g::text), 40) v from generate_series(1, 60000) g; create index on t (id, md5(v)); create materialized view m as select * from t where id < 20000"
            )
            var manifest = try await stage.backUp()
            // So that the want of room shows later.
            manifest.databaseBytes = 1
            try await withDisk(host) { [manifest] disk in
                let isFilled = Shared(false)
                do {
                    _ = try await stage.drill(
                        manifest, throwaway: true, bases: [disk],
                        progress: { progress in
                            guard progress.phase == phase, !isFilled.with({ $0 }) else { return }
                            isFilled.with { $0 = true }
                            do { try Self.fill(disk, leaving: left) } catch { Issue.record(error) }
                        })
                    // Comparing may do without more room.
                    #expect(phase == .comparing)
                } catch let failure as Failure {
                    #expect(DrillVerdict.of(failure.kind) == .couldNotVerify, "\(failure)")
                    let signs = ["no room", "Free some room", "No space left"]
                    #expect(signs.contains { "\(failure)".contains($0) }, "\(failure)")
                }
                #expect(isFilled.with { $0 })
                let files = try FileManager.default.contentsOfDirectory(atPath: disk)
                #expect(files == ["ballast"], "\(files)")
            }
            try await stage.end()
        }
    }

    @Test func `too little room to begin with`() async throws {
        try await withHost { host in
            let stage = try await DrillStage(host, "create table t as select 1 id")
            let manifest = try await stage.backUp()
            try await withDisk(host) { disk in
                try Self.fill(disk, leaving: 100 << 20)
                do {
                    _ = try await stage.drill(manifest, throwaway: true, bases: [disk])
                    Issue.record("it was restored into no room")
                } catch let failure as Failure {
                    #expect(DrillVerdict.of(failure.kind) == .couldNotVerify)
                    #expect(
                        failure.message.contains("there is no room for a server with the dump restored"), "\(failure)")
                    #expect(failure.message.contains("\(disk) has 100.0 MiB free"), "\(failure)")
                }
                #expect(try FileManager.default.contentsOfDirectory(atPath: disk) == ["ballast"])
            }
            try await stage.end()
        }
    }
}
