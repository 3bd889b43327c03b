import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

/// The same for a directory archive, whose members can be lost one by one.
@Suite struct DirectoryDamageTests {
    /// The members with data, the largest last.
    private static func members(_ stage: DumpStage) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: stage.archive).filter { $0 != "toc.dat" }
            .map { "\(stage.archive)/\($0)" }.sorted { try Damage.bytes(of: $0) < Damage.bytes(of: $1) }
    }

    private static func largest(_ stage: DumpStage) throws -> String {
        guard let path = try members(stage).last else { throw Failure(.failed, "no members") }
        return path
    }

    @Test func `a member is lost, cut, added, or has a turned bit`() async throws {
        let sizes = "where the manifest says"
        try await SpoiledDump.hold(
            [
                SpoiledDump(name: "lost", listed: sizes) { stage, _ in
                    try FileManager.default.removeItem(atPath: try Self.largest(stage))
                },
                SpoiledDump(name: "cut by a byte", listed: sizes) { stage, _ in
                    let path = try Self.largest(stage)
                    try Damage.cut(path, to: try Damage.bytes(of: path) - 1)
                },
                SpoiledDump(name: "added", listed: sizes) { stage, _ in
                    try Data("more".utf8).write(to: URL(fileURLWithPath: "\(stage.archive)/4711.dat"))
                },
                SpoiledDump(name: "added without a byte", listed: nil, verified: "its SHA-256 (0000.dat)") { stage, _ in
                    try Data().write(to: URL(fileURLWithPath: "\(stage.archive)/0000.dat"))
                },
                SpoiledDump(name: "a bit", listed: nil, verified: ".dat.gz) is not that of the manifest", seeds: 1...3)
                { stage, random in
                    let path = try Self.largest(stage)
                    try Damage.flip(path, byte: .random(in: 0..<(try Damage.bytes(of: path)), using: &random), bit: 5)
                },
                SpoiledDump(name: "a bit of the table of contents", listed: nil, verified: "its SHA-256 (toc.dat)") {
                    stage, random in
                    let path = "\(stage.archive)/toc.dat"
                    try Damage.flip(path, byte: .random(in: 0..<(try Damage.bytes(of: path)), using: &random), bit: 2)
                },
                SpoiledDump(name: "lost, under right sums", listed: nil, verified: "cannot be read") { stage, _ in
                    try FileManager.default.removeItem(atPath: try Self.largest(stage))
                    try await stage.blessBytes()
                },
                SpoiledDump(name: "cut, under right sums", listed: nil, verified: " ") { stage, _ in
                    let path = try Self.largest(stage)
                    try Damage.cut(path, to: try Damage.bytes(of: path) / 2)
                    try await stage.blessBytes()
                },
                SpoiledDump(name: "two exchanged, under right sums", listed: nil, verified: "where the manifest says") {
                    stage, _ in
                    let paths = try Self.members(stage)
                    let aside = stage.archive + ".aside"
                    try FileManager.default.moveItem(atPath: paths[0], toPath: aside)
                    try FileManager.default.moveItem(atPath: paths[1], toPath: paths[0])
                    try FileManager.default.moveItem(atPath: aside, toPath: paths[1])
                    try await stage.blessBytes()
                },
            ], "\"format\": \"directory\", \"compression\": \"gzip:6\",")
    }

    @Test func `a manifest with a turned bit, wherever it is`() async throws {
        try await withHost { host in
            let name = "manifest\(UInt32.random(in: 0 ... .max))"
            try await host.server.create(name, "create table t as select generate_series(1, 100) id")
            try host.write("\"damaged\": {\"database\": \"\(name)\", \"calendar\": \"Mon *-*-* 02:00:00\"}")
            let stage = try await DumpStage(host, "damaged")
            let bytes = try Damage.bytes(of: stage.manifestFile)
            let regions = 48
            for region in 0..<regions {
                var random = SplitMix64(seed: UInt64(region))
                try stage.reset()
                let byte = Int.random(
                    in: bytes * region / regions..<bytes * (region + 1) / regions, using: &random)
                let bit = Int.random(in: 0...7, using: &random)
                try Damage.flip(stage.manifestFile, byte: byte, bit: bit)
                let fault = try await stage.listed().fault
                #expect(
                    fault?.contains("no manifest that can be used") == true,
                    "bit \(bit) of byte \(byte): \(fault ?? "")")
            }
            let verify = try await stage.verify()
            #expect(verify.status == 65 && verify.error.contains("no manifest that can be used"), "\(verify)")
            let restore = try await host.call("restore", "damaged", "--dump", stage.dump, "--into", "\(name)_again")
            #expect(restore.status == 65, "\(restore)")
            let drill = try await stage.drill()
            #expect(drill.status == 65 && drill.error.contains("no manifest that can be used"), "\(drill)")
            try await host.server.drop(name)
        }
    }
}
