import BackupCore
import Foundation
import TestSupport
import Testing

/// The narrow proxy of systemd/examples, between Docker's own client and a real engine.
@Suite(.withEngine) struct DockerProxyTests {
    /// The client's view of an engine through a proxy that lets programs run in `container` as `user`; gone when the body ends.
    private func withProxy(
        _ container: TestContainer, user: String,
        _ body: (_ docker: ([String], String) async throws -> Said) async throws -> Void
    ) async throws {
        try await withProxySocket(container, user: user) { socket in
            try await body { arguments, input in
                try await run("docker", arguments, environment: ["DOCKER_HOST": "unix://\(socket)"], input: input)
            }
        }
    }

    private func withProxySocket(_ container: TestContainer, user: String, _ body: (String) async throws -> Void)
        async throws
    {
        try await withTemporaryFolder { folder in
            // Ends with the body, or with these tests.
            let script = """
                python3 "$1" --socket "$2/proxy.sock" --docker "$3/docker.sock" "$4" > "$2/log" 2>&1 &
                proxy=$!
                (while kill -0 \(getpid()) 2> /dev/null && [ -d "$2" ]; do sleep 0.2; done; kill $proxy) > /dev/null 2>&1 &
                """
            _ = try await run(
                "/bin/sh",
                [
                    "-c", script, "sh", Repository.path("systemd/examples/docker-proxy.py"), folder,
                    container.engine.folder, "\(container.name):\(user)",
                ])
            try await until("the proxy listens") { FileManager.default.fileExists(atPath: "\(folder)/proxy.sock") }
            try await body("\(folder)/proxy.sock")
        }
    }

    @Test func `a database is backed up and restored by the socket that the schedule names`() async throws {
        try await withContainerHost("narrow-host") { host, container in
            try await container.create("app", "create table t as select g from generate_series(1, 1000) g")
            try await withProxySocket(container, user: "postgres") { socket in
                var host = host
                host.environment["DOCKER_HOST"] = "unix:///nonexistent"
                host.servers = "\"box\": {\"container\": {\"socket\": \"\(socket)\", \"name\": \"\(container.name)\"}}"
                try host.write("\"app\": {\"calendar\": \"*-*-* 02:00:00\"}")
                let backup = try await host.call("backup", "app")
                #expect(backup.status == 0, "\(backup.error)")
                let restored = try await host.call("restore", "app", "--into", "back")
                #expect(restored.status == 0, "\(restored.error)")
                #expect(try await container.sql("back", "select sum(g) from t") == "500500")
            }
        }
    }

    @Test func `programs run in the container that is named, as the user that is named, streams and status intact`()
        async throws
    {
        try await withContainer("narrow") { container in
            try await withProxy(container, user: "postgres") { docker in
                let inspected = try await docker(["container", "inspect", "--format", "{{.Id}}", container.name], "")
                #expect(inspected.output.trimmingCharacters(in: .newlines) == container.id, "\(inspected.error)")
                let words = String(repeating: "a dump's worth of bytes\n", count: 100_000)
                for name in [container.name, container.id] {
                    let said = try await docker(["exec", "-i", name, "cat"], words)
                    #expect(said.status == 0 && said.output == words, "\(said.error)")
                }
                let failed = try await docker(["exec", "-i", container.id, "sh", "-c", "echo no >&2; exit 7"], "")
                #expect(failed.status == 7 && failed.error == "no\n")
                // Whoever is asked for.
                let root = try await docker(["exec", "-i", "--user", "root", container.id, "id", "-un"], "")
                #expect(root.output == "postgres\n", "\(root.error)")
            }
        }
    }

    @Test func `nothing else gets through`() async throws {
        try await withContainer("narrow-other") { other in
            try await withContainer("narrow") { container in
                try await withProxy(container, user: "postgres") { docker in
                    let refused = [
                        ["exec", "-i", other.id, "id"], ["container", "inspect", other.id],
                        ["exec", "-i", "--privileged", container.id, "id"], ["exec", "-t", container.id, "id"],
                        ["run", "--rm", "--pull=never", "-v", "/:/host", TestEngine.Image.debian.rawValue, "id"],
                        ["ps"], ["stop", container.id], ["rename", container.id, "other"],
                        ["cp", "\(container.id):/etc/passwd", "-"], ["images"], ["volume", "ls"],
                        ["logs", container.id],
                    ]
                    for arguments in refused {
                        let said = try await docker(arguments, "")
                        #expect(said.status != 0, "\(arguments) got through: \(said.output)")
                        #expect(said.error.contains("archon-docker-proxy: "), "\(arguments): \(said.error)")
                    }
                }
            }
        }
    }
}
