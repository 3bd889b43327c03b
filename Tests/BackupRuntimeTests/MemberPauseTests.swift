import BackupCore
@testable import BackupRuntime
import Foundation
import TestSupport
import Testing

/// pg_dump is quicker than zlib's highest level: it has to wait, so that what it writes uncompressed does not fill the disk.
@Suite struct MemberPauseTests {
    private static let rows = 1_500_000

    /// What pg_dump's files take on the disk, without what was punched out of them.
    private func plainBytes(_ folder: String) -> Int64 {
        let names = (try? Disk.names(in: folder)) ?? []  // not there yet
        return names.filter { $0.hasSuffix(".dat") }.reduce(0) { sum, name in
            var status = stat()
            return lstat("\(folder)/\(name)", &status) == 0 ? sum + Int64(status.st_blocks) * 512 : sum
        }
    }

    private func processes(dumpingTo archive: String) throws -> [pid_t] {
        try Disk.names(in: "/proc").compactMap { pid_t($0) }.filter {
            let words = FileManager.default.contents(atPath: "/proc/\($0)/cmdline") ?? Data()
            return String(decoding: words, as: UTF8.self).contains("--file=\(archive)\0")
        }
    }

    private func isStopped(_ process: pid_t) -> Bool {
        let status = FileManager.default.contents(atPath: "/proc/\(process)/stat") ?? Data()
        return String(decoding: status, as: UTF8.self).contains(") T ")
    }

    @Test(arguments: [4 << 20, 256 << 20] as [Int64])
    func `pg_dump is stopped when it is too far ahead, goes on, and the dump is whole`(aheadBytes: Int64) async throws {
        try await withHost { host in
            let name = "ahead \(aheadBytes)"
            try await host.server.create(
                name,
                "create table t as select g, md5(g::text) || md5((g + 1)::text) v from generate_series(1, \(Self.rows)) g"
            )
            let settings = try ConnectionSettings(Server(name: "s", connection: host.server.connection))
            let tools = try await Tools.find(serverMajor: 15)
            let archive = "\(host.folder)/archive"
            let pause = ChildPause()
            let compression = try MemberCompression(
                archive, .gzip(9), dumpWorkers: 1, pause: pause, aheadBytes: aheadBytes)
            let arguments = [
                "--format=directory", "--compress=0", "--file=\(archive)",
                "--dbname=\(settings.argument(database: name, applicationName: "ahead"))",
            ]
            let dumping = Task {
                let ending = try await tools.run(
                    .dump, arguments, settings: settings, timeoutSeconds: 600, pause: pause)
                compression.dumpHasEnded()
                return ending
            }
            let compressing = Task { try await blocking { try compression.run($0) } }
            defer { compressing.cancel() }
            defer { dumping.cancel() }
            var (stops, wasStopped, peak) = (0, false, Int64(0))
            try await until("pg_dump begins") { try !processes(dumpingTo: archive).isEmpty }
            let process = try #require(try processes(dumpingTo: archive).first)
            while kill(process, 0) == 0 {
                peak = max(peak, plainBytes(archive))
                let isStopped = isStopped(process)
                if isStopped, !wasStopped { stops += 1 }
                wasStopped = isStopped
                try await Task.sleep(for: .milliseconds(2))
            }
            #expect(try await dumping.value.isSuccess)
            let readings = try await compressing.value
            let bytes = readings.reduce(0) { $0 + $1.scriptBytes }
            if aheadBytes > bytes {
                #expect(stops == 0)
            } else {
                #expect(stops > 2, "\(stops) stops")
                #expect(peak < bytes / 2, "\(peak) of \(bytes)")
            }
            let reading = try await ArchiveReading.take(archive, tools: tools, timeoutSeconds: 300)
            #expect(reading.facts.rows == ["public.t": Self.rows])
            let said = try await run("\(tools.folder)/pg_restore", ["-f", "/dev/null", archive])
            #expect(said.status == 0, "\(said.error)")
            try await host.server.drop(name)
        }
    }
}
