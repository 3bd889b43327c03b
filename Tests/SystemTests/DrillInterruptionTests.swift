import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

/// A drill that is ended, in whatever way, leaves nothing that stays, and no verdict.
@Suite struct DrillInterruptionTests {
    /// What the drill of that process has made and is still there: folders, and processes that work in them.
    private func left(by pid: Int32) throws -> [String] {
        var found: [String] = []
        for base in ["/var/tmp", "/tmp"] {
            for name in try FileManager.default.contentsOfDirectory(atPath: base)
            where name.hasPrefix("archon-backupd-drill-") {
                let lock = FileManager.default.contents(atPath: "\(base)/\(name)/.lock") ?? Data()
                if String(decoding: lock, as: UTF8.self) == "\(pid)\n" { found.append("\(base)/\(name)") }
            }
        }
        return found
    }

    /// Of servers that work in one of these folders.
    private func servers(in folders: Set<String>) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { Int($0) != nil }.filter { pid in
            // It may have ended meanwhile.
            let place = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/cwd")  // see above
            return folders.contains { place?.hasPrefix($0) == true }
        }
    }

    private func withJob(_ body: (TestHost, String) async throws -> Void) async throws {
        try await withHost { host in
            let name = "cut\(UInt32.random(in: 0 ... .max))"
            try await host.server.create(
                name,
                "create table t as select g id, md5(g::text) v from generate_series(1, 50000) g; create index on t (v)")
            try host.write(
                "\"cut\": {\"database\": \"\(name)\", \"calendar\": \"Mon *-*-* 02:00:00\"}, \"here\": {\"database\": \"\(name)\", \"calendar\": \"Mon *-*-* 02:00:00\", \"drill\": {\"calendar\": \"Sun 05:00\", \"on\": \"scratch\"}}"
            )
            try #require(try await host.call("backup", "--all").status == 0)
            try await body(host, name)
            try await host.server.drop(name)
        }
    }

    /// New dumps, of which nothing is known.
    private func renew(_ host: TestHost) async throws {
        for folder in ["\(host.storage)/cut", "\(host.storage)/here", "\(host.folder)/state"] {
            try FileManager.default.removeItem(atPath: folder)
        }
        try #require(try await host.call("backup", "--all").status == 0)
    }

    private func expectNoVerdict(_ host: TestHost, _ what: String) async throws {
        let status = try await host.call("status", "--json")
        #expect(status.output.contains("\"drill\" : \"not-run\""), "\(what): \(status.output)")
        #expect(!status.output.contains("\"drill\" : \"proven\""), "\(what): \(status.output)")
        #expect(try await !host.call("list", "--json").output.contains("drilled"), "\(what)")
    }

    /// Those of this host's drills on the server that are still there, marked or not yet.
    private func scratches(_ host: TestHost) async throws -> String {
        let mark =
            "printf 'scratch database of a drill by archon-backupd on %s with %s: may be dropped' \"$(cat /proc/sys/kernel/hostname)\" '\(host.folder)/state' | sha256sum"
        let owner = try await run("/bin/sh", ["-c", mark]).output.prefix(8)
        return try await host.server.psql(
            "postgres",
            "select string_agg(datname, ',') from pg_database where datname like 'archon\\_drill\\_%\\_\(owner)\\_%'")
    }

    @Test func `SIGTERM: it ends with 143, leaves nothing, and says nothing of the dump`() async throws {
        try await withJob { host, _ in
            var random = SplitMix64(seed: 31)
            var folders: Set<String> = []
            for round in 1...8 {
                let job = round.isMultiple(of: 4) ? "here" : "cut"
                let running = try await host.start("drill", job)
                let instant = ContinuousClock.now + .milliseconds(Int.random(in: 100...1800, using: &random))
                while ContinuousClock.now < instant, !running.hasEnded {
                    folders.formUnion(try left(by: running.pid))
                    try await Task.sleep(for: .milliseconds(10))
                }
                running.signal(SIGTERM)
                let status = try await running.end()
                folders.formUnion(try left(by: running.pid))
                // It may have come to its end before.
                #expect(status == 143 || status == 0, "round \(round): \(status), \(running.said)")
                #expect(try left(by: running.pid).isEmpty, "round \(round)")
                #expect(try await scratches(host).isEmpty, "round \(round)")
                if status == 143 {
                    #expect(running.said.contains("interrupted"), "round \(round): \(running.said)")
                    #expect(!running.said.contains("could not"), "round \(round): \(running.said)")
                } else {
                    // Then it has its verdict.
                    try await renew(host)
                }
            }
            #expect(!folders.isEmpty)
            #expect(try servers(in: folders).isEmpty)
            #expect(try await host.call("drill", "--all").status == 0)
        }
    }

    @Test func `kill -9 at any instant: the next drill removes what is left, and nothing was proven`() async throws {
        try await withJob { host, _ in
            var random = SplitMix64(seed: 32)
            var folders: Set<String> = []
            for round in 1...10 {
                let job = round.isMultiple(of: 3) ? "here" : "cut"
                let running = try await host.start("drill", job)
                let instant = ContinuousClock.now + .milliseconds(Int.random(in: 100...1500, using: &random))
                while ContinuousClock.now < instant, !running.hasEnded {
                    folders.formUnion(try left(by: running.pid))
                    try await Task.sleep(for: .milliseconds(10))
                }
                folders.formUnion(try left(by: running.pid))
                guard !running.hasEnded else {
                    _ = try await running.end()
                    try await renew(host)
                    continue
                }
                running.signal(SIGKILL)
                _ = try await running.end()
                folders.formUnion(try left(by: running.pid))
                try await expectNoVerdict(host, "round \(round)")
                if round == 5 || round == 10 {
                    // It sweeps before it drills, on the server and beside it.
                    #expect(try await host.call("drill", "--all").status == 0, "round \(round)")
                    #expect(try await scratches(host).isEmpty, "round \(round)")
                    for folder in folders {
                        #expect(!FileManager.default.fileExists(atPath: folder), "round \(round): \(folder) is left")
                    }
                    try await until("the servers of \(folders) have ended", seconds: 90) {
                        try servers(in: folders).isEmpty
                    }
                    try await renew(host)
                }
            }
            #expect(!folders.isEmpty)
        }
    }
}
