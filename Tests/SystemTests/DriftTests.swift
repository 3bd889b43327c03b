import BackupCore
import Foundation
import TestSupport
import Testing

/// What runs and `status` say of a database that is not as expected, where its dump cannot tell, and where `expect` is another
/// one by now.
@Suite struct DriftTests {
    private static let one = #""expect": {"tables": {"public.*": 1}}"#

    private func fill(_ host: TestHost, _ database: String) async throws {
        try FileManager.default.createDirectory(atPath: host.storage, withIntermediateDirectories: true)
        try await host.server.create(
            database,
            "create table t (id int); create table junk (id int); create schema other; create table other.t ()")
    }

    private func write(_ host: TestHost, _ database: String, _ more: String) throws {
        try host.write("\"my job\": {\"database\": \"\(database)\", \(VerbTests.often), \(more)}")
    }

    @Test
    func `what a dump leaves out is looked at in the live database, and nothing is as expected while nobody knows`()
        async throws
    {
        try await withHost { host in
            let database = "drift excluded"
            try await fill(host, database)
            try write(host, database, Self.one)
            let first = try await host.call("backup", "my job")
            #expect(first.status == 0 && first.error.contains("not as expected: 2 tables public.*"), "\(first.error)")
            #expect(first.error.contains("`archon-backupd audit 'my job'`"), "\(first.error)")

            let excluding = #""excludeTables": ["public.junk"], \#(Self.one)"#
            try write(host, database, excluding)
            let second = try await host.call("backup", "my job")
            #expect(
                second.status == 0 && second.error.contains("not as expected: 2 tables public.*"), "\(second.error)")
            #expect(!second.error.contains("as expected again"), "\(second.error)")

            // The dump is good, and then nobody is let in.
            let close = "\(host.folder)/close.sh"
            let psql = "psql -q -X -d '\(host.server.connection) dbname=postgres' -c"
            try Data("\(psql) 'alter database \"\(database)\" allow_connections false'\n".utf8)
                .write(to: URL(fileURLWithPath: close))
            try write(host, database, "\"hooks\": {\"after\": [\"/bin/sh\", \"\(close)\"]}, \(excluding)")
            try await host.server.psql(database, "drop table t")
            let blind = try await host.call("backup", "my job")
            #expect(blind.status == 0 && blind.error.contains("could not be looked at"), "\(blind.error)")
            #expect(!blind.error.contains("as expected again"), "\(blind.error)")
            let check = try await host.call("status", "--check")
            #expect(check.status == 1 && check.error.contains("my job: drifts: 2 tables"), "\(check.error)")

            try await host.server.psql("postgres", "alter database \"\(database)\" allow_connections true")
            try write(host, database, excluding)
            let last = try await host.call("backup", "my job")
            #expect(last.status == 0 && last.error.contains("is as expected again"), "\(last.error)")
            #expect(try await host.call("status", "--check").status == 0)
            try await host.server.drop(database)
        }
    }

    @Test func `the daemon tells of a dump of some schemas too, and no longer of what is expected no more`()
        async throws
    {
        try await withHost { host in
            let database = "drift schemas"
            try await fill(host, database)
            let schemas = #""schemas": ["public"]"#
            try write(host, database, "\(schemas), \(Self.one)")
            try await host.withDaemon(clock: instant("2026-11-24T00:30:00Z")) { daemon in
                try await daemon.says("drift schemas is not as expected: 2 tables public.* where 1 is expected")
                try await until("STATUS says so: \(daemon.notify.statuses.suffix(3))") {
                    try await daemon.reload()
                    return daemon.notify.statuses.last?.contains("my job drifts: 2 tables") == true
                }
                let check = try await daemon.call("status", "--check")
                #expect(check.status == 1 && check.error.contains("my job: drifts: 2 tables"), "\(check.error)")
                #expect(try await daemon.stop() == 0)
            }
            // Another thing that is expected takes nothing away from what is known.
            let both = #""expect": {"tables": {"public.*": 1}, "schemas": ["other"]}"#
            try write(host, database, "\(schemas), \(both)")
            try await host.withDaemon(clock: instant("2026-11-24T00:40:00Z")) { daemon in
                let still = try await daemon.call("status", "--check")
                #expect(still.status == 1 && still.error.contains("drifts: 2 tables"), "\(still.error)")
                try await until("STATUS says so from the start") {
                    daemon.notify.statuses.last?.contains("drifts: 2 tables") == true
                }

                try write(host, database, #"\#(schemas), "expect": {"tables": {"public.*": 2}}"#)
                #expect(try await host.call("audit").status == 0)
                try await daemon.reload()
                try await until("STATUS no longer says so: \(daemon.notify.statuses)") {
                    daemon.notify.statuses.last?.contains("drifts") == false
                }
                let calm = try await daemon.call("status", "--check")
                #expect(calm.status == 0 && !calm.output.contains("drifts"), "\(calm.output) \(calm.error)")
                #expect(calm.output.contains("expect has changed since"), "\(calm.output)")
                #expect(calm.output.contains("`archon-backupd audit 'my job'`"), "\(calm.output)")
                let json = try await daemon.call("status", "--json")
                #expect(json.output.contains("\"note\"") && !json.output.contains("\"drift\""), "\(json.output)")

                let run = try await daemon.call("backup", "my job")
                #expect(run.status == 0 && run.error.contains("is as expected again"), "\(run.error)")
                #expect(try await daemon.call("status").output.contains("expect has changed") == false)
                #expect(try await daemon.stop() == 0)
            }
            try await host.server.drop(database)
        }
    }
}
