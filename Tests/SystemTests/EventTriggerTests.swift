import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

/// An event trigger whose owner is no superuser any more, as Supabase's `postgres` in its own database: PostgreSQL lets nobody give
/// one to such a role, and pg_restore ends there.
@Suite struct EventTriggerTests {
    private static let statements = """
        create role demoted superuser login; create role "other ""boss" superuser; create role app;
        create function watch() returns event_trigger language plpgsql as $$ begin perform 1; end $$;
        set role demoted; create event trigger "watch it" on ddl_command_end execute function watch();
        comment on event trigger "watch it" is 'why'; alter event trigger "watch it" enable always; reset role;
        set role "other ""boss"; create event trigger theirs on sql_drop execute function watch(); reset role;
        create event trigger ours on ddl_command_start execute function watch();
        alter role demoted nosuperuser; create table t as select 1 n; grant select on t to app
        """
    private static let supers = "select rolname, rolsuper from pg_roles where rolname !~ '^pg_' order by 1"

    private func withDump(_ body: (TestHost, _ new: ScratchServer) async throws -> Void) async throws {
        try await withOwnServer { host in
            let new = try await ScratchServer.begin()
            defer { new.end() }
            try await host.server.create("watched", Self.statements)
            try host.write("\"watched\": {\(VerbTests.often)}")
            let made = try await host.call("backup", "watched")
            try #require(made.status == 0, "\(made.error)")
            try await body(host, new)
        }
    }

    @Test func `it is drilled, and comes back with its owner, who stays what they are`() async throws {
        try await withDump { host, new in
            let drilled = try await host.call("drill", "watched")
            #expect(drilled.status == 0, "\(drilled.error)")
            let blast = try await host.call("blast-drill", "watched")
            #expect(blast.status == 0, "\(blast.error)")
            let before = try await host.server.fingerprint("watched")
            let replaced = try await host.call("restore", "watched", "--replace", "--yes")
            #expect(replaced.status == 0, "\(replaced.error)")
            #expect(try await host.server.fingerprint("watched") == before)
            #expect(try await host.server.psql("postgres", Self.supers).contains("demoted|f"))

            // A whole server, two databases with such a trigger at once.
            try await host.server.create(
                "second", Self.statements.replacing(/create role .*;/, with: "alter role demoted superuser;"))
            try host.write("\"watched\": {\(VerbTests.often)}, \"second\": {\(VerbTests.often)}")
            #expect(try await host.call("backup", "second").status == 0)
            let said = try await host.call(
                "restore-server", "scratch", "--from", "latest", "--connection", new.connection, "--jobs", "4")
            #expect(said.status == 0, "\(said.error)")
            for database in ["watched", "second"] {
                let (old, found) = (try await host.server.fingerprint(database), try await new.fingerprint(database))
                #expect(old == found)
            }
            let (had, has) = (
                try await host.server.psql("postgres", Self.supers), try await new.psql("postgres", Self.supers)
            )
            #expect(had == has)
        }
    }

    /// A dump of pg_dump alone says who owns what, and not who is a superuser.
    @Test func `of an adopted dump it comes back too`() async throws {
        try await withOwnServer { host in
            try await host.server.create("watched", Self.statements)
            try host.write("\"watched\": {\(VerbTests.often)}")
            let file = "\(host.folder)/backup_watched_20260101_020000.dump"
            let dumped = try await run(
                "\(host.server.bin)/pg_dump", ["-Fc", "-f", file, "-d", "\(host.server.connection) dbname=watched"])
            try #require(dumped.status == 0, "\(dumped.error)")
            #expect(try await host.call("adopt", "watched", file).status == 0)
            let drilled = try await host.call("drill", "watched")
            #expect(drilled.status == 0, "\(drilled.error)")
            let restored = try await host.call("restore", "watched", "--into", "again")
            #expect(restored.status == 0, "\(restored.error)")
        }
    }

    @Test func `the runbook's commands make it as well, and leave it to who restores`() async throws {
        try await withDump { host, new in
            var there = host
            there.servers = "\"scratch\": {\"connection\": \"\(new.connection)\"}"
            try there.write("\"watched\": {\(VerbTests.often)}")
            let runbook = try await there.call("runbook").output
            let stock = try FollowedRunbook(runbook).blocks(after: "### `watched`").filter { $0.contains("createdb") }
            try #require(stock.count == 1, "\(runbook)")
            let temporary = "\(host.folder)/tmp"
            try FileManager.default.createDirectory(atPath: temporary, withIntermediateDirectories: true)
            let followed = try await FollowedRunbook.bash(there, stock[0], environment: ["TMPDIR": temporary])
            #expect(followed.status == 0, "\(followed.error)\n\(stock[0])")
            let question = "select evtname, evtowner::regrole, evtenabled from pg_event_trigger order by 1"
            let had = try await host.server.psql("watched", question)
            #expect(try await new.psql("watched", question) == had.replacing("|demoted|", with: "|postgres|"))
            #expect(
                try await new.psql(
                    "watched", "select obj_description(oid) from pg_event_trigger where evtname = 'watch it'") == "why")
            #expect(try FileManager.default.contentsOfDirectory(atPath: temporary).isEmpty)
        }
    }
}
