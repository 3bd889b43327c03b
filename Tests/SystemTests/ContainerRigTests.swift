import BackupCore
import Foundation
import TestSupport
import Testing

extension Trait where Self == ConditionTrait {
    /// Skips a test where no Docker engine of its own can be begun.
    static var withEngine: Self { .enabled(if: TestEngine.lack == nil, "\(TestEngine.lack ?? "")") }
}

/// The ground that tests of container servers stand on.
@Suite(.withEngine) struct ContainerRigTests {
    @Test(arguments: TestEngine.Image.allCases)
    func `a container has a PostgreSQL of its own whose postmaster is PID 1`(image: TestEngine.Image) async throws {
        try await withContainer("rig", image) { container in
            #expect(try await container.sql("postgres", "show data_directory") == "/var/lib/postgresql/data")
            #expect(try await container.exec("cat", "/proc/1/comm") == "postgres")
            #expect(try await container.processes().isEmpty)
            try await container.untilClean("at the beginning")
        }
    }

    @Test func `an orphan that ends by a signal breaks the server down, and the rig tells`() async throws {
        do {
            try await withContainer("orphan") { container in
                // Its parent has gone: the postmaster gets it, and takes it for one of its own.
                try await container.exec(
                    "sh", "-c", "sleep 100 </dev/null >/dev/null 2>&1 & p=$!; (sleep 1; kill -9 $p) >/dev/null 2>&1 &")
                try await until("the server broke down", seconds: 20) {
                    try await container.engine.docker(["logs", container.id]).error.contains("terminating any other")
                }
            }
            Issue.record("nobody told of it")
        } catch let failure as Failure {
            #expect(failure.message.contains("broke down"), "\(failure)")
        }
    }

    @Test func `a password that the container was begun with is asked for by its socket`() async throws {
        try await withContainer("asked", password: "sesame") { container in
            #expect(try await container.sql("postgres", "select 1") == "1")
            let said = try await container.engine.docker([
                "exec", container.id, "psql", "-w", "-U", "postgres", "-c", "select 1",
            ])
            #expect(said.status != 0 && said.error.contains("no password supplied"), "\(said.error)")
        }
    }

    @Test func `the engine ends with the process that it was begun for`() async throws {
        try await withTemporaryFolder { folder in
            let place = "\(folder)/engine"
            let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appending(path: "Containers/engine.sh").path
            let said = try await run(
                "/bin/sh", ["-c", "sleep 600 >/dev/null 2>&1 & sh '\(script)' up '\(place)' $! && echo $!"])
            let pid = try #require(said.lines.last.flatMap { Int32($0) }, "\(said.error)")
            #expect(FileManager.default.fileExists(atPath: "\(place)/docker.sock"))
            kill(pid, SIGKILL)
            try await until("the engine is gone", seconds: 60) { !FileManager.default.fileExists(atPath: place) }
            #expect(try await run("pgrep", ["-f", "data-root \(place)/data"]).output.isEmpty)
        }
    }
}
