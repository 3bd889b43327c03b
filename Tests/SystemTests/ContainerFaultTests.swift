import BackupCore
import Foundation
import TestSupport
import Testing

/// What happens to a container, its engine and its clients in the midst of a dump: a clear error, nothing listed, and nothing
/// of ours left inside.
@Suite(.withEngine) struct ContainerFaultTests {
    private static let often = #""calendar": "*-*-* 02:00:00""#

    /// A backup that stands still in the midst of pg_dump, for the lock on its table; `options` are more keys of the job.
    private func withDumpInProgress(
        _ prefix: String, _ options: String = "", engine: TestEngine.Access? = nil,
        _ body: (TestHost, TestContainer, Running) async throws -> Void
    ) async throws {
        try await withContainerHost(prefix, engine: engine) { host, container in
            try await container.create("app", "create table t as select generate_series(1, 100) g")
            try host.write(
                "\"app\": {\"proof\": \"read\", \"lockTimeout\": \"10min\", \(options) \(Self.often)}")
            try await container.withMigration("app") {
                let running = try await host.start("backup", "app")
                defer { running.signal(SIGKILL) }
                try await until("pg_dump waits for the lock: \(running.said)") {
                    let backends = try await container.backends("archon-backupd/app")
                    #expect(!running.hasEnded)
                    return running.hasEnded || backends.contains { $0.contains("LOCK TABLE") }
                }
                try await body(host, container, running)
            }
        }
    }

    private func end(_ running: Running, _ what: String) async throws -> Int32 {
        try await until("the backup ends after \(what): \(running.said)", seconds: 60) { running.hasEnded }
        return try await running.end()
    }

    private func expectNothing(_ host: TestHost, _ line: SourceLocation = #_sourceLocation) async throws {
        #expect(try host.files().isEmpty, sourceLocation: line)
        #expect(try await host.call("list", "--json").output.filter { !$0.isWhitespace } == "[]", sourceLocation: line)
        #expect(try await run("find", [host.storage, "-name", ".partial*"]).output.isEmpty, sourceLocation: line)
    }

    @Test(arguments: [SIGTERM, SIGINT, SIGKILL])
    func `a client of exec that is killed from outside`(signal: Int32) async throws {
        try await withDumpInProgress("client") { host, container, running in
            let clients = try container.clients("pg_dump")
            #expect(clients.count == 1)
            for pid in clients { kill(pid, signal) }
            #expect(try await end(running, "its client was killed") == 69)
            #expect(running.said.contains("was ended from outside"), "\(running.said)")
            try await expectNothing(host)
            try await container.untilClean("after its client was killed with \(signal)")
            try await container.endMigration("app")
            #expect(try await host.call("backup", "app").status == 0)
        }
    }

    @Test func `what the engine cannot begin is told in its words`() async throws {
        try await withContainerHost("shell-less") { host, container in
            try host.write("\"postgres\": {\"calendar\": \"*-*-* 02:00:00\"}")
            try await container.exec(
                "bash", "-c", "mv /bin/sh /bin/sh.away; mv /usr/bin/sh /usr/bin/sh.away; hash -r; ! command -v sh")
            let said = try await host.call("backup", "postgres")
            #expect(said.status == 69 && said.error.contains("docker exec could not begin"), "\(said.error)")
            #expect(said.error.contains("executable file not found"), "\(said.error)")
        }
    }

    @Test func `pg_dump that is killed inside is told with its signal`() async throws {
        try await withDumpInProgress("inside") { host, container, running in
            try await container.exec(
                "sh", "-c",
                "for d in /proc/[0-9]*; do [ \"$(cat $d/comm)\" = pg_dump ] && kill -9 ${d#/proc/}; done; true")
            #expect(try await end(running, "pg_dump was killed") == 1)
            #expect(running.said.contains("pg_dump of app was ended by signal 9"), "\(running.said)")
            try await expectNothing(host)
            try await container.untilClean("after pg_dump was killed")
        }
    }

    @Test func `a container that is stopped, and one that is restarted`() async throws {
        try await withDumpInProgress("stopped") { host, container, running in
            try await container.stop()
            let status = try await end(running, "the container was stopped")
            #expect([1, 69].contains(status), "\(running.said)")
            let isClear = ["stopped", "terminating connection", "closed the connection"].contains {
                running.said.contains($0)
            }
            #expect(isClear, "\(running.said)")
            try await expectNothing(host)
            try await container.start()
            #expect(try await host.call("backup", "app").status == 0)
            try await container.untilClean("after a stop and another backup")
        }
        try await withDumpInProgress("restarted") { host, container, running in
            try await container.restart()
            let status = try await end(running, "the container was restarted")
            #expect([1, 69].contains(status), "\(running.said)")
            let isClear = ["restarted", "stopped", "terminating connection", "closed the connection"].contains {
                running.said.contains($0)
            }
            #expect(isClear, "\(running.said)")
            try await expectNothing(host)
            #expect(try await host.call("backup", "app").status == 0)
            try await container.untilClean("after a restart and another backup")
        }
    }

    @Test func `a container that is renamed, and another that takes its name`() async throws {
        try await withDumpInProgress("renamed") { host, container, running in
            try await container.rename("\(container.name)-old")
            try await container.endMigration("app")
            #expect(try await end(running, "the container was renamed") == 69)
            #expect(running.said.contains("was renamed or removed meanwhile"), "\(running.said)")
            try await expectNothing(host)
            let next = try await host.call("backup", "app")
            #expect(
                next.status == 69 && next.error.contains("there is no container \(container.name)"), "\(next.error)")
            try await container.untilClean("after the container was renamed")
            try await container.rename(container.name)
            #expect(try await host.call("backup", "app").status == 0)
        }
    }

    @Test func `an engine that breaks down`() async throws {
        let engine = try await TestEngine.own()
        defer { engine.end() }
        try await withDumpInProgress("engine", engine: engine) { host, container, running in
            engine.end()
            let status = try await end(running, "the engine was killed")
            #expect([1, 69].contains(status), "\(running.said)")
            try await expectNothing(host)
        }
    }
}
