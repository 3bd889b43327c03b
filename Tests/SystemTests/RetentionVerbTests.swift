import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

@Suite struct RetentionVerbTests {
    private static let often = #""calendar": "*-*-* 02:00:00""#

    private func backUp(_ host: TestHost, _ job: String) async throws -> Said {
        // Names have whole seconds; a run within the same second takes the next.
        let said = try await host.call("backup", job)
        #expect(said.status == 0, "\(said.error)")
        return said
    }

    private func dumps(_ host: TestHost, _ job: String) throws -> [String] {
        try host.files().filter { $0.hasPrefix("\(job)/") && $0.hasSuffix(".dump") }
    }

    @Test func `a job never prunes what is another's, be its name a prefix`() async throws {
        try await withHost { host in
            for name in ["app", "app-foo", "app_20261123T020000Z"] { try await host.server.create("prefix \(name)") }
            let keep = "\"retention\": {\"keepLast\": 2}"
            func job(_ name: String) -> String {
                "\"\(name)\": {\"database\": \"prefix \(name)\", \(Self.often), \(keep)}"
            }
            try host.write([job("app"), job("app-foo"), job("app_20261123T020000Z")].joined(separator: ", "))
            // As if somebody had put the other's dumps into this one's folder, too.
            _ = try await backUp(host, "app-foo")
            try FileManager.default.createDirectory(atPath: "\(host.storage)/app", withIntermediateDirectories: true)
            for file in try dumps(host, "app-foo") {
                let name = (file as NSString).lastPathComponent
                try FileManager.default.copyItem(
                    atPath: "\(host.storage)/\(file)", toPath: "\(host.storage)/app/\(name)")
            }
            for _ in 1...4 { _ = try await backUp(host, "app") }
            _ = try await backUp(host, "app_20261123T020000Z")
            #expect(try dumps(host, "app").count { $0.contains("backup_app_2") } == 2)
            #expect(try dumps(host, "app").count { $0.contains("backup_app-foo_") } == 1)
            #expect(try dumps(host, "app-foo").count == 1)
            #expect(try dumps(host, "app_20261123T020000Z").count == 1)
            for name in ["app", "app-foo", "app_20261123T020000Z"] { try await host.server.drop("prefix \(name)") }
        }
    }

    @Test func `a dump that is suspiciously small suspends pruning, visibly, until a person accepts it`() async throws {
        try await withHost { host in
            try await host.server.create(
                "shrunk", "create table t as select g, md5(g::text) from generate_series(1, 1000) g")
            try host.write("\"shrunk\": {\(Self.often), \"retention\": {\"keepLast\": 2}}")
            for _ in 1...3 { _ = try await backUp(host, "shrunk") }
            #expect(try dumps(host, "shrunk").count == 2)
            try await host.server.psql("shrunk", "delete from t where g > 10")
            for count in 3...6 {
                let said = try await backUp(host, "shrunk")
                #expect(said.error.contains("suspiciously small") && said.error.contains("--accept"), "\(said.error)")
                #expect(try dumps(host, "shrunk").count == count)
            }
            #expect(try await host.call("status").output.contains("suspiciously small"))
            #expect(try await host.call("status", "--json").output.contains("\"suspension\""))
            let plan = try await host.call("prune", "--dry-run")
            #expect(
                plan.lines.count { $0.contains("remove (suspended)") } == 4
                    && plan.lines.count { $0.contains("keepLast") } == 2, "\(plan.output)")
            #expect(try await host.call("prune").status == 0)
            #expect(try dumps(host, "shrunk").count == 6)
            let accepted = try await host.call("prune", "shrunk", "--accept")
            #expect(accepted.status == 0 && accepted.lines.count == 5, "\(accepted.output)")
            #expect(try dumps(host, "shrunk").count == 2)
            #expect(try await host.call("status").output.contains("suspiciously small") == false)
            for _ in 1...2 {
                let said = try await backUp(host, "shrunk")
                #expect(!said.error.contains("suspiciously small"))
            }
            #expect(try dumps(host, "shrunk").count == 2)
            try await host.server.drop("shrunk")
        }
    }

    @Test func `a backup never prunes the dump that it has made, however quickly runs follow each other`() async throws
    {
        try await withHost { host in
            try await host.server.create("quick")
            for keep in [1, 2] {
                try host.write("\"quick\": {\(Self.often), \"retention\": {\"keepLast\": \(keep)}}")
                for _ in 1...6 {
                    let made = try await backUp(host, "quick").lines
                    #expect(try dumps(host, "quick").last == made.first.map { "quick/\($0).dump" })
                }
                #expect(try dumps(host, "quick").count == keep)
            }
            try await host.server.drop("quick")
        }
    }

    @Test func `nothing is pruned after a failed run, and a second prune removes nothing`() async throws {
        try await withHost { host in
            try await host.server.create("failing")
            try host.write("\"failing\": {\(Self.often)}")
            for _ in 1...3 { _ = try await backUp(host, "failing") }
            try host.write("\"failing\": {\(Self.often), \"retention\": {\"keepLast\": 1}}")
            try await host.server.drop("failing")
            #expect(try await host.call("backup", "failing").status == 69)
            #expect(try dumps(host, "failing").count == 3)
            let first = try await host.call("prune", "--json")
            #expect(first.status == 0 && first.output.contains("no rule keeps it"), "\(first.error)")
            #expect(try dumps(host, "failing").count == 1)
            #expect(try await host.call("prune").lines.count == 1)
            #expect(try host.files().count == 3)
        }
    }

    @Test func `the catalog is made again by hand, and no dump is lost`() async throws {
        try await withHost { host in
            try await host.server.create("remembered", "create table t (id int)")
            try host.write("\"remembered\": {\(Self.often)}")
            for _ in 1...3 { _ = try await backUp(host, "remembered") }
            try Data("this is no database at all".utf8).write(
                to: URL(fileURLWithPath: "\(host.folder)/state/catalog.sqlite"))
            let status = try await host.call("status")
            #expect(status.status == 74 && status.error.contains("rebuild-catalog"), "\(status.error)")
            #expect(try await host.call("list").lines.count == 4)
            let rebuilt = try await host.call("rebuild-catalog")
            #expect(rebuilt.status == 0 && rebuilt.output.contains("3 manifests"), "\(rebuilt.error)")
            #expect(try await host.call("status", "--check").status == 0)
            #expect(try await host.history().count == 3)
            try await host.server.drop("remembered")
        }
    }

    @Test func `a start finds out which dumps a person has moved away`() async throws {
        try await withHost { host in
            try await host.server.create("moved")
            try host.write("\"moved\": {\(Self.often)}")
            for _ in 1...3 { _ = try await backUp(host, "moved") }
            let first = try #require(try dumps(host, "moved").first).dropLast(5)
            for suffix in ["dump", "json", "globals.sql"] {
                try FileManager.default.removeItem(atPath: "\(host.storage)/\(first).\(suffix)")
            }
            try await host.withDaemon { daemon in
                let status = try await daemon.stop()
                #expect(status == 0)
            }
            let text = try await host.call("status", "--json").output
            let answer = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
            let noted = (answer?["jobs"] as? [[String: Any]])?.first?["dumps"] as? Int
            let left = try dumps(host, "moved").count
            #expect(noted == left && left >= 1)
            try await host.server.drop("moved")
        }
    }

    @Test func `a terminal sees how far it is, a pipe does not`() async throws {
        try await withHost { host in
            try await host.server.create(
                "seen",
                "create table t as select g, md5(g::text) a, md5((g + 1)::text) b from generate_series(1, 400000) g"
            )
            try host.write("\"seen\": {\(Self.often)}")
            let silent = try await host.call("backup", "seen")
            #expect(!silent.error.contains("\r") && !silent.error.contains("reading"))
            for (arguments, words) in [
                ("backup seen", ["reading", " rows", "/s", " left"]),
                ("verify seen", ["hashing", "reading", " rows", "/s", " left"]),
                ("restore seen --into seen_again", ["hashing", "restoring", "/s", " left"]),
            ] {
                let said = try await run(
                    "script", ["-qec", "\(TestHost.binary) \(arguments)", "/dev/null"],
                    environment: ["ARCHON_BACKUPD_CONFIG": host.config])
                #expect(said.status == 0, "\(said.output)")
                for word in words { #expect(said.output.contains(word), "\(arguments): \(word) in \(said.output)") }
            }
            try await host.server.drop("seen")
            try await host.server.drop("seen_again")
        }
    }
}
