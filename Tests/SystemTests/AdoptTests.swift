import BackupCore
import Foundation
import TestSupport
import Testing

/// `adopt` on what the older shell script leaves: a folder of dumps, some of them empty or cut short.
@Suite struct AdoptTests {
    private struct Answer: Decodable {
        var file: String
        var outcome: String
        var dump: String?
        var time: String?
        var bytes: Int?
        var reason: String?
    }

    /// A folder as the older script kept it, with one good archive under each of `good` and a database of the name `database`.
    private func withOldDumps(
        _ database: String, _ good: [String], _ body: (TestHost, _ folder: String) async throws -> Void
    ) async throws {
        try await withHost { host in
            try await host.server.create(database, "create table t as select g id from generate_series(1, 300) g")
            let folder = "\(host.folder)/old"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            for file in good {
                let said = try await run(
                    "\(host.server.bin)/pg_dump",
                    [
                        "-Fc", "-f", "\(folder)/\(file)", "-d",
                        "host=\(host.server.folder)/pg user=postgres dbname=\(database)",
                    ])
                try #require(said.status == 0, "\(said.error)")
            }
            try host.write("\"\(database)\": {\(VerbTests.often), \"retention\": {\"keepLast\": 2}}")
            try await body(host, folder)
            try await host.server.drop(database)
        }
    }

    private func answers(_ said: Said) throws -> [Answer] {
        try JSONDecoder().decode([Answer].self, from: Data(said.output.utf8))
    }

    @Test func `a folder is taken, what is empty, cut short or of another database is named and left`() async throws {
        let good = ["backup_old_a_20251123_020000.dump", "backup_old_a_20251125_020000.dump"]
        try await withOldDumps("old_a", good + ["backup_other_20251123_020000.dump"]) { host, folder in
            let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(good[0])"))
            try Data().write(to: URL(fileURLWithPath: "\(folder)/backup_old_a_20251124_020000.dump"))
            try bytes.prefix(bytes.count / 2).write(
                to: URL(fileURLWithPath: "\(folder)/backup_old_a_20251126_020000.dump"))
            try bytes.write(to: URL(fileURLWithPath: "\(folder)/notes.dump"))
            let before = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()

            let dry = try await host.call("adopt", "old_a", folder, "--dry-run", "--json")
            #expect(dry.status == 65, "\(dry.error)")
            let plan = try answers(dry)
            #expect(plan.map(\.outcome) == ["would-be-adopted", "left", "would-be-adopted", "left"], "\(plan)")
            try #require(plan.count == 4)
            #expect(plan[0].time == "2025-11-23T02:00:00Z" && plan[0].bytes == bytes.count)
            #expect(plan[1].reason?.contains("is empty") == true && plan[3].reason != nil)
            #expect(try host.files() == [])

            let taken = try await host.call("adopt", "old_a", folder)
            #expect(taken.status == 65 && taken.error.contains("a clock in UTC"), "\(taken.error)")
            #expect(taken.lines == ["backup_old_a_20251123T020000Z", "backup_old_a_20251125T020000Z"])
            #expect(taken.error.contains("backup_old_a_20251124_020000.dump is left"), "\(taken.error)")
            #expect(taken.error.contains("backup_old_a_20251126_020000.dump is left"), "\(taken.error)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == before)
            #expect(try await host.call("verify", "old_a", "--every").status == 0)

            // A second time nothing is added, or retention would count each twice.
            let again = try await host.call("adopt", "old_a", "\(folder)/\(good[0])", "\(folder)/\(good[1])", "--json")
            #expect(again.status == 0, "\(again.error)")
            #expect(try answers(again).map(\.outcome) == ["already-a-dump", "already-a-dump"])
            #expect(try host.files().filter { $0.hasSuffix(".dump") }.count == 2)
        }
    }

    @Test func `only what was adopted counts for retention and is pruned`() async throws {
        let good = (1...4).map { "backup_old_b_2025112\($0)_020000.dump" }
        try await withOldDumps("old_b", good) { host, folder in
            let own = "\(host.storage)/old_b"
            try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: true)
            for file in good { try FileManager.default.moveItem(atPath: "\(folder)/\(file)", toPath: "\(own)/\(file)") }
            #expect(try await host.call("prune", "old_b").status == 0)
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: own).filter { $0.hasSuffix(".dump") }.count == 4)
            let taken = try await host.call("adopt", "old_b", own)
            #expect(taken.status == 0 && taken.lines.count == 4, "\(taken.error)")
            #expect(try await host.call("prune", "old_b").status == 0)
            #expect(
                try host.files().filter { $0.hasSuffix(".dump") } == [
                    "old_b/backup_old_b_20251123T020000Z.dump", "old_b/backup_old_b_20251124T020000Z.dump",
                ])
        }
    }

    @Test func `an adoption cut off before the old name goes is finished, and never done twice`() async throws {
        let file = "backup_old_c_20251123_020000.dump"
        try await withOldDumps("old_c", [file]) { host, folder in
            #expect(try await host.call("adopt", "old_c", "\(folder)/\(file)").status == 0)
            let own = "\(host.storage)/old_c"
            // As the power cut leaves it: the dump is published, and the old name stands for the same bytes.
            try FileManager.default.linkItem(
                atPath: "\(own)/backup_old_c_20251123T020000Z.dump", toPath: "\(own)/\(file)")
            let said = try await host.call("adopt", "old_c", "\(own)/\(file)")
            #expect(said.status == 0 && said.error.contains("already"), "\(said.error)")
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: own).filter { $0.hasSuffix(".dump") } == [
                    "backup_old_c_20251123T020000Z.dump"
                ])
            #expect(try await host.call("verify", "old_c", "--every").status == 0)
            // Another file with the same bytes is nobody's to remove.
            try FileManager.default.copyItem(atPath: "\(folder)/\(file)", toPath: "\(own)/\(file)")
            #expect(try await host.call("adopt", "old_c", "\(own)/\(file)").status == 0)
            #expect(FileManager.default.fileExists(atPath: "\(own)/\(file)"))
        }
    }

    @Test func `adopting through a link takes the archive and not the link`() async throws {
        let file = "backup_old_e_20251123_020000.dump"
        try await withOldDumps("old_e", [file]) { host, folder in
            let own = "\(host.storage)/old_e"
            let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(file)"))
            try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: true)
            try bytes.write(to: URL(fileURLWithPath: "\(own)/\(file)"))
            try FileManager.default.createSymbolicLink(atPath: "\(own)/latest.dump", withDestinationPath: file)
            let said = try await host.call("adopt", "old_e", "\(own)/latest.dump")
            #expect(said.status == 0 && said.lines == ["backup_old_e_20251123T020000Z"], "\(said.error)")
            let dump = "\(own)/backup_old_e_20251123T020000Z.dump"
            let kind = try FileManager.default.attributesOfItem(atPath: dump)[.type] as? FileAttributeType
            #expect(kind == .typeRegular)
            #expect(try Data(contentsOf: URL(fileURLWithPath: dump)) == bytes)
            #expect(!FileManager.default.fileExists(atPath: "\(own)/\(file)"))
            #expect(try await host.call("verify", "old_e", "--every").status == 0)
            // From elsewhere a link is followed as well, to an archive and to a folder of them; both stay.
            try FileManager.default.createSymbolicLink(
                atPath: "\(host.folder)/newest", withDestinationPath: "\(folder)/\(file)")
            try FileManager.default.createSymbolicLink(atPath: "\(host.folder)/all", withDestinationPath: folder)
            for path in ["newest", "all"] {
                let again = try await host.call("adopt", "old_e", "\(host.folder)/\(path)", "--json")
                #expect(try answers(again).map(\.outcome) == ["already-a-dump"], "\(again.error)")
            }
            #expect(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(file)")) == bytes)
        }
    }

    @Test func `an archive that was adopted in another zone is not taken again`() async throws {
        let file = "backup_old_f_20251123_020000.dump"
        try await withOldDumps("old_f", [file]) { host, folder in
            #expect(try await host.call("adopt", "old_f", folder).lines == ["backup_old_f_20251123T020000Z"])
            let again = try await host.call("adopt", "old_f", folder, "--time-zone", "Europe/Sofia", "--json")
            #expect(
                again.status == 0 && again.error.contains("of 2025-11-23T04:00:00+02:00 and not of"), "\(again.error)")
            let taken = try answers(again)
            #expect(taken.map(\.outcome) == ["already-a-dump"] && taken.first?.time == "2025-11-23T02:00:00Z")
            #expect(try host.files().filter { $0.hasSuffix(".dump") }.count == 1)
        }
    }

    @Test func `times are those of the zone given, and mistakes are told`() async throws {
        let files = [
            "backup_old_d_20250701_020000.dump", "backup_old_d_20251026_033000.dump",
            "backup_old_d_20250330_033000.dump",
        ]
        try await withOldDumps("old_d", files) { host, folder in
            // Sofia's clock passed over 03:30 on 30 March and showed it twice on 26 October.
            let said = try await host.call("adopt", "old_d", folder, "--time-zone", "Europe/Sofia")
            #expect(said.status == 64 && said.error.contains("set forward"), "\(said.error)")
            #expect(said.error.contains("twice"), "\(said.error)")
            #expect(said.lines == ["backup_old_d_20250630T230000Z", "backup_old_d_20251026T003000Z"])
            let unknown = try await host.call("adopt", "old_d", folder, "--time-zone", "Mars/Base")
            #expect(unknown.status == 64 && unknown.error.contains("Mars/Base"), "\(unknown.error)")
            let nothing = try await host.call("adopt", "old_d", host.folder)
            #expect(nothing.status == 64 && nothing.error.contains("holds no backup_old_d_"), "\(nothing.error)")
            // The archive of another database is not taken for one of this.
            try host.write("\"elsewhere\": {\(VerbTests.often)}")
            let other = try await host.call("adopt", "elsewhere", "\(folder)/\(files[0])")
            #expect(other.status == 64 && other.error.contains("Name the job of old_d"), "\(other.error)")
        }
    }
}
