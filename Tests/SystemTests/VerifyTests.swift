import BackupCore
import Foundation
import TestSupport
import Testing

/// What `verify` finds is known from then on to all who choose a dump.
@Suite struct VerifyTests {
    private struct Listed: Decodable {
        var dump: String
        var fault: String?
    }
    private struct Status: Decodable {
        struct Job: Decodable {
            var dumps: Int
            var lastSuccess: String?
        }
        var jobs: [Job]
    }

    private func list(_ host: TestHost) async throws -> [Listed] {
        try JSONDecoder().decode([Listed].self, from: Data(try await host.call("list", "rot", "--json").output.utf8))
    }

    private func status(_ host: TestHost) async throws -> Status.Job {
        let said = try await host.call("status", "--json")
        return try #require(try JSONDecoder().decode(Status.self, from: Data(said.output.utf8)).jobs.first)
    }

    /// Two dumps of a database with one table of two states.
    private func withTwoDumps(
        _ database: String, _ body: (TestHost, _ older: String, _ newer: String, _ between: String) async throws -> Void
    )
        async throws
    {
        try await withHost { host in
            try await host.server.create(database, "create table t as select 1 n")
            func keep(_ count: Int) throws {
                try host.write(
                    "\"rot\": {\"database\": \"\(database)\", \"format\": \"custom\", \(VerbTests.often), \"retention\": {\"keepLast\": \(count)}}"
                )
            }
            try keep(2)
            var names: [String] = []
            var between = ""
            for _ in 1...2 {
                let said = try await host.call("backup", "rot")
                try #require(said.status == 0, "\(said.error)")
                names.append(try #require(said.lines.last))
                if between.isEmpty { between = Zone.utc.iso8601(Date()) }
                try await host.server.psql(database, "insert into t values (2)")
            }
            try keep(1)
            try await body(host, names[0], names[1], between)
            try await host.server.drop(database)
        }
    }

    @Test func `a dump whose bytes have changed is passed over by all, until they are put back`() async throws {
        try await withTwoDumps("rot_a") { host, older, newer, between in
            let archive = "\(host.storage)/rot/\(newer).dump"
            let byte = try Damage.bytes(of: archive) / 2
            try Damage.flip(archive, byte: byte, bit: 3)
            let found = try await host.call("verify", "rot")
            #expect(found.status == 65 && found.error.contains("\(newer) is damaged: its SHA-256"), "\(found.error)")
            #expect(try await list(host).map { $0.fault != nil } == [false, true])
            #expect(try await status(host).dumps == 1)
            let runbook = try await host.call("runbook").output
            #expect(runbook.contains("The newest good dump is `\(older)`"), "\(runbook)")
            #expect(runbook.contains("There is a newer one, `\(newer)`, which is not good"), "\(runbook)")
            let restored = try await host.call("restore", "rot", "--into", "rot_a_again")
            #expect(restored.status == 0 && restored.output.contains(older), "\(restored.error)")
            #expect(try await host.server.psql("rot_a_again", "select count(*) from t") == "1")
            // Nobody gets older data without a word, unless they asked for them.
            let told = "warning: \(newer) is newer, is not good and is passed over: its SHA-256"
            #expect(restored.error.contains(told), "\(restored.error)")
            for (choice, isTold) in [
                (["--at", "2200-01-01T00:00:00Z"], true), (["--at", between], false),
                (["--dump", older], false),
            ] {
                let said = try await host.call(["restore", "rot", "--dry-run"] + choice)
                #expect(said.status == 0 && said.error.contains(told) == isTold, "\(choice): \(said.error)")
            }
            // keepLast 1 would have kept the newer one alone; and nothing removes the other, which is no good dump.
            #expect(try await host.call("prune").status == 0)
            #expect(try await list(host).map(\.dump) == [older, newer])
            // A catalog that is made anew knows it too.
            #expect(try await host.call("rebuild-catalog").status == 0)
            #expect(try await status(host).dumps == 1)

            // When the last good one goes, nothing is removed either.
            let other = "\(host.storage)/rot/\(older).dump"
            try Damage.flip(other, byte: try Damage.bytes(of: other) / 2, bit: 3)
            #expect(try await host.call("verify", "rot", "--every").status == 65)
            #expect(try await host.call("prune").status == 0)
            #expect(try await list(host).map { $0.fault != nil } == [true, true])
            let none = try await host.call("restore", "rot")
            #expect(none.status == 1 && none.error.contains("no good dump"), "\(none.error)")

            try Damage.flip(archive, byte: byte, bit: 3)
            let mended = try await host.call("verify", "rot", newer)
            #expect(mended.status == 0 && mended.error.contains("is whole now"), "\(mended.error)")
            #expect(try await list(host).map { $0.fault != nil } == [true, false])
            let known = try await status(host)
            #expect(known.dumps == 1 && known.lastSuccess != nil)
            try await host.server.drop("rot_a_again")
        }
    }

    @Test func `what differs while the bytes are what they were is not noted`() async throws {
        try await withTwoDumps("rot_b") { host, _, newer, _ in
            let file = URL(fileURLWithPath: "\(host.storage)/rot/\(newer).json")
            var manifest = try ManifestCodec.decode(try Data(contentsOf: file), file: file.path)
            manifest.rows["public.t"] = 99
            let changed = try ManifestCodec.encode(manifest)
            try changed.write(to: file)
            #expect(try await host.call("verify", "rot", newer).status == 65)
            #expect(try Data(contentsOf: file) == changed)
            #expect(try await list(host).allSatisfy { $0.fault == nil })
        }
    }

    @Test func `on a disk that is read-only it is told all the same`() async throws {
        try await withTwoDumps("rot_c") { host, _, newer, _ in
            let archive = "\(host.storage)/rot/\(newer).dump"
            try Damage.flip(archive, byte: try Damage.bytes(of: archive) / 2, bit: 3)
            #expect(try await run("mount", ["--bind", host.storage, host.storage]).status == 0)
            #expect(try await run("mount", ["-o", "remount,bind,ro", host.storage]).status == 0)
            let said = try await host.call("verify", "rot", newer)
            _ = try await run("umount", ["-l", host.storage])
            #expect(said.status == 65 && said.error.contains("is damaged: its SHA-256"), "\(said.error)")
            #expect(said.error.contains("its damage could not be noted"), "\(said.error)")
        }
    }
}
