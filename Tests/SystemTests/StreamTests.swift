import BackupCore
import Foundation
import TestSupport
import Testing

/// Verbs whose answer cannot be written, or is not read to its end.
@Suite struct StreamTests {
    /// `line` with `archon-backupd` as a function, for bash.
    private func bash(_ host: TestHost, _ line: String) async throws -> Said {
        try await run(
            "/bin/bash", ["-c", "program=\(ShellCommand.word(TestHost.binary)); \(line)"],
            environment: ["ARCHON_BACKUPD_CONFIG": host.config])
    }

    @Test func `a full disk under stdout is told, and ends a verb that has done its work with 73`() async throws {
        try await withHost { host in
            try await host.server.create("streamed", "create table t (id int)")
            try host.write(#""streamed": {\#(VerbTests.often), "expect": {"tables": {"public.t": 2}}}"#)
            // The dump is made all the same.
            let made = try await bash(host, "\"$program\" backup streamed > /dev/full")
            #expect(made.status == 73 && made.error.contains("cannot write the answer to stdout: No space"), "\(made)")
            #expect(try await host.call("list", "streamed").output.contains("backup_streamed_"))
            for verb in ["next", "list", "status --json", "runbook", "check", "doctor --only disk"] {
                let said = try await bash(host, "\"$program\" \(verb) > /dev/full")
                #expect(said.status == 73 && said.error.contains("No space left"), "\(verb): \(said)")
            }
            // The worse of the two: what was found.
            let found = try await bash(host, "\"$program\" audit > /dev/full")
            #expect(found.status == 1 && found.error.contains("No space left"), "\(found)")
            #expect(found.error.contains("not as expected"), "\(found)")
            // Nobody listens, and the answer is whole.
            let deaf = try await bash(host, "\"$program\" doctor --only disk 2> /dev/full")
            #expect(deaf.status == 0 && deaf.output.contains("disk"), "\(deaf)")
            try await host.server.drop("streamed")
        }
    }

    @Test func `a pipe that nobody reads any more ends a verb quietly, whether the signal is heeded or not`()
        async throws
    {
        try await withHost { host in
            try host.write("\"streamed\": {\(VerbTests.often)}")
            for trap in ["", "trap '' PIPE;"] {
                // It closes the pipe before the verb has begun to write.
                let line = "\(trap) (sleep 0.3; \"$program\" next; echo $? >&2) | true"
                let said = try await bash(host, line)
                #expect(said.error == "141\n", "\(said)")
            }
        }
    }
}
