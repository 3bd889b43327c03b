import BackupCore
import Foundation
import TestSupport
import Testing

/// The runbook's commands with PostgreSQL's own programs, as bash reads them.
@Suite struct StockRestoreTests {
    @Test(arguments: [Job.Format.custom, .directory])
    func `bash takes the commands of every kind of server`(format: Job.Format) async throws {
        var manifest = ManifestTests.plain
        manifest.format = format
        if format == .custom { manifest.contents = ["EVENT TRIGGER": ["- watch postgres"]] }
        let servers = [
            Server(name: "socket", connection: "host=/run/x user=postgres"),
            Server(name: "password", connection: "host=db", passfile: "/etc/p w"),
            Server(
                name: "box", connection: "",
                container: Container(engine: .docker, socket: "/run/d sock", name: "db", user: "o'\u{301}x")),
        ]
        for server in servers {
            let commands = StockRestore(manifest, server: server, folder: "/backups/o'x").commands
            let said = try await run("/bin/bash", ["-n"], input: commands)
            #expect(said.status == 0 && said.error.isEmpty, "\(said.error)\n\(commands)")
            #expect(commands.contains("EVENTS=") == (format == .custom))
            // Bash takes this for arithmetic.
            #expect(!commands.contains("$(("))
        }
    }

    @Test func `the roles that an adopted dump needs are made by name, whatever is in it`() async throws {
        var manifest = ManifestTests.plain
        manifest.globals = nil
        manifest.roles = ["app", "pg_monitor", "it's \"odd\"\n$x `y`"]
        let server = Server(name: "socket", connection: "host=/run/x user=postgres")
        let commands = StockRestore(manifest, server: server, folder: "/backups").commands
        let line = try #require(commands.split(separator: "\n").first { $0.hasPrefix("printf ") }).dropLast(2)
        let said = try await run("/bin/bash", ["-c", String(line)])
        #expect(
            said.output == "CREATE ROLE \"app\";\nCREATE ROLE \"it's \"\"odd\"\"\n$x `y`\";\n", "\(said.output)")
    }
}
