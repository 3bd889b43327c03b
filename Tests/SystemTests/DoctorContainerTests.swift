import BackupCore
import Foundation
import TestSupport
import Testing

/// `doctor` before real containers.
@Suite(.withEngine) struct DoctorContainerTests {
    @Test func `health, names and PostgREST's database, and no password in any answer`() async throws {
        let options = [
            "--health-cmd", "test -e /tmp/well", "--health-interval", "1s", "--health-retries", "1", "-e",
            "PGRST_DB_URI=postgres://authenticator:geheim@db:5432/archon_db",
        ]
        try await withContainerHost("doctor", options: options) { host, container in
            let name = container.name
            func write(_ database: String) throws {
                try host.write(
                    "\"app\": {\(VerbTests.often)}",
                    top: """
                        "platform": {"containers": ["\(name)", "gone-\(name)"],
                          "hosts": {"host.docker.internal": {"containers": ["\(name)", "gone-\(name)"]}},
                          "postgrest": {"\(name)": {"database": "\(database)"}}},
                        """)
            }
            // Nobody but this file is asked, and the name is not in it yet.
            try await container.exec("sh", "-c", "echo 'hosts: files' > /etc/nsswitch.conf")
            try write("postgres")
            try await until("the health check has failed") {
                try await container.engine.docker(["inspect", "--format", "{{.State.Health.Status}}", name]).output
                    .hasPrefix("unhealthy")
            }
            let checks = ["containers", "name-resolution", "postgrest"]
            let ill = try await host.doctor("--only", checks[0], checks[1], checks[2], status: 1)
            #expect(
                ill.lines == [
                    "fail host.docker.internal in \(name)", "fail host.docker.internal in gone-\(name)",
                    "fail \(name)", "fail gone-\(name)", "fail \(name)",
                ])
            #expect(ill.checks[0].mend?.contains("host.docker.internal:host-gateway") == true)
            #expect(ill.checks[1].found == "there is no such container" && ill.checks[3].found == ill.checks[1].found)
            #expect(ill.checks[2].found == "running, unhealthy", "\(ill.checks[2])")
            #expect(ill.checks[4].found == "it serves archon_db where postgres is expected")
            #expect(ill.checks.allSatisfy { !"\($0)".contains("geheim") })

            // Whoever writes this into a container's hosts file sends it to itself.
            try await container.exec("sh", "-c", "echo '127.0.0.1 host.docker.internal' > /etc/hosts")
            let own = try await host.doctor("--only", "name-resolution", status: 1).checks[0]
            #expect(own.outcome == "fail" && own.found == "127.0.0.1, which in there is the container itself", "\(own)")
            #expect(own.mend?.contains("host.docker.internal:host-gateway") == true, "\(own)")
            try await container.exec(
                "sh", "-c", "echo '172.17.0.1 host.docker.internal' > /etc/hosts; touch /tmp/well")
            try write("archon_db")
            try await until("the health check is content") {
                try await container.engine.docker(["inspect", "--format", "{{.State.Health.Status}}", name]).output
                    .hasPrefix("healthy")
            }
            let well = try await host.doctor("--only", checks[0], checks[1], checks[2], status: 1)
            #expect(
                well.checks[0].found == "172.17.0.1" && well.checks[2].found == "running, healthy", "\(well.checks)")
            #expect(well.checks[4].found == "it serves archon_db" && well.failed == 2)
            let said = try await host.call("doctor", "--only", "postgrest", "containers")
            #expect(!(said.output + said.error).contains("geheim"))
        }
    }

    @Test func `an image without getent, and a container that does not run`() async throws {
        try await withContainerHost("plain", .busybox) { host, container in
            let hosts = "\"hosts\": {\"localhost\": {\"containers\": [\"\(container.name)\"]}}"
            try host.write("\"app\": {\(VerbTests.often)}", top: "\"platform\": {\(hosts)},")
            let running = try await host.doctor("--only", "containers", "name-resolution", status: 0)
            #expect(running.lines == ["skipped localhost in \(container.name)", "pass \(container.name)"])
            #expect(running.checks[0].found == "there is no getent in the image", "\(running.checks)")
            try await container.stop()
            let stopped = try await host.doctor("--only", "containers", "name-resolution", "postgresql", status: 1)
            #expect(stopped.failed == 3 && stopped.checks[1].found.hasPrefix("exited"), "\(stopped.checks)")
            #expect(stopped.checks[0].found == "the container does not run", "\(stopped.checks)")
        }
    }
}
