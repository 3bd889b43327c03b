import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

/// A storage on a file system that has no links (FAT, many shares): dumps are as good, and share nothing.
@Suite struct LinklessStorageTests {
    private struct Line: Decodable {
        var dump: String
        var path: String
        var bytes: Int64
        var own: Int64
        var shared: Int64
        var fault: String?
    }

    private func list(_ host: TestHost) async throws -> [Line] {
        let said = try await host.call("list", "linkless", "--json")
        return try JSONDecoder().decode([Line].self, from: Data(said.output.utf8))
    }

    @Test(
        .enabled(
            if: LoopDisk.isPossible("exfat"),
            "needs root, loop devices, exfatprogs, and exFAT in the kernel or exfat-fuse"))
    func `where there are no links each dump has its own bytes, and nobody is told of a fault`() async throws {
        try await withHost { host in
            try await LoopDisk.with("exfat", mebibytes: 96) { disk in
                try await host.server.create(
                    "linkless",
                    "create table a as select g, md5(g::text) v from generate_series(1, 20000) g; create table b as select 1 id"
                )
                func write(_ more: String = "") throws {
                    try host.write(
                        "\"linkless\": {\(VerbTests.often), \"format\": \"directory\"\(more)}",
                        storage: "\(disk)/backups")
                }
                try write()
                // A link cannot be made here, or this test is about nothing.
                try Data("x".utf8).write(to: URL(fileURLWithPath: "\(disk)/one"))
                #expect(link("\(disk)/one", "\(disk)/other") != 0)
                for _ in 1...3 {
                    let said = try await host.call("backup", "linkless")
                    // The one line of a calm run.
                    let told = said.error.split(separator: "\n")
                    #expect(said.status == 0 && told.count == 1, "\(said.error)")
                    #expect(told.first?.hasSuffix("read back in full") == true, "\(said.error)")
                }
                let lines = try await list(host)
                #expect(lines.count == 3)
                #expect(lines.allSatisfy { $0.own == $0.bytes && $0.shared == 0 && $0.fault == nil }, "\(lines)")
                let verify = try await host.call("verify", "linkless", "--every")
                #expect(verify.status == 0 && verify.lines.count == 3, "\(verify.error)")
                // Nothing of the attempt is left, and stock tools read what is there.
                let left = try await run("find", ["\(disk)/backups", "-name", ".shared*", "-o", "-name", ".partial*"])
                #expect(left.lines.isEmpty, "\(left.lines)")
                for line in lines {
                    let read = try await run("\(host.server.bin)/pg_restore", ["-f", "/dev/null", line.path])
                    #expect(read.status == 0, "\(read.error)")
                }
                try write(", \"retention\": {\"keepLast\": 1}")
                #expect(try await host.call("prune", "linkless").status == 0)
                #expect(try await list(host).map(\.dump) == [lines[2].dump])
                #expect(try await host.call("restore", "linkless", "--into", "linkless_again").status == 0)
                #expect(try await host.server.psql("linkless_again", "select count(*) from a") == "20000")
                // The older script's archive in the job's own folder is copied, and goes once the copy is read.
                let own = "\(disk)/backups/linkless"
                let old = "\(own)/backup_linkless_20251123_020000.dump"
                let dumped = try await run(
                    "\(host.server.bin)/pg_dump",
                    ["-Fc", "-f", old, "-d", "host=\(host.server.folder)/pg user=postgres dbname=linkless"])
                #expect(dumped.status == 0, "\(dumped.error)")
                let adopted = try await host.call("adopt", "linkless", old)
                #expect(adopted.status == 0, "\(adopted.error)")
                #expect(adopted.lines == ["backup_linkless_20251123T020000Z"])
                #expect(!FileManager.default.fileExists(atPath: old))
                #expect(try await host.call("verify", "linkless", "--every").status == 0)
                let script = "\(host.folder)/old.sh"
                try Data("backup_database app 3\n".utf8).write(to: URL(fileURLWithPath: script))
                let imported = try await host.call("import-cron", script, "--output", "\(disk)/schedule.json")
                #expect(imported.status == 0, "\(imported.error)")
                #expect(try await host.call("check", "--config", "\(disk)/schedule.json").status == 0)
                let again = try await host.call("import-cron", script, "--output", "\(disk)/schedule.json")
                #expect(again.status == 73, "\(again.error)")
                for name in ["linkless", "linkless_again"] { try await host.server.drop(name) }
            }
        }
    }
}
