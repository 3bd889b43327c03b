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

    @Test func `its roles are named at once where they are missing, and made by the runbook's commands`() async throws {
        try await withOwnServer { host in
            try await host.server.create(
                "adopted_c",
                """
                create role app; create role "Odd ""Role"; create role reader;
                create table t (id int); insert into t values (1); alter table t owner to "Odd ""Role";
                create schema s authorization app; grant select on t to reader;
                """)
            try host.write("\"adopted_c\": {\(VerbTests.often)}")
            let file = "\(host.folder)/backup_adopted_c_20251121_020000.dump"
            try await dump(host, "adopted_c", to: file)
            #expect(try await host.call("adopt", "adopted_c", file).status == 0)
            let new = try await ScratchServer.begin()
            defer { new.end() }
            var moved = host
            moved.servers = "\"scratch\": {\"connection\": \"\(new.connection)\", \"concurrency\": 2}"
            try moved.write("\"adopted_c\": {\(VerbTests.often)}")
            // The same of a bare file, of which nothing is written down.
            for arguments in [
                ["restore", "adopted_c"], ["restore", file, "--into", "x"],
                ["restore-server", "scratch", "--from", "latest", "--dry-run"],
                ["restore", "adopted_c", "--table", "t", "--into", "x"],
            ] {
                let refused = try await moved.call(arguments)
                #expect(refused.status == 69, "\(refused.error)")
                #expect(
                    refused.error.contains("lacks roles that the dump needs: Odd \"Role, app, reader\n"),
                    "\(refused.error)")
                #expect(
                    refused.error.contains(
                        "CREATE ROLE \"Odd \"\"Role\"; CREATE ROLE \"app\"; CREATE ROLE \"reader\";"),
                    "\(refused.error)")
            }
            #expect(
                try await new.psql(
                    "postgres", "select count(*) from pg_database where datname !~ '^(postgres|template.)$'") == "0")
            let said = try await moved.call("runbook")
            let stock = try FollowedRunbook(said.output).blocks(after: "### `adopted_c`").filter {
                $0.contains("createdb")
            }
            let followed = try await FollowedRunbook.bash(moved, try #require(stock.first))
            #expect(followed.status == 0, "\(followed.error)\n\(stock)")
            let owner = "select tableowner from pg_tables where tablename = 't'"
            #expect(try await new.psql("adopted_c", owner) == "Odd \"Role")
            // Now that they are there.
            let restored = try await moved.call("restore", "adopted_c", "--replace", "--yes")
            #expect(restored.status == 0, "\(restored.error)")
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
