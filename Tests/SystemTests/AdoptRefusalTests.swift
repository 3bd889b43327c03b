import Foundation
import TestSupport
import Testing

/// What `adopt` leaves where it is, for retention would remove a good dump for it.
@Suite struct AdoptRefusalTests {
    private struct Answer: Decodable {
        var file: String
        var outcome: String
        var reason: String?
    }

    /// A database of three tables and a folder for what the older script has made of it.
    private func withOldScript(
        _ database: String, minimumFree: String = "0B", _ body: (TestHost, _ folder: String) async throws -> Void
    ) async throws {
        try await withHost { host in
            try await host.server.create(
                database,
                "create table a (id int primary key); insert into a select generate_series(1, 300); create table b (n int); create table c (n int)"
            )
            let folder = "\(host.folder)/old"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try host.write(
                "\"\(database)\": {\(VerbTests.often), \"retention\": {\"keepLast\": 3}}", minimumFree: minimumFree)
            try await body(host, folder)
            try await host.server.drop(database)
        }
    }

    private func dump(_ host: TestHost, _ database: String, _ arguments: [String] = [], to path: String) async throws {
        let said = try await run(
            "\(host.server.bin)/pg_dump",
            ["-Fc", "-f", path, "-d", "host=\(host.server.folder)/pg user=postgres dbname=\(database)"] + arguments)
        try #require(said.status == 0, "\(said.error)")
    }

    private func answers(_ said: Said) throws -> [Answer] {
        try JSONDecoder().decode([Answer].self, from: Data(said.output.utf8))
    }

    @Test func `parts of a database push no whole dump out`() async throws {
        try await withOldScript("part_a") { host, folder in
            func name(_ day: Int) -> String { "\(folder)/backup_part_a_202511\(day)_020000.dump" }
            for day in 21...23 { try await dump(host, "part_a", to: name(day)) }
            try await dump(host, "part_a", ["--data-only"], to: name(24))
            try await dump(host, "part_a", ["--schema-only"], to: name(25))
            try await dump(host, "part_a", ["--table=a"], to: name(26))
            try await dump(host, "part_a", ["--section=pre-data", "--section=data"], to: name(27))

            // A dry run says what the other one does.
            for options in [["--dry-run"], []] {
                let said = try await host.call(["adopt", "part_a", folder, "--json"] + options)
                let taken = try answers(said)
                #expect(said.status == 65, "\(said.error)")
                #expect(
                    taken.map { $0.outcome == "left" } == [false, false, false, true, true, true, true], "\(taken)")
                try #require(taken.count == 7)
                #expect(taken[3].reason?.contains("the rows of 3 tables and not the tables") == true, "\(taken[3])")
                #expect(taken[4].reason?.contains("3 tables and no rows") == true, "\(taken[4])")
                #expect(taken[5].reason?.contains("it has 1 table where") == true, "\(taken[5])")
                #expect(taken[6].reason?.contains("it has 0 indexes and constraints where") == true, "\(taken[6])")
            }
            #expect(try await host.call("prune", "part_a").status == 0)
            let whole = (21...23).map { "part_a/backup_part_a_202511\($0)T020000Z.dump" }
            #expect(try host.files().filter { $0.hasSuffix(".dump") } == whole)

            // A person may know that the other tables were dropped; rows without tables are no backup whoever says so.
            let insisted = try await host.call("adopt", "part_a", name(26), name(24), "--allow-partial", "--json")
            #expect(insisted.status == 65, "\(insisted.error)")
            #expect(try answers(insisted).map(\.outcome) == ["adopted", "left"])
        }
    }

    @Test func `a tar archive is left, for no restore in parallel reads it`() async throws {
        try await withOldScript("part_h") { host, folder in
            let names = [21, 22].map { "\(folder)/backup_part_h_202511\($0)_020000.dump" }
            try await dump(host, "part_h", to: names[0])
            // Of two formats the last one counts.
            try await dump(host, "part_h", ["-Ft"], to: names[1])
            for options in [["--dry-run"], []] {
                let said = try await host.call(["adopt", "part_h", folder, "--json"] + options)
                #expect(said.status == 64 && said.error.contains("without -j"), "\(said.error)")
                let taken = try answers(said)
                #expect(taken.map { $0.outcome == "left" } == [false, true], "\(taken)")
                #expect(taken.last?.reason?.contains("is a tar archive of pg_dump") == true, "\(taken)")
            }
            #expect(FileManager.default.fileExists(atPath: names[1]))
            #expect(try host.files().filter { $0.hasSuffix(".dump") } == ["part_h/backup_part_h_20251121T020000Z.dump"])
        }
    }

    @Test func `the rows of an extension's own tables need no tables`() async throws {
        try await withOldScript("part_b") { host, folder in
            // As an extension with settings of its own has it: rows that a dump holds without their table.
            _ = try await host.server.psql(
                "part_b",
                "create extension pg_trgm; alter extension pg_trgm add table b; update pg_extension set extconfig = array['b'::regclass::oid], extcondition = array[''] where extname = 'pg_trgm'"
            )
            let file = "\(folder)/backup_part_b_20251121_020000.dump"
            try await dump(host, "part_b", to: file)
            let said = try await host.call("adopt", "part_b", file)
            #expect(said.status == 0 && said.lines == ["backup_part_b_20251121T020000Z"], "\(said.error)")
        }
    }

    @Test func `a dump from the future is left, for it would stay the newest`() async throws {
        try await withOldScript("part_c") { host, folder in
            let names = ["backup_part_c_20251121_020000.dump", "backup_part_c_20970301_020000.dump"]
            for name in names { try await dump(host, "part_c", to: "\(folder)/\(name)") }
            let said = try await host.call("adopt", "part_c", folder, "--json")
            #expect(said.status == 64 && said.error.contains("--time-zone"), "\(said.error)")
            let taken = try answers(said)
            #expect(taken.map(\.outcome) == ["adopted", "left"])
            #expect(taken.last?.reason?.contains("lies in the future: 2097-03-01T02:00:00Z") == true, "\(taken)")
            #expect(try host.files().filter { $0.hasSuffix(".dump") } == ["part_c/backup_part_c_20251121T020000Z.dump"])
        }
    }

    @Test func `damage is told before a mistake of the command line`() async throws {
        try await withOldScript("part_d") { host, folder in
            let whole = "\(folder)/backup_part_d_20251121_020000.dump"
            try await dump(host, "part_d", to: whole)
            let bytes = try Data(contentsOf: URL(fileURLWithPath: whole))
            try bytes.prefix(bytes.count / 2).write(
                to: URL(fileURLWithPath: "\(folder)/backup_part_d_20251122_020000.dump"))
            try await dump(host, "part_d", to: "\(folder)/backup_part_d_20970301_020000.dump")
            for files in [[folder], ["\(host.folder)/nothing", folder]] {
                let said = try await host.call(["adopt", "part_d"] + files)
                #expect(said.status == 65, "\(said.error)")
            }
        }
    }

    @Test func `what cannot be taken is named, and one of another database is not`() async throws {
        try await withOldScript("part_g") { host, folder in
            // As a script keeps them that makes a folder for each database.
            let own = "\(folder)/part_g"
            try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: true)
            let good = "\(own)/backup_part_g_20251121_020000.dump"
            try await dump(host, "part_g", to: good)
            let month = "\(own)/backup_part_g_20251321_020000.dump"
            try FileManager.default.copyItem(atPath: good, toPath: month)
            let packed = "\(own)/backup_part_g_20251122_020000.dump"
            try FileManager.default.copyItem(atPath: good, toPath: packed)
            let zipped = try await run("gzip", [packed])
            try #require(zipped.status == 0, "\(zipped.error)")
            // Not every host has the other programs: what their files begin with (their formats' descriptions).
            for (day, ending, magic) in [(23, "bz2", "BZh91AY&SY"), (24, "xz", "\u{fd}7zXZ")] {
                let file = "\(own)/backup_part_g_202511\(day)_020000.dump.\(ending)"
                try Data(magic.unicodeScalars.map { UInt8($0.value) } + [0]).write(to: URL(fileURLWithPath: file))
            }
            for other in ["backup_part_g_old_20251122_020000.dump.gz", "backup_part_g_20251122_020000.log", "x.dump"] {
                try FileManager.default.copyItem(atPath: good, toPath: "\(own)/\(other)")
            }
            let said = try await host.call("adopt", "part_g", folder, "--json")
            #expect(said.status == 64, "\(said.error)")
            let taken = try answers(said)
            #expect(taken.map(\.outcome) == ["adopted", "left", "left", "left", "left"], "\(taken)")
            try #require(taken.count == 5)
            #expect(taken[0].file == good)
            for (index, program) in ["gzip", "bzip2", "xz"].enumerated() {
                #expect(taken[index + 1].reason?.contains("was compressed by \(program)") == true, "\(taken)")
            }
            #expect(taken[4].reason?.contains("named for a time that never was") == true, "\(taken[4])")
            #expect(said.error.contains("gunzip --keep \(packed).gz"), "\(said.error)")
            #expect(try host.files().filter { $0.hasSuffix(".dump") } == ["part_g/backup_part_g_20251121T020000Z.dump"])
        }
    }

    @Test func `what is no file is told as what it is, and no path twice`() async throws {
        try await withOldScript("part_f") { host, folder in
            let pipe = "\(folder)/backup_part_f_20251121_020000.dump"
            try #require(mkfifo(pipe, 0o600) == 0)
            let said = try await host.call("adopt", "part_f", folder)
            #expect(said.status == 64, "\(said.error)")
            #expect(said.error.contains("\(pipe) is left: it is neither a file nor a folder"), "\(said.error)")
        }
    }

    @Test func `a copy that would leave too little room is not made, a file that is there needs none`() async throws {
        try await withOldScript("part_e", minimumFree: "1000TiB") { host, folder in
            let file = "backup_part_e_20251121_020000.dump"
            try await dump(host, "part_e", to: "\(folder)/\(file)")
            let said = try await host.call("adopt", "part_e", folder)
            #expect(said.status == 73 && said.error.contains("minimumFree"), "\(said.error)")
            #expect(try host.files() == [])
            let own = "\(host.storage)/part_e"
            try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: true)
            try FileManager.default.moveItem(atPath: "\(folder)/\(file)", toPath: "\(own)/\(file)")
            let taken = try await host.call("adopt", "part_e", own)
            #expect(taken.status == 0 && taken.lines == ["backup_part_e_20251121T020000Z"], "\(taken.error)")
        }
    }
}
