import Foundation
import TestSupport
import Testing

/// A plan that is run again, when something is not as the run before it left it.
@Suite struct IsolateAgainTests {
    /// Without the row that it puts in.
    private static let bare =
        IsolationStage.schema.split(separator: "\n").filter { !$0.hasPrefix("INSERT") }
        .joined(separator: "\n") + "\n"

    private func write(_ schema: String, _ host: TestHost) throws {
        try Data(schema.utf8).write(to: URL(fileURLWithPath: "\(host.folder)/app.sql"))
    }

    /// Its step 5 waits in vain: the rows are in the target, the old tables where they were.
    private func failToMove(_ stage: IsolationStage, _ more: String) async throws {
        try stage.writePlan(more, lockTimeout: "1s")
        let reader = try await LockHolder.begin(
            stage.host.server, stage.shared, "select count(*) from app_tasks")
        let said = try await stage.isolate("--yes")
        #expect(said.status == 1 && said.error.contains("step 5 of 6"), "\(said.error)")
        try await reader.release()
        try stage.writePlan(more)
    }

    @Test func `rows that were written since, and those of a failed run, are told apart`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "again")
            try write(Self.bare, host)
            // Refusing rows, it goes on after a failure all the same: those that are there are its own.
            try await failToMove(stage, "")
            try await host.server.psql(
                stage.shared, "insert into app_settings values ('later', ''); delete from app_tasks where id = 2000")
            let rows = try await stage.rows(stage.shared)
            let done = try await stage.isolate("--yes")
            #expect(done.status == 0, "\(done.error)")
            #expect(try await stage.rows(stage.own) == rows)
            let back = try await stage.isolate("--undo", "--yes")
            #expect(back.status == 0, "\(back.error)")
            // The application has worked in the target: that is not thrown away, whatever the plan says of rows.
            try await host.server.psql(stage.own, "update app_settings set value = 'newer' where key = 'later'")
            let before = try await stage.fingerprints()
            for more in ["", #""targetRows": "replace""#] {
                try stage.writePlan(more)
                for flags in [[], ["--yes"]] {
                    let refused = try await run(
                        TestHost.binary, ["isolate", stage.plan] + flags,
                        environment: ["ARCHON_BACKUPD_CONFIG": host.config])
                    #expect(refused.status == 1, "\(refused.error)")
                    #expect(
                        refused.error.contains("not as isolate has left them")
                            && refused.error.contains("public.app_settings"))
                    #expect(refused.error.contains("\"overwrite\"") && !refused.error.contains("public.app_tasks"))
                }
            }
            #expect(try await stage.fingerprints() == before)
            try stage.writePlan(#""targetRows": "overwrite""#)
            let over = try await stage.isolate("--yes", "--json")
            #expect(over.status == 0, "\(over.error)")
            #expect(try await stage.rows(stage.own) == rows)
            // It is in the dump that was made before.
            let restored = try await host.call("restore", "own", "--into", "own before")
            #expect(restored.status == 0, "\(restored.error)")
            let value = "select value from app_settings where key = 'later'"
            #expect(try await host.server.psql("own before", value) == "newer")
            try await host.server.drop("own before")
            try await stage.clean()
        }
    }

    @Test func `rows that were there before are overwritten only by who says so`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "fuller")
            try await host.server.psql(
                stage.own, IsolationStage.schema + "insert into app_settings select g, '' from generate_series(1, 9) g")
            let before = try await stage.fingerprints()
            let refused = try await stage.isolate("--yes")
            #expect(refused.status == 1, "\(refused.error)")
            #expect(
                refused.error.contains("rows that isolate has not put there (public.app_settings 10 rows)"),
                "\(refused.error)")
            #expect(try await stage.fingerprints() == before)
            try stage.writePlan(#""targetRows": "overwrite""#)
            let done = try await stage.isolate("--yes")
            #expect(done.status == 0, "\(done.error)")
            try await stage.clean()
        }
    }

    @Test func `tables that came back into the source do not take the place of those that moved`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "anew")
            let rows = try await stage.rows(stage.shared)
            let done = try await stage.isolate("--yes")
            #expect(done.status == 0, "\(done.error)")
            try await host.server.psql(stage.shared, IsolationStage.schema)
            let before = try await stage.fingerprints()
            let anew = try await stage.isolate("--yes")
            #expect(anew.status == 1 && anew.error.contains("made anew"), "\(anew.error)")
            try stage.writePlan(#""targetRows": "replace", "archiveSchema": "second""#)
            let refused = try await stage.isolate("--yes")
            #expect(refused.status == 1, "\(refused.error)")
            #expect(refused.error.contains("earlier tables than \(stage.shared) has now"), "\(refused.error)")
            #expect(try await stage.fingerprints() == before)
            #expect(try await stage.rows(stage.own) == rows)
            try await stage.clean()
        }
    }

    @Test func `rows that are asked for after a move without them are not passed over`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "later")
            func plan(_ copyRows: Bool) throws {
                try Data(
                    #"{"version": 1, "source": "shared", "target": "own", "tables": ["public.app_*"], "schemaFile": "app.sql", "copyRows": \#(copyRows), "targetRows": "replace"}"#
                        .utf8
                ).write(to: URL(fileURLWithPath: stage.plan))
            }
            let rows = try await stage.rows(stage.shared)
            try plan(false)
            let bare = try await stage.isolate("--yes")
            #expect(bare.status == 0, "\(bare.error)")
            try plan(true)
            for flags in [[], ["--yes"]] {
                let refused = try await run(
                    TestHost.binary, ["isolate", stage.plan] + flags,
                    environment: ["ARCHON_BACKUPD_CONFIG": host.config])
                #expect(refused.status == 1 && refused.error.contains("without their rows"), "\(refused.error)")
                #expect(refused.error.contains("--undo"), "\(refused.error)")
            }
            let back = try await stage.isolate("--undo", "--yes")
            #expect(back.status == 0, "\(back.error)")
            // What the target has by now is nobody's copy.
            let refused = try await stage.isolate("--yes")
            #expect(refused.status == 1 && refused.error.contains("\"overwrite\""), "\(refused.error)")
            try await host.server.psql(stage.own, "truncate app_settings, app_tasks, app_projects")
            try write(Self.bare, host)
            let done = try await stage.isolate("--yes")
            #expect(done.status == 0, "\(done.error)")
            #expect(try await stage.rows(stage.own) == rows)
            try await stage.clean()
        }
    }

    @Test func `a schema file that has changed is applied until the tables have moved, and told of after that`()
        async throws
    {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "amended")
            // What the file puts in is not in the source, and comes again each time that it is applied.
            try await host.server.psql(stage.shared, "delete from app_settings where key = 'seed'")
            try await failToMove(stage, #""targetRows": "replace""#)
            let named = "select count(*) from pg_proc where proname in ('app_more', 'app_most')"
            try write(
                IsolationStage.schema
                    + "create or replace function app_more() returns int language sql as 'select 1';\n", host)
            let done = try await stage.isolate("--yes")
            #expect(done.status == 0, "\(done.error)")
            #expect(try await host.server.psql(stage.own, named) == "1")
            let same = try await stage.isolate("--yes")
            #expect(same.status == 0 && !same.error.contains("app.sql"), "\(same.error)")
            try write(
                IsolationStage.schema
                    + "create or replace function app_most() returns int language sql as 'select 1';\n", host)
            let after = try await stage.isolate("--yes")
            #expect(after.status == 0, "\(after.error)")
            #expect(after.error.contains("app.sql is not the file that was applied"), "\(after.error)")
            #expect(try await host.server.psql(stage.own, named) == "1")
            try await stage.clean()
        }
    }

    @Test func `a table that inherits from one of the target's keeps its rows`() async throws {
        try await withHost { host in
            let stage = try await IsolationStage.make(host, "heir")
            let rows = try await stage.rows(stage.shared)
            try await host.server.psql(
                stage.own,
                IsolationStage.schema
                    + "create table heir () inherits (app_settings); insert into heir values ('mine', 'nobody else has it')"
            )
            try stage.writePlan(#""targetRows": "overwrite""#)
            let done = try await stage.isolate("--yes")
            #expect(done.status == 0, "\(done.error)")
            #expect(try await host.server.psql(stage.own, "select count(*) from heir") == "1")
            try await host.server.psql(stage.own, "drop table heir")
            #expect(try await stage.rows(stage.own) == rows)
            try await stage.clean()
        }
    }
}
