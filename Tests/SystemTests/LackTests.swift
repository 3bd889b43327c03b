import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

/// What the place of a drill lacks is no fault of the dump: it could not be verified, which is not green, and the message says
/// what to install. What the dump itself lacks is.
@Suite struct LackTests {
    private func withStage(_ sql: String, drill: String = "", _ body: (DumpStage, String) async throws -> Void)
        async throws
    {
        try await withHost { host in
            let name = "lack\(UInt32.random(in: 0 ... .max))"
            try await host.server.create(name, sql)
            try host.write("\"lacking\": {\"database\": \"\(name)\", \(drill) \"calendar\": \"Mon *-*-* 02:00:00\"}")
            try await body(try await DumpStage(host, "lacking"), name)
            try await host.server.drop(name)
        }
    }

    private func status(_ stage: DumpStage) async throws -> (drill: String, healthy: Bool, check: Said) {
        struct Report: Decodable {
            struct Line: Decodable { var drill: String }
            var jobs: [Line]
            var healthy: Bool
        }
        let said = try await stage.host.call("status", "--json")
        let report = try JSONDecoder().decode(Report.self, from: Data(said.output.utf8))
        return (report.jobs.first?.drill ?? "", report.healthy, try await stage.host.call("status", "--check"))
    }

    private func expectUnverified(_ stage: DumpStage, _ texts: String...) async throws {
        let said = try await stage.drill()
        #expect(said.status == 69, "\(said)")
        #expect(said.output.contains("could not verify"), "\(said)")
        for text in texts { #expect(said.error.contains(text), "\(text) in \(said.error)") }
        let status = try await status(stage)
        #expect(status.drill == "could-not-verify" && !status.healthy, "\(status)")
        #expect(status.check.status == 1 && status.check.output.contains("could not verify"), "\(status.check)")
        // The dump is as good as it was.
        let listed = try await stage.listed()
        #expect(listed.fault == nil && listed.proof == "read", "\(listed)")
        let plan = try await stage.host.call("prune", "--dry-run")
        #expect(!plan.output.contains("never counted"), "\(plan)")
    }

    @Test(.enabled(if: getuid() == 0, "putting an extension beside the server's needs root"))
    func `an extension that is not installed`() async throws {
        let name = "archon_probe_\(UInt32.random(in: 0 ... .max))"
        let folder = try await run(
            "/bin/sh", ["-c", "$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)/pg_config --sharedir"])
        let path = (folder.lines.first ?? "/usr/share/postgresql") + "/extension/\(name)"
        try Data("default_version = '1.0'\nrelocatable = true\n".utf8).write(
            to: URL(fileURLWithPath: "\(path).control"))
        try Data("create function probe() returns int language sql as 'select 1';\n".utf8).write(
            to: URL(fileURLWithPath: "\(path)--1.0.sql"))
        for file in ["\(path).control", "\(path)--1.0.sql"] { chmod(file, 0o644) }
        func remove() throws {
            for file in ["\(path).control", "\(path)--1.0.sql"] { try FileManager.default.removeItem(atPath: file) }
        }
        do {
            try await withStage("create extension \(name); create table t as select 1 id") { stage, _ in
                let good = try await stage.drill()
                #expect(good.status == 0 && good.output.contains("proven on throwaway"), "\(good)")
                #expect(try await status(stage).drill == "proven")
                try stage.reset()
                try remove()
                try await expectUnverified(stage, "lacks extensions that the dump needs: \(name) 1.0", "Install them")
            }
        } catch {
            for file in ["\(path).control", "\(path)--1.0.sql"] { unlink(file) }
            throw error
        }
        for file in ["\(path).control", "\(path)--1.0.sql"] { unlink(file) }
    }

    @Test func `a locale, the server's programs, or room`() async throws {
        try await withStage("create table t as select 1 id") { stage, _ in
            try stage.rewrite { $0.properties.collation = "xx_XX.utf8" }
            try await expectUnverified(
                stage, "cannot make a database with the dump's locale", "xx_XX", "Install the locale")
            try stage.reset()
            try stage.rewrite { $0.serverVersion = "99.1" }
            try await expectUnverified(stage, "there is no PostgreSQL 99 server on this host", "Install postgresql-99")
            try stage.reset()
            try stage.rewrite { $0.databaseBytes = 1 << 50 }
            try await expectUnverified(stage, "there is no room for a server with the dump restored", "Free some room")
            // Nothing was against the dump, and where the lack is gone it is proven.
            try stage.reset()
            #expect(try await stage.drill().status == 0)
            #expect(try await status(stage).drill == "proven")
            #expect(try await stage.listed().proof == "drilled")
        }
    }

    @Test func `a role that the dump needs and does not bring`() async throws {
        let role = "owner\(UInt32.random(in: 0 ... .max))"
        try await withStage("create role \(role); create table t as select 1 id; alter table t owner to \(role)") {
            stage, _ in
            #expect(try await stage.drill().status == 0)
            try stage.reset()
            try await stage.rewriteGlobals { text in
                text.split(separator: "\n").filter { !$0.contains(role) }.joined(separator: "\n") + "\n"
            }
            let said = try await stage.drill()
            #expect(said.status == 65 && said.error.contains("role \"\(role)\" does not exist"), "\(said)")
            try await expectFailed(stage)
            try await stage.host.server.psql("postgres", "reassign owned by \(role) to postgres")
        }
        try await SharedServer.only.server().psql("postgres", "drop role \(role)")
    }

    @Test func `a dump that is whole and does not restore, and what is left to do with it`() async throws {
        // The rows break a rule that has become stricter since.
        let sql =
            "create function fits(int) returns bool language sql immutable as 'select $1 < 1000'; create table t (id int check (fits(id))); insert into t select generate_series(1, 100); create or replace function fits(int) returns bool language sql immutable as 'select $1 < 10'"
        try await withStage(sql, drill: "\"proof\": \"source-content\",") { stage, name in
            #expect(try await stage.verify().status == 0)
            #expect(try await stage.listed().proof == "matched")
            let said = try await stage.drill()
            #expect(said.status == 65 && said.error.contains("violates check constraint \"t_id_check\""), "\(said)")
            #expect(said.error.contains("dumped again, because its dump does not restore"), "\(said)")
            try await expectFailed(stage)
            let verify = try await stage.verify()
            #expect(verify.status == 65 && verify.error.contains("but its drill failed"), "\(verify)")
            let adopt = try await stage.host.call("adopt", "lacking", stage.archive)
            #expect(adopt.status == 64 && adopt.error.contains("is a dump already"), "\(adopt)")
            let show = try await stage.host.call("show", "lacking", stage.dump)
            #expect(show.status == 0 && show.output.contains("t_id_check"), "\(show)")
        }
    }

    @Test func `a dump that a drill has refuted is restored when it is named, after a warning`() async throws {
        let drill =
            "\"drill\": {\"calendar\": \"Sun 05:00\", \"on\": \"throwaway\", \"assertions\": [\"SELECT count(*) > 1 FROM t\"]},"
        try await withStage("create table t as select 1 id", drill: drill) { stage, name in
            let said = try await stage.drill()
            #expect(said.status == 65 && said.error.contains("assertion 1 is not true but f"), "\(said)")
            try await expectFailed(stage)
            try await stage.host.server.psql(name, "insert into t values (2), (3)")
            #expect(try await stage.host.call("backup", "lacking").status == 0)
            let newest = try await stage.host.call("restore", "lacking", "--into", "\(name)_new")
            #expect(newest.status == 0 && !newest.error.contains("warning"), "\(newest)")
            #expect(try await stage.host.server.psql("\(name)_new", "select count(*) from t") == "3")
            let named = try await stage.host.call("restore", "lacking", "--dump", stage.dump, "--into", "\(name)_old")
            #expect(named.status == 0, "\(named)")
            #expect(
                named.error.contains(
                    "warning: \(stage.dump) is restored because you named it, although its drill failed: assertion 1"),
                "\(named.error)")
            #expect(try await stage.host.server.psql("\(name)_old", "select count(*) from t") == "1")
            // The newest is drilled, and all is well again.
            #expect(try await stage.host.call("drill", "lacking").status == 0)
            let status = try await status(stage)
            #expect(status.drill == "proven" && status.healthy, "\(status)")
            for end in ["new", "old"] { try await stage.host.server.drop("\(name)_\(end)") }
        }
    }

    private func expectFailed(_ stage: DumpStage) async throws {
        let listed = try await stage.listed()
        #expect(listed.fault?.contains("its drill failed") == true, "\(listed)")
        let status = try await status(stage)
        #expect(status.drill == "failed" && !status.healthy && status.check.status == 1, "\(status)")
        let plan = try await stage.host.call("prune", "--dry-run").lines.first { $0.contains(stage.dump) }
        #expect(plan?.contains("never removed, never counted") == true, "\(plan ?? "")")
        let newest = try await stage.host.call("show", "lacking")
        #expect(newest.status == 0 && !newest.output.contains(stage.dump), "\(newest)")
    }
}
