import BackupCore
@testable import BackupRuntime
import Foundation
import TestSupport
import Testing

/// One database lost on purpose, by the built binary and real servers.
@Suite struct BlastDrillTests {
    private struct Report: Decodable {
        struct Line: Decodable {
            var job: String
            var database: String
            var dump: String
            var tables: Int
            var rows: Int
            var isSameDatabase: Bool
            var isEqual: Bool
            var difference: String?
        }
        var job: String
        var place: String
        var databases: [Line]
        var without: [String]
        var restoreSeconds: Double
        var proven: Bool
    }

    private static func schedule(_ mark: String) -> String {
        ["archon", "n8n", "odoo"].map { "\"\($0)\": {\"database\": \"blast \(mark) \($0)\", \(VerbTests.often)}" }
            .joined(separator: ", ") + ", \"postgres\": {\(VerbTests.often), \"schemas\": [\"public\"]}"
    }

    private func fill(_ host: TestHost, _ mark: String) async throws {
        for (name, rows) in [("archon", 3000), ("n8n", 200), ("odoo", 0)] {
            try await host.server.create(
                "blast \(mark) \(name)",
                "create table \"Odd \(name)\" as select g, md5(g::text) v from generate_series(1, \(rows)) g; create index on \"Odd \(name)\" (v);"
            )
        }
        try host.write(Self.schedule(mark))
    }

    private func drop(_ host: TestHost, _ mark: String) async throws {
        for name in ["archon", "n8n", "odoo"] { try await host.server.drop("blast \(mark) \(name)") }
    }

    @Test func `a database is lost and brought back, the others are untouched, and so is every server of the schedule`()
        async throws
    {
        try await withOwnServer { host in
            try await fill(host, "plain")
            for job in ["archon", "n8n", "postgres"] {
                let dumped = try await host.call("backup", job)
                #expect(dumped.status == 0, "\(dumped.error)")
            }
            let databases =
                "select string_agg(datname || oid, ',' order by datname) from pg_database where datname like 'blast plain%'"
            let before = try await host.server.psql("postgres", databases)
            let said = try await host.call("blast-drill", "archon", "--json")
            // Of odoo nothing is shown, and what is not shown is not proven.
            #expect(said.status == 1 && said.error.contains("odoo has no good dump"), "\(said.error)")
            #expect(said.error.contains("Run `archon-backupd backup odoo`."), "\(said.error)")
            let report = try JSONDecoder().decode(Report.self, from: Data(said.output.utf8))
            #expect(!report.proven && report.place == "throwaway" && report.without == ["odoo"])
            #expect(report.databases.map(\.job) == ["archon", "n8n", "postgres"])
            #expect(report.databases.map(\.isEqual) == [true, true, true], "\(report)")
            #expect(report.databases.map(\.isSameDatabase) == [false, true, true])
            #expect(report.databases.map(\.rows).prefix(2) == [3000, 200] && report.restoreSeconds > 0)
            #expect(try await host.server.psql("postgres", databases) == before)
            #expect(try await host.call("backup", "odoo").status == 0)
            let text = try await host.call("blast-drill", "postgres")
            #expect(text.status == 0 && text.output.contains("untouched, equal to its dump"), "\(text.output)")
            #expect(text.lines.last?.hasPrefix("postgres: proven on throwaway (") == true)
            try await drop(host, "plain")
        }
    }

    @Test func `a dump that is damaged, a job without one, and one that nobody knows`() async throws {
        try await withHost { host in
            try await fill(host, "bad")
            let none = try await host.call("blast-drill", "odoo")
            #expect(none.status == 1 && none.error.contains("odoo has no good dump"), "\(none.error)")
            #expect(try await host.call("blast-drill", "nobody").status == 64)
            for job in ["archon", "n8n"] { #expect(try await host.call("backup", job).status == 0) }
            let file = try #require(try host.files().first { $0.hasPrefix("n8n/") && $0.hasSuffix(".dump") })
            let path = "\(host.storage)/\(file)"
            let size = try #require(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
            try Damage.flip(path, byte: size / 2, bit: 3)
            let said = try await host.call("blast-drill", "archon")
            #expect(
                said.status == 65 && said.error.contains("backup_n8n_") && said.error.contains("damaged"),
                "\(said.error)")
            #expect(
                said.error.contains("Run `archon-backupd backup n8n`") && !said.error.contains("earlier"),
                "\(said.error)")
            // Of another process's job it says so, or waits for it.
            var lock: JobLock? = try JobLock.take("odoo", root: host.storage)
            let busy = try await host.call("blast-drill", "archon")
            #expect(busy.status == 75 && busy.error.contains("(pid \(getpid()))"), "\(busy.error)")
            let waiting = try await host.start("blast-drill", "archon", "--wait")
            try await until("it has begun to wait: \(waiting.said)") {
                let holder = FileManager.default.contents(atPath: "\(host.folder)/state/.drills/.lock")
                return holder == Data("\(waiting.pid)\n".utf8) || waiting.hasEnded
            }
            #expect(!waiting.hasEnded, "\(waiting.said)")
            withExtendedLifetime(lock) {}
            lock = nil
            #expect(try await waiting.end() == 65, "\(waiting.said)")
            // Nobody's server is left behind.
            let left = try FileManager.default.contentsOfDirectory(atPath: "\(host.folder)/state")
            #expect(!left.contains { $0.hasPrefix("archon-backupd-drill-") }, "\(left)")
            try await drop(host, "bad")
        }
    }

    /// Of that process: the folder that it has made for a server which is running.
    private func folder(of pid: Int32) throws -> String? {
        for base in ["/var/tmp", "/tmp"] {
            for name in try FileManager.default.contentsOfDirectory(atPath: base)
            where name.hasPrefix("archon-backupd-drill-") {
                let folder = "\(base)/\(name)"
                guard FileManager.default.contents(atPath: "\(folder)/.lock") == Data("\(pid)\n".utf8) else { continue }
                return FileManager.default.fileExists(atPath: "\(folder)/data/postmaster.pid") ? folder : nil
            }
        }
        return nil
    }

    @Test func `what kill -9 has left of one is ended and removed by the next`() async throws {
        try await withOwnServer { host in
            try await fill(host, "killed")
            for job in ["archon", "n8n", "odoo", "postgres"] {
                let dumped = try await host.call("backup", job)
                #expect(dumped.status == 0, "\(dumped.error)")
            }
            let running = try await host.start("blast-drill", "archon")
            var left: String?
            try await until("its server runs: \(running.said)") {
                left = try folder(of: running.pid)
                return left != nil || running.hasEnded
            }
            let found = try #require(left, "\(running.said)")
            running.signal(SIGKILL)
            #expect(try await running.end() == 128 + SIGKILL)
            let said = try await host.call("blast-drill", "archon")
            #expect(said.status == 0, "\(said.error)")
            #expect(!FileManager.default.fileExists(atPath: found), "\(said.error)")
            try await drop(host, "killed")
        }
    }

    /// libpq prefers PGHOSTADDR to the folder of a socket, and takes what a connection does not say from the service.
    @Test func `no variable of libpq leads a drill to a server that was not made for it`() async throws {
        try await withOwnServer { host in
            var host = host
            try await fill(host, "led")
            for job in ["archon", "n8n", "odoo", "postgres"] {
                let dumped = try await host.call("backup", job)
                #expect(dumped.status == 0, "\(dumped.error)")
            }
            let service = "\(host.folder)/service.conf"
            let lines =
                "[other]\nhostaddr=127.0.0.1\nport=1\noptions=-c default_transaction_read_only=on\nrequirepeer=nobody\n"
            try Data(lines.utf8).write(to: URL(fileURLWithPath: service))
            let variables = [
                [
                    "PGHOSTADDR": "127.0.0.1", "PGPORT": "1", "PGREQUIREPEER": "nobody",
                    "PGTARGETSESSIONATTRS": "standby",
                ],
                ["PGSERVICE": "other", "PGSERVICEFILE": service],
                ["PGOPTIONS": "-c default_transaction_read_only=on -c search_path=nowhere"],
            ]
            for more in variables {
                host.environment.merge(more) { $1 }
                let said = try await host.call("blast-drill", "archon")
                #expect(said.status == 0 && said.output.contains("proven on throwaway"), "\(more): \(said.error)")
                let drill = try await host.call("drill", "archon")
                #expect(drill.status == 0, "\(more): \(drill.error)")
                for name in more.keys { host.environment[name] = nil }
            }
            try await drop(host, "led")
        }
    }

    /// A way to another server than the one that was made.
    private struct Astray: DrillServer {
        let server: Server
        var settings: ConnectionSettings { get throws { try ConnectionSettings(server) } }
        var dataFolder: String { "/var/tmp/archon-backupd-drill-Ab1cD2/data" }
        var lastWords: String { "" }
        func end() {}
    }

    @Test func `nothing is done on a server that is not the one that was made`() async throws {
        try await withHost { host in
            try await fill(host, "astray")
            for job in ["archon", "n8n"] { #expect(try await host.call("backup", job).status == 0) }
            let databases =
                "select string_agg(datname || oid, ',' order by datname) from pg_database where datname like 'blast astray%'"
            let before = try await host.server.psql("postgres", databases)
            let schedule = try ScheduleFile.load(host.config)
            let job = try #require(schedule.job(named: "archon"))
            var drill = BlastDrill(job: job, schedule: schedule, stateFolder: "\(host.folder)/state", report: { _ in })
            { _, _ in }
            drill.place = Astray(server: Server(name: "throwaway", connection: host.server.connection))
            let failure = await #expect(throws: Failure.self) { try await drill.perform() }
            #expect(
                failure?.message.contains("not the one made for the blast drill") == true,
                "\(String(describing: failure))")
            #expect(try await host.server.psql("postgres", databases) == before)
            #expect(
                try await host.server.psql("postgres", "select count(*) from pg_roles where rolname = 'archon_drill'")
                    == "0")
            try await drop(host, "astray")
        }
    }

    @Test func `what reaches from one database into another is found`() async throws {
        try await withHost { host in
            try await fill(host, "reach")
            for job in ["archon", "n8n"] { #expect(try await host.call("backup", job).status == 0) }
            let schedule = try ScheduleFile.load(host.config)
            let job = try #require(schedule.job(named: "archon"))
            for (statement, found) in [
                ("delete from \"Odd n8n\" where g = 7", "199"), ("create table more (id int)", "public more"),
            ] {
                var drill = BlastDrill(
                    job: job, schedule: schedule, stateFolder: "\(host.folder)/state", report: { _ in }
                ) { _, _ in }
                drill.whenDropped = { server, names in
                    let other = try #require(names.last)
                    let session = try await Session.open(
                        try ConnectionSettings(server), database: other, applicationName: "test")
                    try await session.query(statement)
                }
                let report = try await Seats.taken { try await drill.perform() }
                #expect(!report.isProven && report.databases.map(\.isEqual) == [true, false], "\(report)")
                #expect(report.databases.last?.difference?.contains(found) == true, "\(report)")
            }
            try await drop(host, "reach")
        }
    }
}
