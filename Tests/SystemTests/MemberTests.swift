import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

/// Directory archives whose members we compress: what stands in them, and that stock tools read them.
@Suite struct MemberTests {
    private static let often = #""calendar": "*-*-* 02:00:00""#
    /// Several pieces of 1 MiB; tables of no row, of no column, with rows like marks; large objects of no byte and of many.
    private static let tables = """
        create table wide as select g id, repeat(md5(g::text), 8) v from generate_series(1, 20000) g;
        create table empty (id int); create table none (); insert into none default values;
        create table "odd ""name" (v text); insert into "odd ""name" values (E'\\\\.'), ('0'), (E'COPY x FROM stdin;');
        select lo_create(7001); select lo_from_bytea(7002, decode(repeat('00ff5c0a', 400000), 'hex'));
        """

    private func members(_ folder: String) throws -> [String: Data] {
        try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0 != "toc.dat" }.reduce(into: [:]) {
            $0[$1] = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($1)"))
        }
    }

    @Test(arguments: ["gzip:1", "gzip:6"])
    func `members come out equal each time, matched with the source, and pg_restore reads them`(compression: String)
        async throws
    {
        try await withHost { host in
            let name = "members \(compression)"
            try await host.server.create(name, Self.tables)
            try host.write(
                "\"m\": {\"database\": \"\(name)\", \(Self.often), \"format\": \"directory\", \"jobs\": 2, \"proof\": \"source-content\", \"compression\": \"\(compression)\"}"
            )
            let first = try await DumpStage(host, "m")
            #expect(try first.manifest().compression == compression && first.manifest().format == .directory)
            let before = try members(first.archive)
            #expect(before.keys.allSatisfy { $0.hasSuffix(".dat.gz") || $0.hasSuffix(".toc") }, "\(before.keys)")
            #expect(try await host.call("verify", "m").status == 0)
            try FileManager.default.removeItem(atPath: "\(host.folder)/pristine-m")
            let again = try await DumpStage(host, "m")
            #expect(try members(again.archive) == before)
            #expect(try again.manifest().fingerprints == first.manifest().fingerprints)
            let fingerprint = try await host.server.fingerprint(name)
            try await host.server.psql("postgres", "create database \"\(name) again\"")
            let said = try await run(
                "\(host.server.bin)/pg_restore",
                ["-j2", "--exit-on-error", "-d", "\(host.server.connection) dbname='\(name) again'", again.archive])
            #expect(said.status == 0, "\(said.error)")
            #expect(try await host.server.fingerprint("\(name) again") == fingerprint)
            for database in [name, "\(name) again"] { try await host.server.drop(database) }
        }
    }

    @Test func `an archive that pg_dump alone has made, plain or compressed, is read as well`() async throws {
        try await withHost { host in
            let name = "foreign members"
            try await host.server.create(name, Self.tables)
            let tools = try await Tools.newest()
            for (index, options) in [["-Z6"], ["-Z0"]].enumerated() {
                let path = "\(host.folder)/foreign\(index)"
                let said = try await run(
                    "\(host.server.bin)/pg_dump",
                    ["-Fd", "-f", path, "-d", "\(host.server.connection) dbname='\(name)'"] + options)
                #expect(said.status == 0, "\(said.error)")
                let reading = try await ArchiveReading.take(path, tools: tools, timeoutSeconds: 300)
                #expect(reading.facts.largeObjects == 2 && reading.database == name)
                #expect(
                    reading.facts.rows == [
                        "public.wide": 20000, "public.empty": 0, "public.\"none\"": 1, "public.\"odd \"\"name\"": 3,
                    ])
            }
            try await host.server.drop(name)
        }
    }

    @Test(arguments: [SIGINT, SIGKILL])
    func `ended while members are compressed, it leaves nothing, or what the next run removes`(signal: Int32)
        async throws
    {
        try await withHost { host in
            let name = "cut off \(signal)"
            try await host.server.create(
                name,
                "create table t as select g, md5(g::text) || md5((g + 1)::text) v from generate_series(1, 1500000) g")
            try host.write("\"cut\": {\"database\": \"\(name)\", \(Self.often), \"format\": \"directory\"}")
            let running = try await host.start("backup", "cut")
            defer { running.signal(SIGKILL) }
            try await until("a member is being compressed: \(running.said)") {
                let found = try await run("find", [host.storage, "-name", "*.dat.gz.partial"])
                return !found.lines.isEmpty || running.hasEnded
            }
            running.signal(signal)
            #expect(try await running.end() == 128 + signal, "\(running.said)")
            if signal == SIGKILL { #expect(try await host.call("backup", "cut").status == 0) }
            #expect(try host.files().count { $0.hasSuffix(".json") } == (signal == SIGKILL ? 1 : 0))
            let left = try await run("find", [host.storage, "-name", "*partial*"])
            #expect(left.lines.isEmpty, "\(left.lines)")
            try await until("its backends have gone") {
                try await host.server.psql(
                    "postgres",
                    "select count(*) from pg_stat_activity where datname = '\(name)' and application_name like 'archon%'"
                )
                    == "0"
            }
            try await host.server.drop(name)
        }
    }

    @Test func `a large database becomes a folder by itself at its second dump`() async throws {
        try await withHost { host in
            let name = "grown"
            try await host.server.create(
                name, "create table t as select g, repeat(g::text, 2000) v from generate_series(1, 30000) g")
            try host.write("\"grown\": {\(Self.often)}")
            #expect(try await host.call("backup", "grown").status == 0)
            #expect(try await host.call("show", "grown").output.contains("custom"))
            try await Task.sleep(for: .milliseconds(1100))
            #expect(try await host.call("backup", "grown").status == 0)
            #expect(try await host.call("show", "grown").output.contains("directory"))
            #expect(try await host.call("verify", "grown").status == 0)
            try await host.server.drop(name)
        }
    }
}
