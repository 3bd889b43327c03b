import BackupCore
import Foundation
import TestSupport
import Testing

/// No room, or less and less of it, where a dump would be written inside; and a password that must not be seen in there.
@Suite(.withEngine) struct ContainerRoomTests {
    private static let often = #""calendar": "*-*-* 02:00:00""#
    private static let narrow = ["--tmpfs", "/tmp:size=8m", "--tmpfs", "/var/tmp:size=8m"]

    @Test func `without room inside a dump is streamed, and a directory archive refused`() async throws {
        try await withContainerHost("narrow", options: Self.narrow) { host, container in
            try await container.create(
                "app",
                "create table t as select g id, md5(g::text) || md5((g + 1)::text) v from generate_series(1, 200000) g")
            try host.write(
                "\"app\": {\(Self.often)}, \"folder\": {\"database\": \"app\", \"format\": \"directory\", \(Self.often)}"
            )
            let said = try await host.call("backup", "app")
            #expect(said.status == 0, "\(said.error)")
            let show = try await host.call("show", "app", "--json")
            #expect(show.output.contains("\"transfer\" : \"streamed\""), "\(show.output)")
            #expect(try await host.call("verify", "app").status == 0)
            let refused = try await host.call("backup", "folder")
            #expect(refused.status == 73 && refused.error.contains("has no room for an archive"), "\(refused.error)")
            #expect(try host.files().allSatisfy { $0.hasPrefix("app/") })
            // It has no place in there either, on the way back.
            let restored = try await host.call("restore", "app", "--into", "back")
            #expect(
                restored.status == 73 && restored.error.contains("has no room for the archive"), "\(restored.error)")
            #expect(
                try await container.sql(
                    "postgres", "select count(*) from pg_database where datname like 'archon%' or datname = 'back'")
                    == "0")
            try await container.untilClean("after all that")
        }
    }

    @Test func `a disk inside that is filled by others meanwhile`() async throws {
        let options = ["--tmpfs", "/tmp:size=1200m", "--tmpfs", "/var/tmp:size=8m"]
        try await withContainerHost("filled", options: options) { host, container in
            try await container.create(
                "app", "create table t as select g id, md5(g::text) v from generate_series(1, 100000) g")
            try host.write("\"app\": {\"proof\": \"read\", \"lockTimeout\": \"10min\", \(Self.often)}")
            try await container.withMigration("app") {
                let running = try await host.start("backup", "app")
                defer { running.signal(SIGKILL) }
                try await until("pg_dump waits: \(running.said)") {
                    try await container.backends("archon-backupd/app").contains { $0.contains("LOCK TABLE") }
                }
                try await container.exec("sh", "-c", "dd if=/dev/zero of=/tmp/filler bs=1M 2>/dev/null; true")
                try await container.endMigration("app")
                try await until("the backup ends: \(running.said)", seconds: 60) { running.hasEnded }
                #expect(try await running.end() != 0)
                #expect(running.said.contains("No space left"), "\(running.said)")
            }
            #expect(try host.files().isEmpty)
            try await container.exec("rm", "/tmp/filler")
            try await container.untilClean("after the disk was full")
            #expect(try await host.call("backup", "app").status == 0)
        }
    }

    @Test(arguments: ["passfile", "passwordCredential"])
    func `a password is in no argument, no environment and no inspection`(way: String) async throws {
        let secret = "correct:horse\\battery-\(UInt32.random(in: 0 ... .max))"
        try await withContainerHost("secret", password: "another") { host, container in
            try await container.create("app", "create table t as select generate_series(1, 100) g")
            try await container.sql("postgres", "create role keeper superuser login password '\(secret)'")
            var host = host
            let line = secret.replacing("\\", with: "\\\\").replacing(":", with: "\\:")
            let file = "\(host.folder)/\(way)"
            try Data((way == "passfile" ? "*:*:*:keeper:\(line)\n" : secret).utf8).write(to: URL(fileURLWithPath: file))
            chmod(file, 0o600)
            host.environment["CREDENTIALS_DIRECTORY"] = host.folder
            let member = way == "passfile" ? "\"passfile\": \"\(file)\"" : "\"passwordCredential\": \"\(way)\""
            host.servers =
                "\"box\": {\"container\": {\"name\": \"\(container.name)\", \"user\": \"keeper\"}, \(member)}"
            try host.write(
                "\"app\": {\"lockTimeout\": \"10min\", \(Self.often)}, \"read\": {\"database\": \"app\", \"proof\": \"read\", \"lockTimeout\": \"10min\", \(Self.often)}"
            )
            for job in ["app", "read"] {
                try await container.withMigration("app") {
                    let running = try await host.start("backup", job)
                    defer { running.signal(SIGKILL) }
                    try await until("it waits: \(running.said)") {
                        try await container.backends("archon-backupd/\(job)").contains { $0.contains("LOCK TABLE") }
                    }
                    let seen = try await whatIsSeen(container)
                    #expect(seen.contains("archon-backupd") && !seen.contains("correct:horse"), "\(job)")
                    try await container.endMigration("app")
                    #expect(try await running.end() == 0, "\(running.said)")
                    #expect(!running.said.contains("correct:horse"))
                }
                try await container.untilClean("after a dump with a password")
            }
            let restored = try await host.call("restore", "app", "--into", "back")
            #expect(restored.status == 0 && !restored.error.contains("correct:horse"), "\(restored.error)")
            let wrong = secret.replacing("horse", with: "house")
            try Data((way == "passfile" ? "*:*:*:keeper:x\n" : wrong).utf8).write(to: URL(fileURLWithPath: file))
            let refused = try await host.call("backup", "app")
            #expect(
                refused.status == 69 && refused.error.contains("password authentication failed"), "\(refused.error)")
        }
    }

    /// All that another in the container, or one who may talk to the engine, or one on this host finds out about the programs.
    private func whatIsSeen(_ container: TestContainer) async throws -> String {
        let inside = try await container.exec(
            "sh", "-c",
            "for f in /proc/[0-9]*/cmdline /proc/[0-9]*/environ; do tr '\\0' '\\n' <$f 2>/dev/null; done; ps -ef")
        let top = try await container.engine.docker(["top", container.id, "-eo", "pid,args"]).output
        let inspected = try await container.engine.docker(["inspect", container.id]).output
        let execs = try await run(
            "/bin/sh",
            ["-c", "for f in /proc/[0-9]*/cmdline /proc/[0-9]*/environ; do tr '\\0' '\\n' <$f 2>/dev/null; done; true"])
        return [inside, top, inspected, execs.output].joined(separator: "\n")
    }
}
