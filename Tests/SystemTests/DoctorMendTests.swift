import BackupCore
import Foundation
import TestSupport
import Testing

/// What `doctor` says is to be done, done to the letter.
@Suite(.enabled(if: getuid() == 0, "only root can give a file away")) struct DoctorMendTests {
    /// Runs each command that stands between backquotes.
    private func follow(_ mend: String?) async throws {
        let commands = try #require(mend).split(separator: "`", omittingEmptySubsequences: false).enumerated()
            .filter { !$0.offset.isMultiple(of: 2) }.map { String($0.element) }
        #expect(!commands.isEmpty, "\(mend ?? "")")
        for command in commands {
            let said = try await run("/bin/bash", ["-ec", command])
            #expect(said.status == 0, "\(command): \(said.error)")
        }
    }

    /// Dumps of a user who is not the package's own, as on a host that was set up by hand.
    @Test func `a passfile and a schedule that the service's user cannot use are so afterwards`() async throws {
        try await withHost { host in
            let shut = "\(host.folder)/shut for others"
            let passfile = "\(shut)/deep/pgpass"
            var host = host
            host.servers = "\"one\": {\"connection\": \"\(host.server.connection)\", \"passfile\": \"\(passfile)\"}"
            try host.write("\"app\": {\(VerbTests.often)}")
            chmod(host.folder, 0o755)
            chmod(host.config, 0o644)
            let made = try await run("install", ["-d", "-m", "0700", "-o", "postgres", host.storage])
            #expect(made.status == 0, "\(made.error)")
            try FileManager.default.createDirectory(atPath: "\(shut)/deep", withIntermediateDirectories: true)
            try Data("*:*:*:*:x\n".utf8).write(to: URL(fileURLWithPath: passfile))
            chmod(passfile, 0o600)
            chmod(shut, 0o700)

            func mend(_ found: String) async throws {
                let answer = try await host.doctor("--only", "credentials", status: 1)
                let failed = try #require(answer.checks.first { $0.outcome == "fail" })
                #expect(failed.found.contains(found), "\(failed)")
                try await follow(failed.mend)
            }
            try await mend("may not enter \(shut)")
            try await mend("this user may not read it")
            #expect(chown(passfile, 65534, 0) == 0 && chmod(passfile, 0o600) == 0)
            try await mend("this user may not read it")
            #expect(try await host.doctor("--only", "credentials", status: 0).passed == 2)
            // Root, too, is told whose it should be: it acts as that user where it can, and here it cannot.
            #expect(chown(host.config, 65534, 0) == 0)
            try await mend("owned by nobody")
            #expect(try await host.doctor("--only", "credentials", status: 0).passed == 2)
        }
    }

    @Test func `a storage that is not there is made for a user who is`() async throws {
        try await withHost { host in
            try host.write("\"app\": {\(VerbTests.often)}")
            let missing = try await host.doctor("--only", "disk", status: 1)
            try await follow(missing.checks[0].mend.map { String($0.prefix { $0 != "," }) })
            #expect(try await host.doctor("--only", "disk", status: 0).passed == 1)
        }
    }
}
