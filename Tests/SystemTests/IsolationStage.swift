import BackupCore
import Foundation
import TestSupport
import Testing

/// A shared database with an application's tables in it, one that is to be theirs, and a plan.
struct IsolationStage {
    let host: TestHost
    let shared: String
    let own: String
    var plan: String { "\(host.folder)/plan.json" }

    static let schema = """
        SELECT pg_advisory_xact_lock(77);
        CREATE EXTENSION IF NOT EXISTS pg_trgm;
        CREATE TABLE IF NOT EXISTS app_projects (
          id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, title text NOT NULL, at timestamptz DEFAULT now());
        CREATE TABLE IF NOT EXISTS app_tasks (
          id serial PRIMARY KEY, project bigint REFERENCES app_projects, parent int REFERENCES app_tasks, body text,
          size int GENERATED ALWAYS AS (length(body)) STORED);
        CREATE TABLE IF NOT EXISTS app_settings (key text PRIMARY KEY, value text);
        CREATE OR REPLACE FUNCTION app_touch() RETURNS trigger LANGUAGE plpgsql AS $$
          BEGIN NEW.body := coalesce(NEW.body, '') || '!'; RETURN NEW; END; $$;
        DROP TRIGGER IF EXISTS app_touch ON app_tasks;
        CREATE TRIGGER app_touch BEFORE INSERT ON app_tasks FOR EACH ROW EXECUTE FUNCTION app_touch();
        INSERT INTO app_settings VALUES ('seed', 'by the schema file') ON CONFLICT DO NOTHING;

        """
    static let rows = """
        insert into app_projects (title) select 'p' || g from generate_series(1, 50) g;
        insert into app_tasks (project, parent, body)
          select g % 50 + 1, case when g > 1 then 1 end, E'tab\\there\\nline\\\\.' || g from generate_series(1, 2000) g;
        insert into app_settings values ('none', null), ('dot', E'\\\\.'), ('é', repeat('x', 300000));
        create table others (id int primary key);
        insert into others select generate_series(1, 10);
        """

    static func make(_ host: TestHost, _ mark: String) async throws -> IsolationStage {
        let stage = IsolationStage(host: host, shared: "shared \(mark)", own: "own \(mark)")
        try await host.server.create(stage.shared, schema + rows)
        try await host.server.create(stage.own)
        try stage.writeSchedule()
        try Data(schema.utf8).write(to: URL(fileURLWithPath: "\(host.folder)/app.sql"))
        try stage.writePlan()
        return stage
    }

    func writeSchedule(tables: Int = 3, expect: Bool = true) throws {
        let none = expect ? #", "expect": {"tables": {"public.app_*": 0}}"# : ""
        try host.write(
            """
            "shared": {"database": "\(shared)", \(VerbTests.often)\(none)},
            "own": {"database": "\(own)", \(VerbTests.often),
              "expect": {"tables": {"public.app_*": \(tables)}, "extensions": ["pg_trgm"]}}
            """)
    }

    func writePlan(
        _ more: String = #""targetRows": "replace""#, tables: String = "public.app_*", lockTimeout: String = "5min"
    ) throws {
        let text = """
            {"version": 1, "source": "shared", "target": "own", "tables": ["\(tables)"], "schemaFile": "app.sql",
             "copyRows": true, "lockTimeout": "\(lockTimeout)"\(more.isEmpty ? "" : ", \(more)")}
            """
        try Data(text.utf8).write(to: URL(fileURLWithPath: plan))
    }

    func isolate(_ flags: String...) async throws -> Said {
        try await run(
            TestHost.binary, ["isolate", plan] + flags, environment: ["ARCHON_BACKUPD_CONFIG": host.config])
    }

    /// Of one schema's tables all rows as text.
    func rows(_ database: String, schema: String = "public") async throws -> String {
        try await host.server.psql(
            database,
            ["app_projects", "app_settings", "app_tasks"].map {
                "select '\($0)', count(*), md5(string_agg(t::text, '|' order by t::text)) from \(schema).\($0) t;"
            }.joined())
    }

    func fingerprints() async throws -> [String] {
        [try await host.server.fingerprint(shared), try await host.server.fingerprint(own)]
    }

    func tables(_ database: String) async throws -> String {
        try await host.server.psql(
            database,
            "select string_agg(schemaname || '.' || tablename, ' ' order by schemaname, tablename) from pg_tables where tablename like 'app%'"
        )
    }

    /// Waits until a session of `isolate` in the database waits for a lock with such a statement.
    func untilWaiting(_ database: String, _ statement: String, _ running: Running) async throws {
        try await until("\(statement) waits in \(database): \(running.said)") {
            try #require(!running.hasEnded, "\(running.said)")
            return try await host.server.psql(
                "postgres",
                "select count(*) > 0 from pg_stat_activity where datname = '\(database)' and wait_event_type = 'Lock' and query like '%\(statement)%' and (application_name like 'archon-backupd%')"
            ) == "t"
        }
    }

    func clean() async throws {
        for name in [shared, own] { try await host.server.drop(name) }
    }
}

/// Tables of any kinds, in both databases, without a schema file.
extension IsolationStage {
    /// The same SQL in both, then more in each.
    static func plain(
        _ host: TestHost, _ mark: String, _ tables: String, source: String = "", target: String = "", count: Int,
        job: String = ""
    ) async throws -> IsolationStage {
        let stage = IsolationStage(host: host, shared: "shared \(mark)", own: "own \(mark)")
        for (database, more) in [(stage.shared, source), (stage.own, target)] {
            try await host.server.create(database, tables + more)
        }
        try host.write(
            """
            "shared": {"database": "\(stage.shared)", \(VerbTests.often), "expect": {"tables": {"public.app_*": 0}}},
            "own": {"database": "\(stage.own)", \(VerbTests.often)\(job), "expect": {"tables": {"public.app_*": \(count)}}}
            """)
        try stage.writePlain("refuse")
        return stage
    }

    func writePlain(_ rows: String, tables: [String] = ["public.app_*"], lockTimeout: String = "10s") throws {
        let names = String(decoding: try JSONEncoder().encode(tables), as: UTF8.self)
        try Data(
            #"{"version": 1, "source": "shared", "target": "own", "tables": \#(names), "copyRows": true, "targetRows": "\#(rows)", "lockTimeout": "\#(lockTimeout)"}"#
                .utf8
        ).write(to: URL(fileURLWithPath: plan))
    }

    func move(line: Int = #line) async throws {
        let done = try await isolate("--yes")
        #expect(done.status == 0, "line \(line): \(done.error)")
    }

    func refused(_ message: String) async throws {
        let before = try await fingerprints()
        let said = try await isolate("--yes")
        #expect(said.status == 1 && said.error.contains(message), "\(message) in \(said.error)")
        #expect(try await fingerprints() == before && (try host.files()).isEmpty)
    }
}

/// A session that holds locks until it is let go.
struct LockHolder {
    private let name: String
    private let server: ScratchServer
    private let work: Task<String, any Error>

    static func begin(_ server: ScratchServer, _ database: String, _ statement: String) async throws -> LockHolder {
        let name = "holder \(UInt32.random(in: 0 ... .max))"
        let work = Task {
            try await server.psql(
                database, "set application_name = '\(name)'; begin; \(statement); select pg_sleep(600)")
        }
        try await until("\(statement) is held") {
            try await server.psql(
                "postgres",
                "select count(*) from pg_stat_activity where application_name = '\(name)' and wait_event = 'PgSleep'")
                == "1"
        }
        return LockHolder(name: name, server: server, work: work)
    }

    func release() async throws {
        try await server.psql(
            "postgres",
            "select pg_terminate_backend(pid, 10000) from pg_stat_activity where application_name = '\(name)'")
        _ = await work.result
    }
}
