import BackupCore
import Foundation
import TestSupport
import Testing

/// A runbook's commands, followed word for word on an empty server.
@Suite struct RunbookVerbTests {
    private static let databases = ["odd 'name\" $HOME `x`", "archon_db", "postgres"]
    private static let roles =
        "select rolname, rolcanlogin, rolsuper, rolpassword from pg_authid where rolname !~ '^pg_' order by 1; select roleid::regrole::text, member::regrole::text from pg_auth_members where roleid > 16000 order by 1, 2"

    private func fill(_ server: ScratchServer) async throws {
        try await server.psql(
            "postgres",
            """
            create role "Own 'er" login password 'one'; create role readers; create role member login in role readers;
            create database archon_db owner "Own 'er" encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0;
            create table kept (n int); insert into kept values (1);
            """)
        let odd = Self.databases[0]
        try await server.create(
            odd,
            "create schema \"A b\"; create table \"A b\".\"t'\" (id serial primary key, t text); insert into \"A b\".\"t'\" (t) select g::text from generate_series(1, 500) g; grant select on \"A b\".\"t'\" to readers; select lo_from_bytea(0, 'abc')"
        )
        let name = "\"" + odd.replacing("\"", with: "\"\"") + "\""
        try await server.psql(
            "postgres",
            """
            alter database \(name) owner to "Own 'er"; alter database \(name) connection limit 5;
            alter database \(name) set search_path = 'A b', public; alter database \(name) set app.text = 'it''s $HOME';
            alter role member in database \(name) set work_mem = '7MB';
            revoke connect on database \(name) from public; grant connect on database \(name) to readers with grant option;
            comment on database \(name) is 'one ''line'' \\ of `two`\nand the other $HOME';
            """)
        try await server.psql(
            "archon_db",
            "set role \"Own 'er\"; create table t as select g, md5(g::text) from generate_series(1, 2000) g; create index on t (g); grant select on t to readers"
        )
    }

    private func write(_ host: TestHost) throws {
        let odd = try #require(
            String(data: try JSONEncoder().encode(Self.databases[0]), encoding: .utf8)?.replacing("\\/", with: "/"))
        try host.write(
            """
            "odd": {"database": \(odd), \(VerbTests.often), "criticality": "high", "format": "directory"},
            "archon_db": {\(VerbTests.often), "criticality": "critical", "format": "custom"},
            "postgres": {\(VerbTests.often), "criticality": "critical"}
            """, top: #""contacts": [{"name": "Ana", "phone": "+359 2 000 000"}],"#)
    }

    /// A host whose databases are dumped, and whose schedule then speaks of a new, empty server.
    private func withLostServer(
        _ body: (_ host: TestHost, _ old: ScratchServer, _ new: ScratchServer) async throws -> Void
    )
        async throws
    {
        try await withOwnServer { host in
            let new = try await ScratchServer.begin()
            defer { new.end() }
            try await fill(host.server)
            try write(host)
            let said = try await host.call("backup", "--all")
            try #require(said.status == 0, "\(said.error)")
            var moved = host
            moved.servers = "\"scratch\": {\"connection\": \"\(new.connection)\", \"concurrency\": 2}"
            try write(moved)
            try await body(moved, host.server, new)
        }
    }

    @Test func `stock tools alone bring each database back, as the runbook says`() async throws {
        try await withLostServer { host, old, new in
            let said = try await host.call("runbook")
            try #require(said.status == 0, "\(said.error)")
            for (database, heading) in [
                (Self.databases[0], "### `` \(Self.databases[0]) ``"), ("archon_db", "### `archon_db`"),
                ("postgres", "### `postgres`"),
            ] {
                let stock = try FollowedRunbook(said.output).blocks(after: heading).filter { $0.contains("createdb") }
                try #require(stock.count == 1, "\(said.output)")
                let followed = try await FollowedRunbook.bash(host, stock[0])
                try #require(followed.status == 0, "\(followed.error)\n\(stock[0])")
                let (before, after) = (try await old.fingerprint(database), try await new.fingerprint(database))
                #expect(before == after)
            }
            let (had, has) = (
                try await old.psql("postgres", Self.roles), try await new.psql("postgres", Self.roles)
            )
            #expect(had == has)
            // A dump that is no longer what it was ends before anything is made, the roles too.
            try await new.drop("archon_db")
            try await new.psql("postgres", "drop role member")
            let archive = try #require(
                try host.files().first { $0.contains("backup_archon_db") && $0.hasSuffix(".dump") })
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: "\(host.storage)/\(archive)"))
            try file.seek(toOffset: 200)
            try file.write(contentsOf: Data([0x55, 0xaa, 0x55]))
            try file.close()
            let stock = try FollowedRunbook(said.output).blocks(after: "### `archon_db`").filter {
                $0.contains("createdb")
            }
            let refused = try await FollowedRunbook.bash(host, stock[0])
            #expect(refused.status == 1, "\(refused.error)")
            #expect(
                refused.error
                    == "\((archive as NSString).lastPathComponent) is not what was proven: its SHA-256 is another\n")
            let made =
                "select (select count(*) from pg_database where datname = 'archon_db') + (select count(*) from pg_roles where rolname = 'member')"
            #expect(try await new.psql("postgres", made) == "0")
        }
    }

    @Test func `what a restore has replaced is put back, as the runbook says`() async throws {
        try await withLostServer { host, old, new in
            #expect(try await host.call("restore", "archon_db").status == 0)
            try await new.psql("archon_db", "create table spoilt (id int)")
            let spoilt = try await new.fingerprint("archon_db")
            let replaced = try await host.call("restore", "archon_db", "--replace", "--yes")
            #expect(replaced.status == 0, "\(replaced.error)")
            let restored = try await new.fingerprint("archon_db")
            #expect(try await restored == old.fingerprint("archon_db"))
            let said = try await host.call("runbook")
            let block = try #require(try FollowedRunbook(said.output).blocks(after: "### On server `scratch`").first)
            // The first psql says which name that is; a person writes it into the line.
            let asked = try await FollowedRunbook.bash(host, block)
            #expect(asked.status == 3, "\(asked.error)")
            let kept = try #require(asked.lines.first)
            let followed = try await FollowedRunbook.bash(
                host, block.replacing("BEFORE=archon_db_before_TIME", with: "BEFORE=\(kept)"))
            #expect(followed.status == 0, "\(followed.error)\n\(block)")
            #expect(try await new.fingerprint("archon_db") == spoilt)
            let undone = try #require(followed.lines.last { $0.hasPrefix("what was restored is called ") })
            let name = try #require(undone.split(separator: " ").dropLast().last.map(String.init))
            #expect(name.hasPrefix("archon_db_undone_") && RestoreNames.isOurs(name), "\(undone)")
            #expect(try await new.fingerprint(name) == restored)

            // A second time, and with a name that has no room for another word.
            try await Task.sleep(for: .milliseconds(1100))
            let long = String(repeating: "é", count: 31) + "x"
            for database in ["before_1", "before_2", long] { try await new.create(database, "") }
            for (name, before) in [("archon_db", "before_1"), (long, "before_2")] {
                let again = try await FollowedRunbook.bash(
                    host,
                    block.replacing(
                        "NAME=archon_db BEFORE=archon_db_before_TIME", with: "NAME=\(name) BEFORE=\(before)"))
                #expect(again.status == 0, "\(again.error)")
            }
            let left = try await new.psql(
                "postgres",
                "select string_agg(datname, ',' order by datname collate \"C\") from pg_database where datname ~ '_undone_.*Z$'"
            )
            let names = left.split(separator: ",")
            #expect(names.count == 3 && names.allSatisfy { RestoreNames.isOurs(String($0)) }, "\(left)")
        }
    }

    @Test func `this program brings the whole server back, as the runbook says`() async throws {
        try await withLostServer { host, old, new in
            let said = try await host.call("runbook", "--config", host.config)
            try #require(said.status == 0, "\(said.error)")
            let whole = try FollowedRunbook(said.output).blocks(after: "### Server `scratch`")
            try #require(whole.count == 1 && whole[0].contains("--config"), "\(said.output)")
            let followed = try await FollowedRunbook.bash(host, whole[0])
            #expect(followed.status == 0, "\(followed.output)\n\(followed.error)\n\(whole[0])")
            for database in Self.databases {
                let (before, after) = (try await old.fingerprint(database), try await new.fingerprint(database))
                #expect(before == after, "\(database)")
            }
            let (had, has) = (
                try await old.psql("postgres", Self.roles), try await new.psql("postgres", Self.roles)
            )
            #expect(had == has)
        }
    }

    @Test func `a path that is relative is told as it is from everywhere`() async throws {
        try await withHost { host in
            try FileManager.default.createDirectory(atPath: host.storage, withIntermediateDirectories: true)
            try host.write("\"empty\": {\(VerbTests.often)}")
            for path in ["schedule.json", "./schedule.json"] {
                let said = try await run(
                    "/bin/bash",
                    [
                        "-c",
                        "cd \(ShellCommand.word(host.folder)) && \(ShellCommand.word(TestHost.binary)) runbook --config \(path)",
                    ])
                #expect(said.status == 0 && said.output.contains(" --config \(host.config)`"), "\(said.output)")
            }
        }
    }

    @Test func `dumps whose disk is not mounted are not told as none`() async throws {
        try await withHost { host in
            try await host.server.create("unmounted", "create table t (id int)")
            try host.write(#""unmounted": {\#(VerbTests.often), "expect": {"tables": {"public.t": 1}}}"#)
            func lost(_ message: String) async throws {
                let runbook = try await host.call("runbook")
                #expect(runbook.status == 69 && runbook.output.isEmpty && runbook.error.contains(message), "\(runbook)")
                // The live database is looked at, and says no less than with the disk.
                let audit = try await host.call("audit")
                #expect(audit.status == 69 && audit.error.contains(message), "\(audit)")
                #expect(audit.output.contains("live") && audit.output.contains("ok"), "\(audit)")
                #expect(!audit.output.contains("no dump yet"), "\(audit)")
                try await host.server.psql("unmounted", "alter table t rename to u")
                let drifted = try await host.call("audit")
                #expect(
                    drifted.status == 1 && drifted.error.contains("not as expected: unmounted (live)"), "\(drifted)")
                #expect(drifted.error.contains(message), "\(drifted)")
                try await host.server.psql("unmounted", "alter table u rename to t")
            }
            for isNew in [true, false] {
                try await lost("is not there")
                guard isNew else { break }
                #expect(try await host.call("backup", "unmounted").status == 0)
                for verb in ["runbook", "audit"] { #expect(try await host.call(verb).status == 0) }
                try FileManager.default.moveItem(atPath: host.storage, toPath: "\(host.folder)/disk")
            }
            // The place where it was mounted is there, and empty.
            try FileManager.default.createDirectory(atPath: host.storage, withIntermediateDirectories: true)
            try await lost("the catalog has 1 dump of unmounted")
            try await host.server.drop("unmounted")
        }
    }

    @Test func `what a drill has measured is told though the catalog is lost`() async throws {
        try await withHost { host in
            try await host.server.create("measured", "create table t (id int); insert into t values (1)")
            try host.write("\"measured\": {\(VerbTests.often)}")
            #expect(try await host.call("backup", "measured").status == 0)
            let drilled = try await host.call("drill", "measured")
            #expect(drilled.status == 0, "\(drilled.error)")
            func row() async throws -> String {
                try await host.call("runbook").lines.first { $0.hasPrefix("| `measured` |") } ?? ""
            }
            let before = try await row()
            try FileManager.default.removeItem(atPath: "\(host.folder)/state")
            let cells = try await row().components(separatedBy: " | ")
            #expect(cells.count == 8 && cells[5].hasPrefix(before.components(separatedBy: " | ")[5]), "\(cells)")
            #expect(!cells[4].hasPrefix("-") && !cells[5].hasPrefix("-"), "\(cells)")
            #expect(try await host.call("runbook").output.contains("1 row in 1 table,"))
            try await host.server.drop("measured")
        }
    }

    @Test func `a job without a dump, a job that is not there, and the page`() async throws {
        try await withHost { host in
            try host.write("\"empty\": {\(VerbTests.often)}")
            try FileManager.default.createDirectory(atPath: host.storage, withIntermediateDirectories: true)
            let said = try await host.call("runbook")
            #expect(said.status == 0 && said.output.contains("There is no good dump of it"), "\(said.error)")
            #expect(said.output.contains("Nobody is named") && !said.output.contains("createdb"))
            let page = try await host.call("runbook", "--format", "html", "empty")
            #expect(page.status == 0 && page.output.hasPrefix("<!DOCTYPE html>") && page.output.hasSuffix("</html>\n"))
            let unknown = try await host.call("runbook", "nobody")
            #expect(unknown.status == 64 && unknown.error.contains("there is no job \"nobody\""), "\(unknown.error)")
            #expect(try await host.call("runbook", "--format", "pdf").status == 64)
        }
    }
}
