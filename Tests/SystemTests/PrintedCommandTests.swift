import BackupCore
import Foundation
import TestSupport
import Testing

/// Commands that are printed are there to be copied: a shell must find the same words in them, whatever the names are.
@Suite struct PrintedCommandTests {
    /// Gives a printed line to a shell that finds the built binary by its name.
    private func shell(_ host: TestHost, _ line: Substring) async throws -> Said {
        let folder = (TestHost.binary as NSString).deletingLastPathComponent
        return try await run(
            "/bin/bash", ["-c", "PATH='\(folder)':$PATH; \(line)"], environment: ["ARCHON_BACKUPD_CONFIG": host.config])
    }

    private func command(_ said: Said, _ mark: String) throws -> Substring {
        let line = try #require(said.output.split(separator: "\n").first { $0.contains(mark) }, "\(said.output)")
        return line[try #require(line.range(of: "archon-backupd ")).lowerBound...]
    }

    @Test func `what isolate prints to be done next can be copied into a shell`() async throws {
        try await withHost { host in
            let (source, target) = ("printed's source", "printed target")
            let schema = "create table if not exists app_tasks (id int primary key);"
            try await host.server.create(source, schema + "insert into app_tasks values (1)")
            try await host.server.create(target)
            try host.write(
                """
                "my src": {"database": "\(source)", \(VerbTests.often), "expect": {"tables": {"public.app_*": 0}}},
                "my dst": {"database": "\(target)", \(VerbTests.often), "expect": {"tables": {"public.app_*": 1}}}
                """)
            try Data(schema.utf8).write(to: URL(fileURLWithPath: "\(host.folder)/app.sql"))
            let plan = "\(host.folder)/my $plan.json"
            try Data(
                """
                {"version": 1, "source": "my src", "target": "my dst", "tables": ["public.app_*"], "schemaFile": "app.sql",
                 "copyRows": true}
                """.utf8
            ).write(to: URL(fileURLWithPath: plan))
            let dry = try await host.call("isolate", plan)
            #expect(dry.status == 0, "\(dry.error)")
            #expect(try await shell(host, try command(dry, "equal to its source")).status == 0, "\(dry.output)")
            // Who names the schedule means that one afterwards too.
            let config = "\(host.folder)/it's schedule.json"
            try FileManager.default.moveItem(atPath: host.config, toPath: config)
            let done = try await host.call("isolate", "--config", config, plan, "--yes")
            #expect(done.status == 0, "\(done.error)")
            let dumped = try await shell(host, try command(done, "for dumps of now"))
            #expect(dumped.status == 0, "\(done.output) \(dumped.error)")
            let back = try await shell(host, try command(done, "to move them back"))
            #expect(back.status == 0 && back.output.contains("moved back"), "\(done.output) \(back.error)")
            for name in [source, target] { try await host.server.drop(name) }
        }
    }

    @Test func `hints name jobs as a shell takes them`() async throws {
        try await withHost { host in
            try FileManager.default.createDirectory(atPath: host.storage, withIntermediateDirectories: true)
            try host.write("\"my job\": {\"database\": \"nobody's\", \(VerbTests.often)}")
            for arguments in [["blast-drill", "my job"], ["verify", "my job", "backup_x_20260101T000000Z"]] {
                let said = try await host.call(arguments)
                #expect(said.status != 0 && said.error.contains("archon-backupd"), "\(said.error)")
                #expect(said.error.contains(" 'my job'`"), "\(said.error)")
            }
        }
    }
}
