import BackupCore
import Foundation
import TestSupport
import Testing

/// Databases that follow another server's. PostgreSQL drops none that has a subscription.
@Suite struct SubscriptionTests {
    private func withSubscriber(_ body: (TestHost) async throws -> Void) async throws {
        try await withOwnServer { host in
            try await host.server.create(
                "follower",
                """
                create table t as select g from generate_series(1, 10) g;
                create subscription "Follows ""it" connection 'host=/nowhere dbname=x' publication p with (connect = false, slot_name = 'one');
                create subscription other connection 'host=/nowhere dbname=x' publication p with (connect = false, slot_name = none)
                """)
            try host.write("\"follower\": {\(VerbTests.often), \"drill\": {\"on\": \"scratch\"}}")
            let made = try await host.call("backup", "follower")
            try #require(made.status == 0, "\(made.error)")
            try await body(host)
            let left = "select count(*) from pg_database where datname like 'archon%'"
            #expect(try await host.server.psql("postgres", left) == "0")
        }
    }

    @Test func `drills drop what they have made of it`() async throws {
        try await withSubscriber { host in
            let drilled = try await host.call("drill", "follower")
            #expect(drilled.status == 0 && drilled.output.contains("proven on scratch"), "\(drilled.error)")
            let blast = try await host.call("blast-drill", "follower")
            #expect(blast.status == 0, "\(blast.error)")
        }
    }

    @Test func `a restore says that its subscriptions wait, and one that fails takes them away`() async throws {
        try await withSubscriber { host in
            let restored = try await host.call("restore", "follower", "--into", "again")
            #expect(restored.status == 0, "\(restored.error)")
            #expect(restored.output.contains("note: its subscriptions are not enabled"), "\(restored.output)")
            let question =
                "select subname, subenabled, subslotname from pg_subscription s join pg_database d on d.oid = subdbid where datname = 'again' order by 1"
            #expect(try await host.server.psql("postgres", question) == "Follows \"it|f|one\nother|f|")

            // The last entries of an archive are those of subscriptions: here one whose owner is gone, which nobody knows before.
            let file = "\(host.folder)/copy.dump"
            try await host.server.psql(
                "follower",
                """
                create subscription zz connection 'host=/nowhere' publication p with (connect = false);
                create role gone superuser; alter subscription zz owner to gone
                """)
            let dumped = try await run(
                "\(host.server.bin)/pg_dump", ["-Fc", "-f", file, "-d", "\(host.server.connection) dbname=follower"])
            try #require(dumped.status == 0, "\(dumped.error)")
            try await host.server.psql("follower", "alter subscription zz owner to postgres; drop role gone")
            let failed = try await host.call(
                "restore", file, "--into", "never", "--connection", host.server.connection)
            #expect(failed.status != 0 && !failed.error.contains("could not be cleaned up"), "\(failed.error)")
            #expect(
                try await host.server.psql("postgres", "select count(*) from pg_database where datname = 'never'")
                    == "0")
        }
    }
}
