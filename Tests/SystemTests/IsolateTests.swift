import BackupCore
import Foundation
import TestSupport
import Testing

/// `isolate` as a person uses it, on a real server.
@Suite struct IsolateTests {
    private func report(_ said: Said) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(said.output.utf8)) as? [String: Any], "\(said.error)")
    }

    private func states(_ report: [String: Any]) -> [String] {
        (report["steps"] as? [[String: Any]] ?? []).compactMap { $0["state"] as? String }
    }

    @Test func `a dry run changes nothing, a run moves, another does nothing, undo brings all back`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "whole")
            let rows = try await stage.rows(stage.shared)
            let before = try await stage.fingerprints()
            let dry = try await stage.isolate()
            #expect(dry.status == 0 && dry.output.contains("Nothing was changed"), "\(dry.error)")
            #expect(dry.output.contains(#"ALTER TABLE "public"."app_tasks" SET SCHEMA "archon_legacy_archive";"#))
            let planned = try report(try await stage.isolate("--json"))
            #expect(
                planned.keys.sorted().joined(separator: " ")
                    == "archiveSchema drop dumps notes performed refusals rows source sourceDatabase steps tables target targetDatabase ties work"
            )
            #expect(states(planned) == Array(repeating: "to-do", count: 6))
            #expect(try await stage.fingerprints() == before && (try host.files()).isEmpty)

            let done = try await stage.isolate("--yes", "--json")
            #expect(done.status == 0, "\(done.error)")
            let answer = try report(done)
            #expect(
                answer["rows"] as? [String: Int] == [
                    "public.app_projects": 50, "public.app_settings": 4, "public.app_tasks": 2000,
                ])
            #expect((answer["dumps"] as? [String])?.count == 3 && answer["performed"] as? Bool == true)
            #expect(try await stage.rows(stage.own) == rows)
            #expect(try await stage.rows(stage.shared, schema: "archon_legacy_archive") == rows)
            #expect(try await stage.tables(stage.own) == "public.app_projects public.app_settings public.app_tasks")
            // Triggers are as the schema file has them, and sequences go on where they were.
            let next =
                "insert into app_tasks (body) values ('new') returning id, body; insert into app_projects (title) values ('new') returning id"
            #expect(try await host.server.psql(stage.own, next) == "2001|new!\n51")
            let comment = try await host.server.psql(
                stage.shared, "select obj_description('archon_legacy_archive'::regnamespace)")
            #expect(comment.hasPrefix("Old tables of \(stage.own), moved here from public of \(stage.shared) at 20"))

            let files = try host.files()
            let after = try await stage.fingerprints()
            let again = try await stage.isolate("--yes")
            #expect(again.status == 0 && again.output.contains("already"), "\(again.error)")
            #expect(states(try report(try await stage.isolate("--json"))).prefix(5).allSatisfy { $0 == "done" })
            #expect(try await stage.fingerprints() == after && (try host.files()) == files)

            let shown = try await stage.isolate("--undo")
            #expect(shown.status == 0 && shown.output.contains("DROP SCHEMA"), "\(shown.error)")
            #expect(try await stage.fingerprints() == after)
            let back = try await stage.isolate("--undo", "--yes")
            #expect(back.status == 0, "\(back.error)")
            #expect(try await stage.fingerprints() == [before[0], after[1]])
            let twice = try await stage.isolate("--undo", "--yes")
            #expect(twice.status == 0 && twice.output.contains("nothing was to be done"), "\(twice.error)")
            try await stage.clean()
        }
    }

    @Test func `what the move would cut is found and listed, and undone with the rest`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "tied")
            try await host.server.psql(
                stage.shared,
                """
                create table kinds (id int primary key); alter table app_tasks add kind int references kinds;
                create sequence loose; alter table app_settings add n int default nextval('loose');
                create table keepers (id int default nextval('app_tasks_id_seq'), task app_tasks);
                alter table app_tasks enable row level security; create policy everybody on app_tasks using (true);
                alter table others enable row level security;
                create policy looks on others using (exists (select from app_projects));
                grant select on app_tasks to public; grant update (body, size), select (id) on app_tasks to public;
                grant usage on sequence app_tasks_id_seq to public; create view task_view as select id, count(*) from app_tasks group by id;
                create function named(t app_tasks) returns text language sql as 'select t.body';
                create function counted() returns bigint language sql as 'select count(*) from App_Tasks';
                create function elsewhere() returns bigint language sql as $$select 1::bigint -- my_app_tasks$$
                """)
            try await host.server.psql(
                stage.shared, "set client_min_messages = error; create publication one for table app_tasks")
            try await host.server.psql(
                stage.shared, "set client_min_messages = error; create publication all_of for tables in schema public")
            try await host.server.psql(
                stage.shared, "set client_min_messages = error; create publication whole for all tables")
            try await host.server.psql(
                stage.own,
                IsolationStage.schema + "alter table app_tasks add kind int; alter table app_settings add n int")
            try stage.writePlan(#""targetRows": "overwrite""#)
            let before = try await host.server.fingerprint(stage.shared)
            let planned = try report(try await stage.isolate("--json"))
            let ties = (planned["ties"] as? [[String: String]] ?? []).map {
                "\($0["kind"] ?? "") \($0["object"] ?? "") \($0["table"] ?? "")"
            }
            for tie in [
                "foreign-key-out app_tasks_kind_fkey to public.kinds public.app_tasks",
                "sequence public.loose public.app_settings",
                "sequence-user public.keepers.id uses public.app_tasks_id_seq public.app_tasks",
                "policy everybody public.app_tasks", "policy-elsewhere looks of public.others public.app_projects",
                "trigger app_touch calls public.app_touch() public.app_tasks", "grant PUBLIC: SELECT public.app_tasks",
                "grant PUBLIC: SELECT (id), UPDATE (body), UPDATE (size) public.app_tasks",
                "grant PUBLIC: USAGE on public.app_tasks_id_seq public.app_tasks", "publication one public.app_tasks",
                "publication whole, of all tables public.app_projects",
                "publication-of-schema all_of public.app_settings",
                "view public.task_view public.app_tasks", "column public.keepers.task public.app_tasks",
                "function public.named(public.app_tasks) public.app_tasks",
                "function-text public.counted() public.app_tasks",
            ] {
                #expect(ties.contains(tie), "\(tie) in \(ties.joined(separator: "\n"))")
            }
            #expect(!ties.contains { $0.contains("elsewhere()") })
            let done = try await stage.isolate("--yes")
            #expect(done.status == 0, "\(done.error)")
            let back = try await stage.isolate("--undo", "--yes")
            #expect(back.status == 0, "\(back.error)")
            #expect(try await host.server.fingerprint(stage.shared) == before)
            try await stage.clean()
        }
    }

    private static let odd = """
        create schema if not exists "My App";
        create table if not exists "My App"."Odd ""Table" ("Key Col" int primary key, "select" text, ts timestamptz, m money,
          b bytea, f float8, "gen" int generated always as (1) stored);
        create table if not exists "My App".parts (id int, day date, primary key (id, day)) partition by range (day);
        create table if not exists "My App".parts_1 partition of "My App".parts
          for values from ('2026-01-01') to ('2026-02-01');
        create table if not exists "My App".parts_2 partition of "My App".parts
          for values from ('2026-02-01') to ('2026-03-01');
        create table if not exists "My App".nocols ();

        """

    @Test func `from one server to another, by an owner who is no superuser, with odd names and partitions`()
        async throws
    {
        try await withHost { host in
            try await withOwnServer { other in
                try await host.server.create(
                    "odd one",
                    Self.odd + #"""
                        insert into "My App"."Odd ""Table" select g, E'a\\b\r\n\t' || chr(233), now() - g * interval '1 day',
                          g::text::money, decode(md5(g::text), 'hex'), g / 3.0 from generate_series(1, 1000) g;
                        insert into "My App".parts select g, date '2026-01-01' + g % 59 from generate_series(1, 500) g;
                        insert into "My App".nocols default values;
                        alter database "odd one" set timezone = 'Asia/Tokyo'; alter database "odd one" set datestyle = 'German'
                        """#)
                try await other.server.psql("postgres", "create role owner login; create database two owner owner")
                var host = host
                host.servers = """
                    "a": {"connection": "\(host.server.connection)"},
                    "b": {"connection": "host=\(other.server.folder)/pg user=owner"}
                    """
                try host.write(
                    #"""
                    "one": {"server": "a", "database": "odd one", "calendar": "daily",
                      "expect": {"tables": {"\"My App\".*": 0}}},
                    "two": {"server": "b", "calendar": "daily", "globals": false, "expect": {"tables": {"\"My App\".*": 5}}}
                    """#)
                let stage = IsolationStage(host: host, shared: "odd one", own: "two")
                func plan(_ table: String) throws {
                    let text =
                        #"{"version": 1, "source": "one", "target": "two", "tables": ["\"My App\".\#(table)"], "schemaFile": "odd.sql", "copyRows": true, "archiveSchema": "Old \"Stuff'\\"}"#
                    try Data(text.utf8).write(to: URL(fileURLWithPath: stage.plan))
                }
                try Data(Self.odd.utf8).write(to: URL(fileURLWithPath: "\(host.folder)/odd.sql"))
                let before = try await host.server.fingerprint("odd one")
                try plan("parts")
                let halved = try await stage.isolate("--yes")
                #expect(
                    halved.status == 1 && halved.error.contains("are one table: name both or neither"),
                    "\(halved.error)")
                try plan("*")
                let done = try await stage.isolate("--yes")
                #expect(done.status == 0 && done.output.contains("1501 rows in 4 tables copied"), "\(done.error)")
                let question =
                    #"set timezone = 'UTC'; set datestyle = 'ISO'; select md5(string_agg(t::text, '|' order by t::text)) from %."Odd ""Table" t; select md5(string_agg(t::text, '|' order by t::text)) from %.parts t; select count(*) from %.nocols"#
                #expect(
                    try await other.server.psql("two", question.replacing("%", with: "\"My App\""))
                        == host.server.psql("odd one", question.replacing("%", with: #""Old ""Stuff'\""#)))
                let back = try await stage.isolate("--undo", "--yes")
                #expect(back.status == 0, "\(back.error)")
                #expect(try await host.server.fingerprint("odd one") == before)
                try await host.server.drop("odd one")
            }
        }
    }

    @Test func `a foreign key of a table that stays is refused, unless the plan allows it`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "keyed")
            try await host.server.psql(stage.shared, "create table users (task int references app_tasks)")
            let before = try await stage.fingerprints()
            for flags in [[], ["--yes"]] {
                let said = try await run(
                    TestHost.binary, ["isolate", stage.plan] + flags,
                    environment: ["ARCHON_BACKUPD_CONFIG": host.config])
                #expect(said.status == 1 && said.error.contains("users_task_fkey of public.users"), "\(said.error)")
                #expect(!said.output.contains("--yes does it"))
            }
            #expect(try await stage.fingerprints() == before && (try host.files()).isEmpty)
            try stage.writePlan(#""targetRows": "replace", "allowForeignKeys": true"#)
            let done = try await stage.isolate("--yes")
            #expect(done.status == 0, "\(done.error)")
            try await host.server.psql(stage.shared, "insert into users values (7)")
            try await stage.clean()
        }
    }

    @Test func `mistakes are named before anything is changed`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "mistaken")
            let before = try await stage.fingerprints()
            func said(_ status: Int32, _ message: String, _ change: () async throws -> Void) async throws {
                try await change()
                let said = try await stage.isolate("--yes")
                #expect(said.status == status && said.error.contains(message), "\(said.error)")
            }
            try await said(78, "\"copyRows\" is missing") {
                try Data(#"{"version": 1, "source": "shared", "target": "own", "tables": ["public.app_*"]}"#.utf8)
                    .write(to: URL(fileURLWithPath: stage.plan))
            }
            try await said(78, "this key is unknown") { try stage.writePlan(#""archivSchema": "x""#) }
            try await said(1, "no table of \(stage.shared) is called public.ap_*") {
                try stage.writePlan(tables: "public.ap_*")
            }
            try await said(64, "there is no job \"nobody\"") {
                try Data(
                    #"{"version": 1, "source": "shared", "target": "nobody", "tables": ["public.app_*"], "copyRows": false}"#
                        .utf8
                ).write(to: URL(fileURLWithPath: stage.plan))
            }
            try await said(1, "the job shared expects nothing") {
                try stage.writePlan()
                try stage.writeSchedule(expect: false)
            }
            try await said(1, "\(stage.own) has no public.app_projects, and the plan has no \"schemaFile\"") {
                try stage.writeSchedule()
                try Data(
                    #"{"version": 1, "source": "shared", "target": "own", "tables": ["public.app_*"], "copyRows": false}"#
                        .utf8
                ).write(to: URL(fileURLWithPath: stage.plan))
            }
            try await said(78, "app.sql:2: COMMIT does not go") {
                try stage.writePlan()
                try Data("create table a (id int);\ncommit;".utf8).write(
                    to: URL(fileURLWithPath: "\(host.folder)/app.sql"))
            }
            let undo = try await stage.isolate("--undo", "--yes")
            #expect(undo.status == 0 && undo.output.contains("nothing was to be done"), "\(undo.error)")
            #expect(try await stage.fingerprints() == before && (try host.files()).isEmpty)
            try Data(IsolationStage.schema.utf8).write(to: URL(fileURLWithPath: "\(host.folder)/app.sql"))
            try await said(1, "the schema archon_legacy_archive exists already") {
                try await host.server.psql(stage.shared, "create schema archon_legacy_archive")
            }
            try await stage.clean()
        }
    }
}
