import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

/// Dumps that share what has not changed, as a person meets them: by the built binary, a real server and stock tools.
@Suite struct SpaceTests {
    private struct Line: Decodable, Equatable {
        var dump: String
        var path: String
        var bytes: Int64
        var own: Int64
        var shared: Int64
        var fault: String?
    }

    private static let tables = 12
    private static func job(_ name: String, _ more: String = "") -> String {
        "\"\(name)\": {\(VerbTests.often), \"format\": \"directory\", \"compression\": \"gzip:1\"\(more)}"
    }

    /// A database of twelve tables, each of some 60 KB as a member.
    private func fill(_ host: TestHost, _ name: String) async throws {
        try await host.server.create(
            name,
            (0..<Self.tables).map {
                "create table t\($0) as select g id, md5((g * \($0 + 1))::text) v from generate_series(1, 3000) g;"
            }.joined())
    }

    private func change(_ host: TestHost, _ name: String, _ day: Int) async throws {
        try await host.server.psql(name, "update t\(day % Self.tables) set v = md5(v) where id % 2 = 0")
    }

    private func backUp(_ host: TestHost, _ name: String) async throws -> String {
        let said = try await host.call("backup", name)
        return try #require(said.status == 0 ? said.lines.last : nil, "\(said.error)")
    }

    private func list(_ host: TestHost, _ name: String, config: String? = nil) async throws -> [Line] {
        let said = try await run(
            TestHost.binary, ["list", name, "--json"], environment: ["ARCHON_BACKUPD_CONFIG": config ?? host.config])
        return try JSONDecoder().decode([Line].self, from: Data(said.output.utf8))
    }

    /// The script that the server's own pg_restore makes of an archive, without the key that newer ones put into each.
    private func script(_ host: TestHost, _ path: String) async throws -> String {
        let said = try await run("\(host.server.bin)/pg_restore", ["-f", "-", path])
        try #require(said.status == 0, "\(said.error)")
        return said.lines.filter { !$0.hasPrefix("\\restrict") && !$0.hasPrefix("\\unrestrict") }
            .joined(separator: "\n")
    }

    @Test(arguments: [1, 2] as [UInt64])
    func `whichever dumps are removed, those that are left restore with stock tools`(seed: UInt64) async throws {
        try await withHost { host in
            let name = "shared\(seed)"
            try await fill(host, name)
            try host.write(Self.job(name))
            var scripts: [String: String] = [:]
            for day in 0..<6 {
                let dump = try await backUp(host, name)
                scripts[dump] = try await script(host, "\(host.storage)/\(name)/\(dump).dump")
                if day < 5 { try await change(host, name, day) }
            }
            let lines = try await list(host, name)
            // Of those between, the table of contents is their own: but for its second it is that of the dump before.
            #expect(lines.dropFirst().dropLast().allSatisfy { $0.shared > $0.bytes * 3 / 4 }, "\(lines)")
            #expect(try #require(lines.last).own > 0)
            #expect(lines.allSatisfy { $0.own + $0.shared == $0.bytes && $0.fault == nil }, "\(lines)")
            let last = try await host.server.fingerprint(name)

            var random = SplitMix64(seed: seed)
            let trigger = Trigger.cron(try CronExpression("@daily"))
            let folder = JobFolder(
                job: Job(name: name, server: "scratch", database: name, trigger: trigger, zone: .utc),
                root: host.storage)
            let newest = try #require(lines.last?.dump)
            var left = lines.map(\.dump)
            while let gone = left.filter({ $0 != newest }).randomElement(using: &random) {
                left.removeAll { $0 == gone }
                try folder.remove(try #require(DumpName(gone, job: name)))
                for dump in left {
                    let now = try await script(host, "\(host.storage)/\(name)/\(dump).dump")
                    #expect(now == scripts[dump], "\(dump) without \(gone)")
                }
            }
            let verify = try await host.call("verify", name, "--every")
            #expect(verify.status == 0 && verify.lines.count == 1, "\(verify.error)")
            #expect(try await list(host, name).first.map { $0.own == $0.bytes && $0.shared == 0 } == true)
            try await host.server.create("\(name)_again")
            let restored = try await run(
                "\(host.server.bin)/pg_restore",
                ["-d", "\(host.server.connection) dbname=\(name)_again", "\(host.storage)/\(name)/\(newest).dump"])
            #expect(restored.status == 0, "\(restored.error)")
            let again = try await host.server.fingerprint("\(name)_again")
            #expect(again.split(separator: "\n--\n")[1] == last.split(separator: "\n--\n")[1])
            try await host.server.drop(name)
            try await host.server.drop("\(name)_again")
        }
    }

    @Test func `maximumBytes, prune --dry-run and status count each byte once`() async throws {
        try await withHost { host in
            try await fill(host, "limited")
            try host.write(Self.job("limited"))
            for day in 0..<5 {
                _ = try await backUp(host, "limited")
                try await change(host, "limited", day)
            }
            let lines = try await list(host, "limited")
            let sizes = lines.reduce(0) { $0 + $1.bytes }
            let status = try await host.call("status", "--json").output
            let answer = try JSONSerialization.jsonObject(with: Data(status.utf8)) as? [String: Any]
            let used = try #require(
                ((answer?["jobs"] as? [[String: Any]])?.first?["bytes"] as? NSNumber)?.int64Value, "\(status)")
            #expect(used < sizes / 2, "\(used) of \(sizes)")
            // What the disk says, which knows nothing of us: members alone, in whole blocks.
            let disk = try await run(
                "/bin/sh", ["-c", "du -sb --apparent-size \(host.storage)/limited/*.dump | cut -f1 | paste -sd+ | bc"])
            if disk.status == 0, let bytes = Int64(disk.output.trimmingCharacters(in: .whitespacesAndNewlines)) {
                #expect(abs(bytes - used) < 5 * 8192, "\(bytes) and \(used)")
            }
            // All fit together, though not one after the other.
            try host.write(Self.job("limited", ", \"retention\": {\"maximumBytes\": \"\(used)B\"}"))
            #expect(try await host.call("prune").status == 0)
            #expect(try await list(host, "limited") == lines)
            // One byte less, and the oldest is to go.
            try host.write(Self.job("limited", ", \"retention\": {\"maximumBytes\": \"\(used - 1)B\"}"))
            let plan = try await host.call("prune", "--dry-run")
            #expect(plan.lines.count { $0.contains("remove") } == 1, "\(plan.output)")
            #expect(plan.error.contains("removing 1 dump would free \(ByteSize.text(lines[0].own))"), "\(plan.error)")
            #expect(try await host.call("prune").status == 0)
            let after = try await host.call("status", "--json").output
            #expect(after.contains("\"bytes\" : \(used - lines[0].own)"), "\(after)")
            #expect(try await host.call("verify", "limited", "--every").status == 0)
            // The same from the manifests and the files alone.
            #expect(try await host.call("rebuild-catalog").status == 0)
            #expect(try await host.call("status", "--json").output.contains("\"bytes\" : \(used - lines[0].own)"))
            try await host.server.drop("limited")
        }
    }

    @Test func `a copy of the storage is whole with and without its links`() async throws {
        try await withHost { host in
            try await fill(host, "copied")
            try host.write(Self.job("copied"))
            for day in 0..<3 {
                _ = try await backUp(host, "copied")
                try await change(host, "copied", day)
            }
            let lines = try await list(host, "copied")
            let text = try String(contentsOfFile: host.config, encoding: .utf8)
            for (name, command, keepsLinks) in [
                ("cp", "cp -a backups cp", true), ("tar", "mkdir tar; tar c -C backups . | tar x -C tar", true),
                ("plain", "cp -r backups plain", false),
            ] {
                let copied = try await run("/bin/sh", ["-ec", "cd '\(host.folder)'; \(command)"])
                try #require(copied.status == 0, "\(copied.error)")
                let config = "\(host.folder)/\(name).json"
                try text.replacing(host.storage, with: "\(host.folder)/\(name)")
                    .replacing("\(host.folder)/state", with: "\(host.folder)/state-\(name)")
                    .write(toFile: config, atomically: true, encoding: .utf8)
                let there = try await list(host, "copied", config: config)
                #expect(there.map(\.bytes) == lines.map(\.bytes))
                #expect(there.map(\.shared) == (keepsLinks ? lines.map(\.shared) : [0, 0, 0]), "\(name)")
                let verify = try await run(
                    TestHost.binary, ["verify", "copied", "--every"], environment: ["ARCHON_BACKUPD_CONFIG": config])
                #expect(verify.status == 0 && verify.lines.count == 3, "\(name): \(verify.error)")
            }
            try await host.server.drop("copied")
        }
    }

    @Test func `an adopted archive shares too, and stays as it was where it lies`() async throws {
        try await withHost { host in
            try await fill(host, "taken over")
            try host.write("\"taken\": {\"database\": \"taken over\", \(VerbTests.often), \"format\": \"directory\"}")
            let first = try await backUp(host, "taken")
            let copied = try await run(
                "/bin/sh", ["-ec", "cp -r '\(host.storage)/taken/\(first).dump' '\(host.folder)/by-hand'"])
            try #require(copied.status == 0, "\(copied.error)")
            let adopted = try await host.call("adopt", "taken", "\(host.folder)/by-hand")
            #expect(adopted.status == 0, "\(adopted.error)")
            let lines = try await list(host, "taken")
            #expect(lines.map(\.own) == [0, 0] && lines.map(\.shared) == lines.map(\.bytes), "\(lines)")
            for file in try FileManager.default.contentsOfDirectory(atPath: "\(host.folder)/by-hand") {
                let facts = try FileManager.default.attributesOfItem(atPath: "\(host.folder)/by-hand/\(file)")
                #expect(facts[.referenceCount] as? Int == 1)
            }
            #expect(try await host.call("status", "--json").output.contains("\"bytes\" : \(lines[0].bytes)"))
            #expect(try await host.call("verify", "taken", "--every").status == 0)
            // A drill and a restore read them, and leave them as they are.
            #expect(try await host.call("drill", "taken").status == 0)
            #expect(try await host.call("restore", "taken", "--into", "taken again").status == 0)
            #expect(try await list(host, "taken").map(\.shared) == lines.map(\.bytes))
            #expect(try await host.call("verify", "taken", "--every").status == 0)
            for name in ["taken over", "taken again"] { try await host.server.drop(name) }
        }
    }

    @Test func `a run that finds an earlier dump rotten says so, and it counts again once it is whole`() async throws {
        try await withHost { host in
            try await fill(host, "rotten")
            try host.write(Self.job("rotten", ", \"retention\": {\"keepLast\": 2}"))
            let first = try await backUp(host, "rotten")
            let folder = "\(host.storage)/rotten/\(first).dump"
            let members = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0 != "toc.dat" }
            let member = try #require(members.min())
            try Damage.flip("\(folder)/\(member)", byte: 1000, bit: 1)
            let second = try await host.call("backup", "rotten")
            #expect(second.status == 0, "\(second.error)")
            #expect(second.error.contains("\(first) is damaged: its member \(member) is no longer"), "\(second.error)")
            #expect(try await list(host, "rotten").map { $0.fault != nil } == [true, false])
            #expect(try await host.call("show", "rotten", first).output.contains("damage"))
            #expect(try await host.call("status", "--json").output.contains("\"dumps\" : 1"))
            let verify = try await host.call("verify", "rotten", "--every")
            #expect(verify.status == 65, "\(verify.output)")
            // It is no dump that keepLast counts, and none that is removed.
            for _ in 1...2 { _ = try await backUp(host, "rotten") }
            #expect(try await list(host, "rotten").map { $0.fault != nil } == [true, false, false])
            try Damage.flip("\(folder)/\(member)", byte: 1000, bit: 1)
            let again = try await host.call("verify", "rotten", first)
            #expect(again.status == 0 && again.error.contains("is whole now"), "\(again.error)")
            #expect(try await list(host, "rotten").allSatisfy { $0.fault == nil })
            try await host.server.drop("rotten")
        }
    }
}
