import BackupCore
import Foundation
import TestSupport
import Testing

/// A server that only its container reaches: all that can be done for a direct one is done for it.
@Suite(.withEngine) struct ContainerBackupTests {
    private static let often = #""calendar": "*-*-* 02:00:00""#

    private static let sql = """
        create extension pg_trgm; create schema "Odd schema"; create role reader;
        create table "Odd schema"."Tab ""le" (id int primary key, v text);
        insert into "Odd schema"."Tab ""le" select g, case when g % 5 = 0 then null else E'line\\n\\\\.\\ttab é ' || g end from generate_series(1, 2000) g;
        create table t as select g as id, md5(g::text) v from generate_series(1, 3000) g; grant select on t to reader;
        create index on t using gin (v gin_trgm_ops); create view w as select count(*) from t;
        create sequence s; select nextval('s'); select lo_from_bytea(0, 'large object')
        """

    private static let question = """
        select (select md5(string_agg(x::text, chr(10) order by id)) from t x) || ' '
          || (select md5(string_agg(x::text, chr(10) order by id)) from "Odd schema"."Tab ""le" x) || ' '
          || (select last_value from s) || ' ' || (select count(*) from pg_largeobject_metadata) || ' '
          || (select count(*) from pg_indexes where indexdef like '%gin_trgm_ops%')
        """

    private func manifest(_ host: TestHost, _ job: String) throws -> Manifest {
        let name = try #require(try host.files().last { $0.hasPrefix("\(job)/") && $0.hasSuffix(".json") })
        let file = "\(host.storage)/\(name)"
        return try ManifestCodec.decode(try Data(contentsOf: URL(fileURLWithPath: file)), file: file)
    }

    @Test(arguments: TestEngine.Image.allCases)
    func `backed up, verified, dropped and restored`(image: TestEngine.Image) async throws {
        try await withContainerHost("whole", image) { host, container in
            try await container.create("app", Self.sql)
            let jobs = ["custom", "directory"].flatMap { format in
                ["read", "source", "source-content"].map { proof in
                    "\"\(format)-\(proof)\": {\"database\": \"app\", \"format\": \"\(format)\", \"proof\": \"\(proof)\", \"jobs\": \(format == "directory" ? 2 : 1), \(Self.often)}"
                }
            }
            try host.write(jobs.joined(separator: ", "))
            let checked = try await host.call("check", "--connect")
            #expect(checked.status == 0, "\(checked.output) \(checked.error)")
            let backup = try await host.call("backup", "--all")
            #expect(backup.status == 0, "\(backup.error)")
            for job in ["custom-read", "custom-source", "directory-source-content"] {
                let manifest = try manifest(host, job)
                #expect(manifest.transfer == .copied, "\(job)")
                #expect(manifest.globals != nil)
            }
            #expect(try manifest(host, "custom-source-content").matched == .content)
            #expect(try manifest(host, "directory-source").matched == .rows)
            #expect(try await host.call("verify", "--all").status == 0)
            let status = try await host.call("status", "--check")
            #expect(status.status == 0, "\(status.output) \(status.error)")
            try await container.untilClean("after six dumps")
            let before = try await container.sql("app", Self.question)
            try await container.sql("postgres", "drop database app")
            for job in ["custom-source", "directory-source-content"] {
                let restored = try await host.call("restore", job)
                #expect(restored.status == 0, "\(job): \(restored.error)")
                #expect(try await container.sql("app", Self.question) == before, "\(job)")
                #expect(try await container.sql("app", "select has_table_privilege('reader', 't', 'select')") == "t")
                try await container.sql("postgres", "drop database app")
            }
            try await container.untilClean("after two restores")
        }
    }

    @Test func `stock tools on a host without this program restore the dump`() async throws {
        try await withContainerHost("stock") { host, container in
            try await container.create("app", Self.sql)
            try host.write("\"app\": {\(Self.often)}")
            #expect(try await host.call("backup", "app").status == 0)
            let archive = try #require(try host.files().first { $0.hasSuffix(".dump") })
            let name = "stock\(UInt32.random(in: 0 ... .max))"
            try await host.server.create(name)
            let said = try await run(
                "\(host.server.bin)/pg_restore",
                [
                    "--no-owner", "--no-acl", "--exit-on-error", "-j2", "-d",
                    "\(host.server.connection) dbname=\(name)", "\(host.storage)/\(archive)",
                ])
            #expect(said.status == 0, "\(said.error)")
            #expect(try await host.server.psql(name, Self.question) == container.sql("app", Self.question))
            try await host.server.drop(name)
        }
    }

    @Test func `single tables come back beside what is there, and a restore replaces what is there`() async throws {
        try await withContainerHost("tables") { host, container in
            try await container.create("app", Self.sql)
            try host.write("\"app\": {\(Self.often)}")
            #expect(try await host.call("backup", "app").status == 0)
            let before = try await container.sql("app", Self.question)
            try await container.sql(
                "app", "update t set v = 'spoiled' where id > 10; drop table \"Odd schema\".\"Tab \"\"le\"")
            let table = try await host.call(
                "restore", "app", "--table", "t", "--table", "\"Odd schema\".\"Tab \"\"le\"", "--schema", "back")
            #expect(table.status == 0, "\(table.error)")
            #expect(try await container.sql("app", "select count(*), count(distinct v) from back.t") == "3000|3000")
            #expect(try await container.sql("app", "select count(*) from back.\"Tab \"\"le\"") == "2000")
            try await container.untilClean("after a restore of tables")
            let replaced = try await host.call("restore", "app", "--replace", "--yes")
            #expect(replaced.status == 0, "\(replaced.error)")
            #expect(try await container.sql("app", Self.question) == before)
            try await container.untilClean("after a restore")
        }
    }

    @Test func `a whole server comes back in another container`() async throws {
        try await withContainerHost("old") { host, container in
            try await withContainer("spare") { spare in
                try await container.create("app", Self.sql)
                try await container.create("Größe", "create table t as select g from generate_series(1, 50) g")
                try await container.sql(
                    "postgres",
                    "create role \"Own er\" login password 'one'; alter database \"Größe\" owner to \"Own er\"; alter database app set work_mem = '7MB'"
                )
                var host = host
                let found = "\"discover\": {\"as\": {\(Self.often)}}"
                host.servers =
                    "\"box\": {\(container.server.dropFirst().dropLast()), \(found)}, \"spare\": \(spare.server)"
                try host.write("")
                let backup = try await host.call("backup", "--all", "--server", "box")
                #expect(backup.status == 0, "\(backup.output) \(backup.error)")
                let refused = try await host.call("restore-server", "box", "--from", "latest")
                #expect(refused.status != 0 && refused.error.contains("app"), "\(refused.error)")
                let restored = try await host.call("restore-server", "box", "--from", "latest", "--onto", "spare")
                #expect(restored.status == 0, "\(restored.output) \(restored.error)")
                for (database, question) in [
                    ("app", Self.question), ("Größe", "select sum(g) from t"),
                    (
                        "postgres",
                        "select rolname, rolpassword from pg_authid where rolname in ('Own er', 'reader') order by 1"
                    ),
                    (
                        "postgres",
                        "select datname, datdba::regrole, setconfig from pg_database left join pg_db_role_setting on setdatabase = oid order by 1"
                    ),
                ] {
                    let (old, new) = (
                        try await container.sql(database, question), try await spare.sql(database, question)
                    )
                    #expect(!old.isEmpty && new == old, "\(database): \(question)")
                }
                try await spare.untilClean("after a restore of the server")
            }
        }
    }

    @Test func `a database, a container and an engine that are not there are named`() async throws {
        try await withContainerHost("absent") { host, container in
            try host.write("\"nowhere\": {\(Self.often)}")
            let database = try await host.call("backup", "nowhere")
            #expect(
                database.status == 69 && database.error.contains("the database nowhere does not exist"),
                "\(database.error)")
            try await container.stop()
            let stopped = try await host.call("backup", "nowhere")
            #expect(
                stopped.status == 69 && stopped.error.contains("the container \(container.name) does not run (exited)"),
                "\(stopped.error)")
            var other = host
            other.servers = "\"box\": \(container.server.replacing(container.name, with: "no-such-box"))"
            try other.write("\"nowhere\": {\(Self.often)}")
            let absent = try await other.call("backup", "nowhere")
            #expect(
                absent.status == 69 && absent.error.contains("there is no container no-such-box"), "\(absent.error)")
            other.environment["DOCKER_HOST"] = "unix://\(host.folder)/no.sock"
            let down = try await other.call("backup", "nowhere")
            #expect(down.status == 69 && down.error.contains("Cannot connect to the Docker daemon"), "\(down.error)")
            #expect(try await other.call("check", "--connect").status != 0)
            #expect(try host.files().isEmpty)
        }
    }
}
