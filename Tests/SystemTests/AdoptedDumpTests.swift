import Foundation
import TestSupport
import Testing

/// A dump that was adopted, in what is done with any other.
@Suite struct AdoptedDumpTests {
    private func dump(_ host: TestHost, _ database: String, to path: String) async throws {
        let said = try await run(
            "\(host.server.bin)/pg_dump",
            ["-Fc", "-f", path, "-d", "host=\(host.server.folder)/pg user=postgres dbname=\(database)"])
        try #require(said.status == 0, "\(said.error)")
    }

    @Test func `its roles, of which nobody kept a list, are made for its drill`() async throws {
        try await withOwnServer { host in
            try await host.server.create(
                "adopted_a",
                """
                create role reader; create role "two words"; create role "Odd ""Role"; create role guest; create role maker;
                create schema "Odd Schema" authorization "Odd ""Role"; create table t (v text); insert into t values ('a');
                create table "Odd Schema"."Odd table" (n int); alter table "Odd Schema"."Odd table" owner to "two words";
                grant select on t to reader with grant option; grant insert on t to "two words";
                create policy p on t for select to guest using (v <> ' TO x'); alter table t enable row level security;
                alter default privileges for role maker grant select on tables to reader;
                """)
            try host.write("\"adopted_a\": {\(VerbTests.often)}")
            let file = "\(host.folder)/backup_adopted_a_20251121_020000.dump"
            try await dump(host, "adopted_a", to: file)
            let taken = try await host.call("adopt", "adopted_a", file)
            #expect(taken.status == 0, "\(taken.error)")
            let drill = try await host.call("drill", "adopted_a")
            #expect(drill.status == 0, "\(drill.output)\(drill.error)")
            let list = try await host.call("list", "adopted_a")
            #expect(!list.output.contains("DAMAGED") && list.output.contains("drilled"), "\(list.output)")
        }
    }

    private struct Status: Decodable {
        struct Job: Decodable {
            var lastSuccess: String?
            var dumps: Int
            var state: String
        }
        var jobs: [Job]
    }

    @Test func `status knows it as the last good dump, and no run is overdue for it`() async throws {
        try await withHost { host in
            try await host.server.create("adopted_b", "create table t as select 1 id")
            try host.write("\"adopted_b\": {\"cron\": \"@daily\"}")
            for day in [22, 21] {
                let file = "\(host.folder)/backup_adopted_b_202511\(day)_020000.dump"
                try await dump(host, "adopted_b", to: file)
                let taken = try await host.call("adopt", "adopted_b", file)
                #expect(taken.status == 0, "\(taken.error)")
                let said = try await host.call("status", "--json")
                let job = try #require(try JSONDecoder().decode(Status.self, from: Data(said.output.utf8)).jobs.first)
                #expect(job.lastSuccess == "2025-11-22T02:00:00Z" && job.dumps == 23 - day, "\(said.output)")
                #expect(job.state == "ok", "\(said.output)")
            }
            try await host.server.drop("adopted_b")
        }
    }
}
