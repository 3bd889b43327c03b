import BackupCore
import Foundation
import TestSupport
import Testing

/// Real file systems that are too small: a tmpfs of so many bytes or so many files.
@Suite(.enabled(if: getuid() == 0, "mounting a tmpfs needs root")) struct FullDiskTests {
    private static let often = #""calendar": "*-*-* 02:00:00""#

    private func withDisk(_ host: TestHost, _ options: String, _ body: (String) async throws -> Void) async throws {
        let folder = "\(host.folder)/disk"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let mounted = try await run("mount", ["-t", "tmpfs", "-o", options, "archon-test", folder])
        try #require(mounted.status == 0, "\(mounted.error)")
        do {
            try await body(folder)
        } catch {
            _ = try await run("umount", ["-l", folder])
            throw error
        }
        _ = try await run("umount", ["-l", folder])
    }

    private func files(_ folder: String) async throws -> [String] {
        try await run("find", [folder, "-type", "f", "-not", "-name", ".lock", "-printf", "%f\n"]).lines.sorted()
    }

    @Test(arguments: ["custom", "directory"])
    func `no room for the archive`(format: String) async throws {
        try await withHost { host in
            let name = "full \(format)"
            let job = "\"full\": {\"database\": \"\(name)\", \"format\": \"\(format)\", \(Self.often)}"
            try await host.server.create(
                name,
                "create table t as select string_agg(md5(random()::text), '') v from generate_series(1, 200000) g group by g % 100"
            )
            try await withDisk(host, "size=1m") { disk in
                try host.write(job, storage: disk)
                let said = try await host.call("backup", "full")
                #expect(said.status == 73, "\(said.error)")
                #expect(said.error.contains("No space left on device"), "\(said.error)")
                #expect(try await files(disk).isEmpty)
                // And before it begins, when it is known how much it will take.
                try host.write(job, minimumFree: "5MiB", storage: disk)
                let early = try await host.call("backup", "full")
                #expect(early.status == 73 && early.error.contains("minimumFree"), "\(early.error)")
                #expect(try await host.call("check", "--connect").status == 73)
            }
            try await host.server.drop(name)
        }
    }

    @Test func `no room for a dump like the last one, with a margin`() async throws {
        try await withHost { host in
            try await host.server.create(
                "margin",
                "create table t as select string_agg(md5(random()::text), '') v from generate_series(1, 40000) g group by g % 100"
            )
            try await withDisk(host, "size=1400k") { disk in
                try host.write("\"margin\": {\(Self.often), \"retention\": {\"keepLast\": 1}}", storage: disk)
                #expect(try await host.call("backup", "margin").status == 0)
                let said = try await host.call("backup", "margin")
                #expect(said.status == 73 && said.error.contains("are needed"), "\(said.error)")
                #expect(try await host.call("verify", "margin").status == 0)
                #expect(try await files(disk).count == 3)
            }
            try await host.server.drop("margin")
        }
    }

    /// tmpfs counts its own folder, the job's, .lock, then archive, roles, manifest: each limit stops at another file.
    @Test(arguments: 1...7) func `no room for one more file`(count: Int) async throws {
        try await withHost { host in
            let database = "files \(count)"
            try await host.server.create(database, "create table t (id int)")
            try await withDisk(host, "nr_inodes=\(count)") { disk in
                try host.write("\"files\": {\"database\": \"\(database)\", \(Self.often)}", storage: disk)
                let said = try await host.call("backup", "files")
                if count < 6 {
                    #expect(said.status == 73, "\(said.error)")
                    #expect(said.error.contains("No space left on device"), "\(said.error)")
                    #expect(try await files(disk).isEmpty)
                } else {
                    #expect(said.status == 0, "\(said.error)")
                    #expect(try await host.call("verify", "files").status == 0)
                    // The next one finds no room; the good one stays, and is told to be the last.
                    let next = try await host.call("backup", "files")
                    #expect(next.status == 73, "\(next.error)")
                    #expect(try await files(disk).count == 3)
                    #expect(try await host.call("verify", "files").status == 0)
                }
            }
            try await host.server.drop(database)
        }
    }

    @Test func `no room for the catalog: the dump is made once, and told`() async throws {
        try await withHost { host in
            try await host.server.create("catalog full", "create table t (id int)")
            try await withDisk(host, "size=600k") { disk in
                let job = "\"noted\": {\"database\": \"catalog full\", \"calendar\": \"*-*-* 02:00:00\"}"
                try host.write(job)
                let text = try String(contentsOfFile: host.config, encoding: .utf8).replacing(
                    "\(host.folder)/state", with: disk)
                try Data(text.utf8).write(to: URL(fileURLWithPath: host.config))
                let clock = instant("2026-11-20T01:00:00Z")
                try await host.withDaemon(clock: clock) { daemon in
                    try await daemon.says("noted: backup_noted_20261120T01")
                    _ = try await run("/bin/sh", ["-c", "dd if=/dev/zero of=\(disk)/filler bs=4k 2>/dev/null; true"])
                    try daemon.setClock(instant("2026-11-20T01:59:59Z"))
                    try await daemon.reload()
                    try await daemon.says("noted: backup_noted_20261120T02")
                    #expect(daemon.running.said.contains("could not be noted"), "\(daemon.running.said)")
                    #expect(daemon.running.said.contains("full"), "\(daemon.running.said)")
                    // It knows of the slot although it could not write it down.
                    try await daemon.reload()
                    try await daemon.reload()
                    #expect(daemon.lines(with: "read back in full").count == 2)
                    try FileManager.default.removeItem(atPath: "\(disk)/filler")
                    try daemon.setClock(instant("2026-11-21T01:59:59Z"))
                    try await daemon.reload()
                    try await daemon.says("noted: backup_noted_20261121T02")
                    #expect(try await daemon.stop() == 0)
                }
                #expect(try await host.history().last?.slot == instant("2026-11-21T02:00:00Z"))
                #expect(try host.files().count { $0.hasSuffix(".json") } == 3)
            }
            try await host.server.drop("catalog full")
        }
    }

    @Test func `a disk that is mounted read-only`() async throws {
        try await withHost { host in
            try await host.server.create("read only")
            try await withDisk(host, "size=10m") { disk in
                try host.write("\"readonly\": {\"database\": \"read only\", \(Self.often)}", storage: disk)
                #expect(try await host.call("backup", "readonly").status == 0)
                _ = try await run("mount", ["-o", "remount,ro", disk])
                let said = try await host.call("backup", "readonly")
                #expect(said.status == 73 && said.error.contains("Read-only file system"), "\(said.error)")
                let check = try await host.call("check", "--connect")
                #expect(check.status == 73, "\(check.error)")
                #expect(try await host.call("verify", "readonly").status == 0)
            }
            try await host.server.drop("read only")
        }
    }
}
