import BackupCore
import Foundation
import TestSupport
import Testing

@Suite(.enabled(if: getuid() == 0, "only root can become somebody else")) struct ServiceUserTests {
    private static let often = #""calendar": "*-*-* 02:00:00""#

    private func owners(_ folder: String) async throws -> Set<String> {
        Set(try await run("find", [folder, "-printf", "%u\n"]).lines)
    }

    @Test func `root acts as the owner of the dumps, and leaves no file that the service cannot read`() async throws {
        try await withHost { host in
            try await host.server.create("owned", "create table t (id int)")
            try host.write("\"owned\": {\(Self.often)}")
            chmod(host.folder, 0o755)
            let made = try await run(
                "install", ["-d", "-m", "0700", "-o", "postgres", host.storage, "\(host.folder)/state"])
            #expect(made.status == 0, "\(made.error)")
            #expect(try await host.call("backup", "owned").status == 0)
            #expect(try await owners(host.storage) == ["postgres"])
            #expect(try await owners("\(host.folder)/state") == ["postgres"])
            try await host.withDaemon { daemon in
                let status = try String(contentsOfFile: "/proc/\(daemon.running.pid)/status", encoding: .utf8)
                let uid = try await run("id", ["-u", "postgres"]).lines[0]
                #expect(status.contains("Uid:\t\(uid)\t\(uid)\t\(uid)"))
                #expect(try await daemon.stop() == 0)
            }
            #expect(try await host.call("restore", "owned", "--replace", "--yes").status == 0)
            #expect(try await host.call("prune").status == 0)
            #expect(try await owners(host.folder) == ["postgres", "root"])
            #expect(try await owners(host.storage) == ["postgres"])
            try await host.server.drop("owned")
        }
    }

    @Test func `storage and state that do not agree on an owner leave root as it is`() async throws {
        try await withHost { host in
            try await host.server.create("disagreed")
            try host.write("\"disagreed\": {\(Self.often)}")
            chmod(host.folder, 0o755)
            _ = try await run("install", ["-d", "-o", "postgres", host.storage])
            _ = try await run("install", ["-d", "\(host.folder)/state"])
            #expect(try await host.call("backup", "disagreed").status == 0)
            #expect(try await owners("\(host.folder)/state") == ["root"])
            try await host.server.drop("disagreed")
        }
    }
}
