import BackupCore
import Foundation
import TestSupport
import Testing

/// Drills of a server's dumps that only its container reaches.
@Suite(.withEngine) struct ContainerDrillTests {
    private static let often = #""calendar": "*-*-* 02:00:00""#
    private static let rows =
        "create extension hstore; create table t as select g id, md5(g::text) v, 'a=>1'::hstore h from generate_series(1, 60000) g; create index on t (v)"

    /// Of this host's drills, also of those that have ended and were not removed; with what `docker inspect` says of their network.
    private func throwaways(_ host: TestHost, _ container: TestContainer) async throws -> [String] {
        let owner = try await owner(host)
        let said = try await container.engine.docker([
            "ps", "--all", "--no-trunc", "--filter", "label=archon-backupd.drill=\(owner)", "--format",
            "{{.ID}} {{.Image}} {{.Networks}}",
        ])
        return said.lines
    }

    private func owner(_ host: TestHost) async throws -> String {
        let mark =
            "printf 'scratch database of a drill by archon-backupd on %s with %s: may be dropped' \"$(cat /proc/sys/kernel/hostname)\" '\(host.folder)/state' | sha256sum"
        return try await String(run("/bin/sh", ["-c", mark]).output.prefix(8))
    }

    @Test(arguments: TestEngine.Image.allCases)
    func `a throwaway is a second container of the same image, without network, and goes`(image: TestEngine.Image)
        async throws
    {
        try await withContainerHost("drill", image) { host, container in
            try await container.create("app", Self.rows)
            try host.write("\"app\": {\"drill\": {\"calendar\": \"Sun 05:00\", \"on\": \"throwaway\"}, \(Self.often)}")
            #expect(try await host.call("backup", "app").status == 0)
            let running = try await host.start("drill", "app")
            var seen: Set<String> = []
            while !running.hasEnded { seen.formUnion(try await throwaways(host, container)) }
            #expect(try await running.end() == 0, "\(running.said)")
            let ids = Set(seen.map { $0.prefix { $0 != " " } })
            // Before it runs it has no network yet.
            let networks = Set(seen.map { $0.split(separator: " ").dropFirst(2).joined() })
            #expect(ids.count == 1 && networks.subtracting(["", "none"]).isEmpty, "\(seen)")
            #expect(try await throwaways(host, container).isEmpty)
            #expect(try await host.call("list", "app").output.contains("drilled"))
            #expect(
                try await container.sql("postgres", "select count(*) from pg_database where datname like 'archon%'")
                    == "0")
            try await container.untilClean("after a drill")
        }
    }

    @Test func `on the server itself, in a scratch database`() async throws {
        try await withContainerHost("scratch") { host, container in
            try await container.create("app", Self.rows)
            try host.write("\"app\": {\"drill\": {\"calendar\": \"Sun 05:00\", \"on\": \"box\"}, \(Self.often)}")
            #expect(try await host.call("backup", "app").status == 0)
            let said = try await host.call("drill", "app")
            #expect(said.status == 0, "\(said.error)")
            #expect(try await host.call("list", "app").output.contains("drilled"))
            #expect(
                try await container.sql("postgres", "select count(*) from pg_database where datname like 'archon%'")
                    == "0")
            try await container.untilClean("after a drill on the server")
        }
    }

    @Test(arguments: [SIGTERM, SIGKILL])
    func `a drill that is ended leaves no container`(signal: Int32) async throws {
        try await withContainerHost("ended") { host, container in
            try await container.create("app", Self.rows)
            try host.write("\"app\": {\"drill\": {\"calendar\": \"Sun 05:00\", \"on\": \"throwaway\"}, \(Self.often)}")
            #expect(try await host.call("backup", "app").status == 0)
            for round in 1...3 {
                let running = try await host.start("drill", "app")
                defer { running.signal(SIGKILL) }
                try await until("there is a throwaway: \(running.said)") {
                    try await !throwaways(host, container).isEmpty || running.hasEnded
                }
                try await Task.sleep(for: .milliseconds(400 * (round - 1)))
                running.signal(signal)
                try await until("the drill ends: \(running.said)", seconds: 60) { running.hasEnded }
                let status = try await running.end()
                #expect(status == 128 + signal || status == 0, "round \(round): \(status), \(running.said)")
                // Its container sees the end of its stdin by itself; nothing needs to be swept.
                try await until("the throwaway of round \(round) is gone", seconds: 60) {
                    try await throwaways(host, container).isEmpty
                }
            }
            #expect(try await host.call("drill", "app").status == 0)
            try await container.untilClean("after drills that were ended")
        }
    }

    @Test func `what an engine that broke down left of a drill is swept by the next, and nothing else`() async throws {
        try await withContainerHost("swept") { host, container in
            try await container.create("app", Self.rows)
            try host.write("\"app\": {\"drill\": {\"calendar\": \"Sun 05:00\", \"on\": \"throwaway\"}, \(Self.often)}")
            #expect(try await host.call("backup", "app").status == 0)
            let owner = try await owner(host)
            // One like it that has stopped and stayed, as after a power cut; and one of another installation.
            let make = ["create", "--pull=never", "--label", "archon-backupd.drill=\(owner)", "pg:15"]
            let stayed = try #require(try await container.engine.docker(make).lines.last)
            let others = try #require(
                try await container.engine.docker(make.map { $0.replacing(owner, with: "other") }).lines.last)
            #expect(try await host.call("drill", "app").status == 0)
            #expect(try await container.engine.docker(["inspect", stayed]).status != 0)
            #expect(try await container.engine.docker(["inspect", others]).status == 0)
            _ = try await container.engine.docker(["rm", "-f", "-v", others])
        }
    }
}
