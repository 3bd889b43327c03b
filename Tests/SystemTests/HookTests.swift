import BackupCore
import Foundation
import TestSupport
import Testing

@Suite struct HookTests {
    private static let often = #""calendar": "*-*-* 02:00:00""#
    private static let told = #"env | grep ^ARCHON_ | grep -v CONFIG | sort > "#

    private func facts(_ path: String) throws -> [String: String] {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        return Dictionary(
            uniqueKeysWithValues: text.split(separator: "\n").map { line in
                let pair = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                return (String(pair[0]), pair.count > 1 ? String(pair[1]) : "")
            })
    }

    @Test func `after is told how it went, after a success and after a failure`() async throws {
        try await withHost { host in
            let file = "\(host.folder)/told"
            let hooks = "\"hooks\": {\"after\": [\"/bin/sh\", \"-c\", \"\(Self.told)\(file)\"]}"
            try host.write("\"hooked\": {\(Self.often), \(hooks)}")
            #expect(try await host.call("backup", "hooked").status == 69)
            var facts = try facts(file)
            #expect(facts["ARCHON_OUTCOME"] == "failed" && facts["ARCHON_JOB"] == "hooked")
            #expect(facts["ARCHON_ERROR"] == "the database hooked does not exist" && facts["ARCHON_BYTES"] == nil)
            try await host.server.create("hooked")
            #expect(try await host.call("backup", "hooked").status == 0)
            facts = try self.facts(file)
            #expect(facts["ARCHON_OUTCOME"] == "succeeded" && facts["ARCHON_DATABASE"] == "hooked")
            let dump = try #require(facts["ARCHON_DUMP"])
            let size = try FileManager.default.attributesOfItem(atPath: dump)[.size] as? Int
            #expect(facts["ARCHON_BYTES"] == size.map { "\($0)" })
            try await host.server.drop("hooked")
        }
    }

    @Test func `a failing before stops the run and says so, and after still runs`() async throws {
        try await withHost { host in
            try await host.server.create("before")
            let file = "\(host.folder)/told"
            let after = "\"after\": [\"/bin/sh\", \"-c\", \"\(Self.told)\(file)\"]"
            try host.write(
                "\"before\": {\(Self.often), \"hooks\": {\"before\": [\"/bin/sh\", \"-c\", \"echo no room here >&2; exit 3\"], \(after)}}"
            )
            let said = try await host.call("backup", "before")
            #expect(said.status == 1)
            #expect(
                said.error.contains("before hook /bin/sh exited with 3") && said.error.contains("no room here"),
                "\(said.error)")
            #expect(try host.files().isEmpty)
            #expect(try facts(file)["ARCHON_OUTCOME"] == "failed")
            try await host.server.drop("before")
        }
    }

    @Test func `a hook has a time limit, and no shell`() async throws {
        try await withHost { host in
            try await host.server.create("limit")
            try host.write(
                "\"limit\": {\(Self.often), \"hooks\": {\"before\": [\"/bin/sleep\", \"600\"], \"timeout\": \"1s\"}}")
            let said = try await host.call("backup", "limit")
            #expect(said.status == 1 && said.error.contains("did not end within 1s"), "\(said.error)")
            let file = "\(host.folder)/made by a shell"
            try host.write(
                "\"limit\": {\(Self.often), \"hooks\": {\"before\": [\"/bin/echo\", \"$(touch '\(file)')\"]}}")
            #expect(try await host.call("backup", "limit").status == 0)
            #expect(!FileManager.default.fileExists(atPath: file))
            try await host.server.drop("limit")
        }
    }

    @Test func `a failing after spoils no dump, and is told`() async throws {
        try await withHost { host in
            try await host.server.create("afterwards")
            try host.write("\"afterwards\": {\(Self.often), \"hooks\": {\"after\": [\"/bin/false\"]}}")
            let said = try await host.call("backup", "afterwards")
            #expect(said.status == 0 && said.error.contains("after hook /bin/false exited with 1"), "\(said.error)")
            #expect(try await host.call("verify", "afterwards").status == 0)
            try await host.server.drop("afterwards")
        }
    }
}
