import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

/// Servers of other majors, each with its own tools: scripts/majors.sh fetches them, `make test` calls it.
@Suite(.enabled(if: Majors.areThere, "scripts/majors.sh has not been run")) struct MajorsTests {
    private static let often = #""calendar": "*-*-* 02:00:00""#

    private static let tables = """
        create table t (id serial primary key, j jsonb, a text[], r int4range, f float8, b bytea, at timestamptz, twice int generated always as (id * 2) stored);
        insert into t (j, a, r, f, b, at) select jsonb_build_object('n', g), array[g::text, null, 'q"x'], int4range(g, g + 2), g / 3.0, decode('00ff5c', 'hex'), '2026-01-01'::timestamptz + g * interval '1 hour' from generate_series(1, 500) g;
        create table p (id int, at date) partition by range (at); create table p1 partition of p for values from ('2026-01-01') to ('2027-01-01');
        insert into p select g, '2026-01-01'::date + g from generate_series(1, 100) g; create index on p (id);
        create materialized view m as select count(*) from t; create view v as select id from t; alter table t add check (id > 0);
        create table child (extra text) inherits (t); create table c (t int references t (id)); create role majors_reader; grant select on t to majors_reader;
        create function f() returns int begin atomic select 1; end; create table none (); insert into none default values;
        select lo_from_bytea(0, decode('00ff5c2e0a', 'hex'));
        """

    private func host(_ folder: String, _ server: ScratchServer) -> TestHost {
        var host = TestHost(folder: folder, server: server)
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        host.environment["PATH"] = "\(server.bin):\(path)"
        return host
    }

    @Test(arguments: [16, 17, 18])
    func `a server of that major, dumped, matched, drilled and restored by its own tools`(major: Int) async throws {
        let server = try await ScratchServer.begin(bin: Majors.bin(major))
        defer { server.end() }
        try await withTemporaryFolder { folder in
            let host = host(folder, server)
            try await server.create("app", Self.tables)
            for format in ["custom", "directory"] {
                try host.write("\"app\": {\(Self.often), \"proof\": \"source-content\", \"format\": \"\(format)\"}")
                let made = try await host.call("backup", "app", "--json")
                #expect(made.status == 0, "\(major): \(made.error)")
                #expect(made.output.contains("\"pgDumpVersion\" : \"\(major)."), "\(made.output)")
                #expect(made.output.contains("\"matched\" : \"content\""))
                let drilled = try await host.call("drill", "app", "--json")
                #expect(drilled.status == 0, "\(major): \(drilled.error)")
                #expect(drilled.output.contains("\"verdict\" : \"proven\"") && drilled.output.contains("\"\(major)."))
                #expect(try await host.call("verify", "app").status == 0)
                try await stock(server, host, major)
                let before = try await server.fingerprint("app")
                try await server.drop("app")
                let restored = try await host.call("restore", "app")
                #expect(restored.status == 0, "\(major): \(restored.error)")
                #expect(try await server.fingerprint("app") == before)
                try await Task.sleep(for: .milliseconds(1100))
            }
            if major == 17 {
                #expect(try await host.call("show", "app").output.contains("zstd:3"))
            }
        }
    }

    /// From 16 on a server asks whether who is named as grantor could have granted it. Its first superuser could; and that one has
    /// another name in a throwaway, and in Supabase.
    @Test(arguments: [16, 17, 18])
    func `memberships come back on a server whose first superuser has another name`(major: Int) async throws {
        let old = try await ScratchServer.begin(bin: Majors.bin(major))
        let new = try await supabase(bin: Majors.bin(major))
        defer { for server in [old, new] { server.end() } }
        try await withTemporaryFolder { folder in
            let here = host(folder, old)
            try await old.create(
                "app",
                """
                create role "the ""team"; create role boss; create role worker noinherit;
                grant "the ""team" to boss with admin option; grant pg_monitor to worker;
                set role boss; grant "the ""team" to worker; reset role;
                create table t as select 1 n; grant select on t to worker
                """)
            try here.write("\"app\": {\(Self.often)}")
            #expect(try await here.call("backup", "app").status == 0)
            let drilled = try await here.call("drill", "app")
            #expect(drilled.status == 0, "\(major): \(drilled.error)")

            let there = host(folder, new)
            try there.write("\"app\": {\(Self.often)}")
            let restored = try await there.call("restore", "app")
            #expect(restored.status == 0, "\(major): \(restored.error)")
            let question = """
                select roleid::regrole, member::regrole, nullif(grantor, 10)::regrole, admin_option, inherit_option, set_option
                from pg_auth_members where pg_get_userbyid(member) in ('boss', 'worker') order by pg_get_userbyid(roleid), pg_get_userbyid(member)
                """
            let known = try await new.psql("postgres", question)
            let before = try await old.psql("postgres", question)
            #expect(known == before)
            #expect(known.contains("worker|boss|f|f|t"), "\(known)")
        }
    }

    /// A server whose first superuser is supabase_admin; postgres is one too.
    private func supabase(bin: String) async throws -> ScratchServer {
        let server = try await ScratchServer.begin(cluster: ["-U", "supabase_admin"], bin: bin)
        let connection = "host=\(server.folder)/pg user=supabase_admin dbname=postgres"
        let made = try await run(
            "\(server.bin)/psql", ["-X", "-q", "-d", connection, "-c", "create role postgres superuser login"])
        try #require(made.status == 0, "\(made.error)")
        return server
    }

    /// Supabase's roles file says that postgres is no superuser, and that supabase_admin has granted everything.
    @Test(arguments: [15, 17])
    func `the runbook brings a database of Supabase back on a plain server, as postgres`(major: Int) async throws {
        let plain = try await ScratchServer.begin(bin: major == 15 ? nil : Majors.bin(major))
        let old = try await supabase(bin: plain.bin)
        defer { for server in [old, plain] { server.end() } }
        try await withTemporaryFolder { folder in
            var here = host(folder, old)
            here.servers = "\"scratch\": {\"connection\": \"host=\(old.folder)/pg user=supabase_admin\"}"
            try await old.create(
                "app",
                """
                create role api login password 'x'; create role anon; grant anon to api; create table t as select 1 n;
                grant select on t to anon; alter table t owner to api; grant api to postgres; alter role postgres nosuperuser
                """)
            try here.write("\"app\": {\(Self.often)}")
            let dumped = try await here.call("backup", "app")
            #expect(dumped.status == 0, "\(dumped.error)")
            let there = host(folder, plain)
            try there.write("\"app\": {\(Self.often)}")
            let stock = try FollowedRunbook(try await there.call("runbook").output).blocks(after: "### `app`").filter {
                $0.contains("createdb")
            }
            try #require(stock.count == 1)
            let followed = try await FollowedRunbook.bash(there, stock[0])
            #expect(followed.status == 0, "\(major): \(followed.error)\n\(stock[0])")
            #expect(try await plain.psql("postgres", "select rolsuper from pg_roles where rolname = 'postgres'") == "t")
            let members =
                "select roleid::regrole, member::regrole from pg_auth_members where roleid > 16000 order by 1::regrole::text"
            #expect(try await plain.psql("postgres", members) == "anon|api\napi|postgres", "\(followed.error)")
            #expect(try await plain.psql("app", "set role anon; select n from t") == "1")
        }
    }

    @Test(arguments: [16, 17, 18])
    func `tables move out of a database of that major, and back`(major: Int) async throws {
        let server = try await ScratchServer.begin(bin: Majors.bin(major))
        defer { server.end() }
        try await withTemporaryFolder { folder in
            let stage = IsolationStage(host: host(folder, server), shared: "shared", own: "own")
            let schema = IsolationStage.schema.replacing("CREATE EXTENSION IF NOT EXISTS pg_trgm;\n", with: "")
            try await server.create("shared", schema + IsolationStage.rows)
            try await server.create("own")
            try await server.psql(
                "shared",
                """
                create table kinds (id int primary key); alter table app_tasks add kind int references kinds on delete set null;
                create view open_tasks as select id, body from app_tasks; grant select (id) on app_tasks to public;
                create publication whole for all tables
                """)
            try stage.host.write(
                """
                "shared": {\(Self.often), "expect": {"tables": {"public.app_*": 0}}},
                "own": {\(Self.often), "expect": {"tables": {"public.app_*": 3}}}
                """)
            let more = schema + "ALTER TABLE app_tasks ADD COLUMN IF NOT EXISTS kind int;\n"
            try Data(more.utf8).write(to: URL(fileURLWithPath: "\(folder)/app.sql"))
            try stage.writePlan()
            let before = try await server.fingerprint("shared")
            let refused = try await stage.host.call("isolate", stage.plan, "--json")
            #expect(refused.status == 1, "\(refused.error)")
            for kind in ["foreign-key-action", "writing-view", "publication", "grant", "trigger"] {
                #expect(refused.output.contains("\"\(kind)\""), "\(major): \(kind) in \(refused.output)")
            }
            try stage.writePlan(#""targetRows": "replace", "allowForeignKeys": true, "allowViews": true"#)
            let rows = try await stage.rows("shared")
            let done = try await stage.host.call("isolate", stage.plan, "--yes")
            #expect(done.status == 0, "\(major): \(done.error)")
            #expect(try await stage.rows("own") == rows)
            let back = try await stage.host.call("isolate", stage.plan, "--undo", "--yes")
            #expect(back.status == 0, "\(major): \(back.error)")
            #expect(try await server.fingerprint("shared") == before)
        }
    }

    /// By the tools of that major alone, two at a time.
    private func stock(_ server: ScratchServer, _ host: TestHost, _ major: Int) async throws {
        let archives = try host.files().filter { $0.hasSuffix(".dump") }.sorted()
        let newest = try #require(archives.last)
        try await server.create("stock")
        let said = try await run(
            "\(server.bin)/pg_restore",
            ["-j2", "--exit-on-error", "-d", "\(server.connection) dbname=stock", "\(host.storage)/\(newest)"])
        #expect(said.status == 0, "\(major): \(said.error)")
        #expect(try await server.psql("stock", "select count(*), sum(id) from t") == "500|125250")
        try await server.drop("stock")
    }

    @Test func `a dump of 15 is drilled on 17 and restored there, equal by an oracle of its own`() async throws {
        let new = try await ScratchServer.begin(bin: Majors.bin(17))
        defer { new.end() }
        try await withOwnServer { old in
            try await old.server.create("app", Self.tables)
            try old.write("\"app\": {\(Self.often), \"proof\": \"source-content\"}")
            #expect(try await old.call("backup", "app").status == 0)
            let there = host(old.folder, new)
            try there.write("\"app\": {\(Self.often), \"drill\": {\"on\": \"scratch\"}}")
            let drilled = try await there.call("drill", "app")
            #expect(drilled.status == 0, "\(drilled.error)")
            #expect(drilled.output.contains("proven on scratch"))
            #expect(
                try await new.psql("postgres", "select count(*) from pg_database where datname like 'archon%'") == "0")
            let restored = try await there.call("restore", "app")
            #expect(restored.status == 0, "\(restored.error)")
            for table in ["t", "p", "none", "m", "child"] {
                let question =
                    "select count(*), md5(string_agg(x::text, chr(10) order by x::text)) from only \(table) x"
                #expect(try await new.psql("app", question) == (try await old.server.psql("app", question)), "\(table)")
            }
        }
    }
}

enum Majors {
    static let folder = ProcessInfo.processInfo.environment["ARCHON_MAJORS"] ?? "/var/tmp/archon-backupd-majors"
    static let areThere = FileManager.default.fileExists(atPath: "\(folder)/.complete-1")
    static func bin(_ major: Int) -> String { "\(folder)/\(major)/bin" }
}
