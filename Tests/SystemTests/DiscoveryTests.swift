import BackupCore
import Foundation
import TestSupport
import Testing

/// The built daemon on servers whose databases nobody has written down.
@Suite struct DiscoveryTests {
    static func write(
        _ host: TestHost, _ databases: String = "", discover more: String = "", calendar: String = "daily"
    )
        throws
    {
        let discover =
            "\"discover\": {\"every\": \"1s\", \(more) \"as\": {\"calendar\": \"\(calendar)\", \"drill\": {\"enabled\": false}}}"
        let text = """
            {"version": 1, "storage": {"root": "\(host.storage)", "state": "\(host.folder)/state", "minimumFree": "0B"},
             "servers": {"main": {"connection": "\(host.server.connection)", "concurrency": 2, \(discover)}},
             "databases": {\(databases)}}
            """
        try Data(text.utf8).write(to: URL(fileURLWithPath: host.config), options: .atomic)
    }

    private struct Answer: Decodable {
        struct Line: Decodable {
            var job: String
            var state: String
            var healthy: Bool
            var dumps: Int
            var error: String?
            var discovery: String?
        }
        var jobs: [Line]
        var healthy: Bool
    }

    private func status(_ host: TestHost) async throws -> Answer {
        let said = try await host.call("status", "--json")
        #expect(said.status == 0, "\(said.error)")
        return try JSONDecoder().decode(Answer.self, from: Data(said.output.utf8))
    }

    @Test func `new databases are dumped by themselves, and a daemon that starts while the server is down knows them`()
        async throws
    {
        try await withOwnServer { host in
            let server = host.server
            try await server.create("app", "create table t as select generate_series(1, 10) g")
            try await server.create("test_1")
            try await server.create("a/b")
            try Self.write(
                host, #""mine": {"database": "app", "calendar": "daily"}"#, discover: #""exclude": ["test_*"],"#)
            try await host.withDaemon { daemon in
                try await daemon.says("postgres: backup_postgres_")
                try await daemon.says("mine: backup_mine_")
                try await daemon.says("the database a/b was found on main")
                try await server.create("born later", "create table t (n int)")
                try await daemon.says("born later: backup_born later_")
                #expect(daemon.lines(with: "was found").count == 3)
                #expect(try await daemon.stop() == 0)
            }
            let known = try await status(host).jobs.map(\.job)
            #expect(known.count == 4 && known.first == "mine" && known.contains("born later"), "\(known)")
            #expect(try await status(host).jobs.dropFirst().allSatisfy { $0.discovery == "present" })
            #expect(try await host.call("next", "born later").status == 0)
            try await server.stop()
            try await host.withDaemon { daemon in
                try await daemon.says("main: the server could not be asked for its databases")
                #expect(try await status(host).jobs.map(\.job) == known)
                try await Task.sleep(for: .seconds(3))
                // Once, not every second.
                #expect(daemon.lines(with: "could not be asked").count == 1)
                try await server.start()
                try await daemon.says("main: the server lists its databases again")
                #expect(daemon.lines(with: "was found").isEmpty && daemon.lines(with: "is gone").isEmpty)
                #expect(try await daemon.stop() == 0)
            }
            // A host that has the dumps alone knows whose they are.
            try FileManager.default.removeItem(atPath: "\(host.folder)/state")
            #expect(Set(try await status(host).jobs.map(\.job)) == Set(known))
            #expect(try await host.call("verify", "--all").status == 0)
            let restored = try await host.call("restore", "born later", "--into", "once more")
            #expect(restored.status == 0, "\(restored.error)")
        }
    }

    @Test func `gone, renamed, closed and back: each is told, and the dumps stay`() async throws {
        try await withOwnServer { host in
            let server = host.server
            for name in ["drops", "old name", "shuts"] { try await server.create(name, "create table t (n int)") }
            try Self.write(host)
            try await host.withDaemon { daemon in
                for name in ["drops", "old name", "shuts"] { try await daemon.says("\(name): backup_\(name)_") }
                try await server.drop("drops")
                try await daemon.says("drops: the database drops is gone from main, its dumps are kept")
                try await server.psql("postgres", "alter database \"old name\" rename to \"new name\"")
                try await daemon.says(
                    "old name: the database old name is gone from main, its dumps are kept; it is new name now")
                try await daemon.says("new name: backup_new name_")
                try await server.psql("postgres", "alter database shuts allow_connections false")
                try await daemon.says(
                    "shuts: the database shuts on main does not allow connections and is not backed up")
                let status = try await status(host)
                let states = Dictionary(status.jobs.map { ($0.job, $0.state) }) { first, _ in first }
                #expect(
                    states["drops"] == "vanished" && states["old name"] == "vanished" && states["shuts"] == "closed")
                #expect(states["new name"] == "ok" && !status.healthy)
                #expect(status.jobs.filter { !$0.healthy }.map(\.job) == ["shuts"])
                #expect(status.jobs.allSatisfy { $0.dumps == 1 }, "\(status.jobs)")
                try await until("STATUS says so") { daemon.notify.statuses.last?.contains("2 vanished") == true }
                let listed = try await host.call("list", "drops")
                #expect(listed.lines.count == 2 && listed.error.contains("the database is gone"), "\(listed.error)")
                // Its times come, and nobody tries.
                let next = try await host.call("next")
                #expect(!next.output.contains("drops") && next.output.contains("new name"))
                let back = try await host.call("restore", "drops")
                #expect(back.status == 0, "\(back.error)")
                try await daemon.says("drops: the database drops on main is backed up again")
                try await server.psql("postgres", "alter database shuts allow_connections true")
                try await daemon.says("shuts: the database shuts on main is backed up again")
                try await until("all is well but for the renamed one") {
                    try await self.status(host).jobs.filter { $0.state != "ok" }.map(\.job) == ["old name"]
                }
                // Whoever removes the dumps of one that is gone has done with it.
                try FileManager.default.removeItem(atPath: "\(host.storage)/old name")
                try await daemon.reload()
                try await until("it is forgotten") {
                    try await !self.status(host).jobs.contains { $0.job == "old name" }
                }
                #expect(try await daemon.stop() == 0)
                #expect(daemon.lines(with: "run failed").isEmpty)
            }
        }
    }

    @Test func `a reload takes databases in and out, and a damaged catalog costs none`() async throws {
        try await withOwnServer { host in
            try await host.server.create("app", "create table t (n int)")
            try await host.server.create("other", "create table t (n int)")
            try Self.write(host)
            try await host.withDaemon { daemon in
                for name in ["app", "other", "postgres"] { try await daemon.says("\(name): backup_\(name)_") }
                try Self.write(host, discover: #""exclude": ["other"],"#)
                try await daemon.reload()
                #expect(try await status(host).jobs.map(\.job) == ["app", "postgres"])
                try Self.write(host)
                try await daemon.reload()
                try await until("it is found again") {
                    try await Set(self.status(host).jobs.map(\.job)) == ["app", "other", "postgres"]
                }
                #expect(try await daemon.stop() == 0)
            }
            let state = "\(host.folder)/state"
            for name in try FileManager.default.contentsOfDirectory(atPath: state) where name.contains("sqlite-") {
                try FileManager.default.removeItem(atPath: "\(state)/\(name)")
            }
            try Data("no database".utf8).write(to: URL(fileURLWithPath: "\(state)/catalog.sqlite"))
            try await host.server.stop()
            try await host.withDaemon { daemon in
                try await daemon.says("made again from the manifests")
                let status = try await status(host)
                #expect(Set(status.jobs.map(\.job)) == ["app", "other", "postgres"])
                #expect(status.jobs.allSatisfy { $0.dumps == 1 }, "\(status.jobs)")
                #expect(try await daemon.stop() == 0)
            }
            try await host.server.start()
        }
    }

    @Test func `a server that takes the connection and says nothing keeps neither the others nor the end waiting`()
        async throws
    {
        try await withOwnServer { host in
            try await host.server.create("app", "create table t (n int)")
            // As a hung server: the connection is made, and nobody answers.
            let silent = "\(host.folder)/silent"
            try FileManager.default.createDirectory(atPath: silent, withIntermediateDirectories: true)
            let descriptor = try listen(at: "\(silent)/.s.PGSQL.5432")
            defer { close(descriptor) }
            let discover = #""discover": {"every": "1s", "as": {"calendar": "daily", "drill": {"enabled": false}}}"#
            let text = """
                {"version": 1, "storage": {"root": "\(host.storage)", "state": "\(host.folder)/state", "minimumFree": "0B"},
                 "servers": {"silent": {"connection": "host=\(silent)", \(discover)},
                             "main": {"connection": "\(host.server.connection)", \(discover)}}, "databases": {}}
                """
            try Data(text.utf8).write(to: URL(fileURLWithPath: host.config))
            try await host.withDaemon { daemon in
                try await daemon.says("app: backup_app_")
                try await host.server.create("later")
                try await daemon.says("later: backup_later_")
                try await daemon.reload()
                try await host.server.create("last")
                try await daemon.says("last: backup_last_")
                let began = ContinuousClock.now
                #expect(try await daemon.stop() == 0)
                #expect(began.duration(to: .now) < .seconds(30))
            }
        }
    }

    private func listen(at path: String) throws -> Int32 {
        let descriptor = try UnixSocket.bound(SOCK_STREAM, at: path)
        guard Foundation.listen(descriptor, 16) == 0 else { throw Failure(.inputOutput, "nobody listens at \(path)") }
        return descriptor
    }

    @Test func `check says what is found, what is left out and what lets nobody in`() async throws {
        try await withOwnServer { host in
            for name in ["app", "test_1", "shut"] { try await host.server.create(name) }
            try await host.server.psql("postgres", "alter database shut allow_connections false")
            try Self.write(
                host, #""mine": {"database": "app", "calendar": "daily"}"#, discover: #""exclude": ["test_*"],"#)
            let said = try await host.call("check", "--connect")
            #expect(said.status == 69, "\(said.output)")
            #expect(said.output.contains("ok    discovery on main: found postgres, left out test_1"), "\(said.output)")
            #expect(said.output.contains("FAIL  database shut of shut"), "\(said.output)")
            #expect(said.output.contains("ok    database postgres of postgres"), "\(said.output)")
            try await host.server.psql("postgres", "alter database shut allow_connections true")
            #expect(try await host.call("check", "--connect").status == 0)
        }
    }
}
