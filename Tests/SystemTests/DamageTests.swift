import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

/// Dumps spoiled in every way that a disk, a copy or a hand can: each is found, and by which rung.
@Suite struct DamageTests {

    /// Bytes from here on are data of the large table, up to the end.
    private static func data(_ stage: DumpStage) throws -> Range<Int> {
        let bytes = try Damage.bytes(of: stage.archive)
        return bytes / 2..<bytes - 200
    }

    private static func flipInData(_ stage: DumpStage, _ random: inout SplitMix64) throws {
        try Damage.flip(
            stage.archive, byte: .random(in: try data(stage), using: &random), bit: .random(in: 0...7, using: &random))
    }

    private static let swaps = [
        SpoiledDump(name: "the archive of another job", listed: "where the manifest says") { stage, _ in
            try copy(try only(".dump", in: "\(stage.host.storage)/other"), over: stage.archive)
            let descriptor = open(stage.archive, O_WRONLY | O_APPEND)
            // Were they of one size by chance.
            write(descriptor, "x", 1)
            close(descriptor)
        },
        SpoiledDump(name: "archive and manifest of another job", listed: "its manifest is that of backup_other_") {
            stage, _ in
            try copy(try only(".dump", in: "\(stage.host.storage)/other"), over: stage.archive)
            try copy(try only(".json", in: "\(stage.host.storage)/other"), over: stage.manifestFile)
        },
        SpoiledDump(name: "archive and manifest of an older dump", listed: "its manifest is that of backup_damaged_") {
            stage, _ in
            try copy(try only(".dump", in: "\(stage.host.folder)/older"), over: stage.archive)
            try copy(try only(".json", in: "\(stage.host.folder)/older"), over: stage.manifestFile)
        },
    ]

    private static func only(_ suffix: String, in folder: String) throws -> String {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder)
        guard let name = names.first(where: { $0.hasSuffix(suffix) }) else {
            throw Failure(.failed, "\(folder) has no \(suffix)")
        }
        return "\(folder)/\(name)"
    }

    private static func copy(_ from: String, over path: String) throws {
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.copyItem(atPath: from, toPath: path)
    }

    @Test func `a compressed archive: turned bits, cuts, swaps`() async throws {
        let sum = "its SHA-256 is not that of the manifest"
        let ways = [
            SpoiledDump(name: "a bit of the data", listed: nil, verified: sum, seeds: 1...3) {
                try Self.flipInData($0, &$1)
            },
            // Whoever has made the sums agree is found by the full read.
            SpoiledDump(name: "a bit of the data under its right sum", listed: nil, verified: " ", seeds: 1...8) {
                try Self.flipInData($0, &$1)
                try await $0.blessBytes()
            },
            SpoiledDump(name: "a bit of the table of contents", listed: nil, verified: sum, seeds: 1...6) {
                let end = try Damage.last("COPY public.t (", in: $0.archive)
                try Damage.flip($0.archive, byte: .random(in: 5..<end, using: &$1), bit: .random(in: 0...7, using: &$1))
            },
            SpoiledDump(
                name: "a column's name in the table of contents under its right sum", listed: nil,
                drilled: "column \"id\" of relation \"t\" does not exist"
            ) { stage, _ in
                // The last but one table is t; its definition says `id`, its COPY too.
                let table = try Damage.last("CREATE TABLE public.t (", in: stage.archive)
                try Damage.flip(stage.archive, byte: table + "CREATE TABLE public.t (\n    ".utf8.count, bit: 0)
                try await stage.blessBytes()
            },
        ]
        try await SpoiledDump.hold(ways + Self.swaps)
    }

    @Test func `cuts, and an archive that is gone`() async throws {
        let said = "where the manifest says"
        try await SpoiledDump.hold([
            SpoiledDump(name: "cut by one byte", listed: said) { stage, _ in
                try Damage.cut(stage.archive, to: try Damage.bytes(of: stage.archive) - 1)
            },
            SpoiledDump(name: "half", listed: said) { stage, _ in
                try Damage.cut(stage.archive, to: try Damage.bytes(of: stage.archive) / 2)
            },
            SpoiledDump(name: "the head alone", listed: said) { stage, _ in try Damage.cut(stage.archive, to: 40) },
            SpoiledDump(name: "nothing", listed: said) { stage, _ in try Damage.cut(stage.archive, to: 0) },
            // The same with a manifest that says so: a full read finds them.
            SpoiledDump(name: "cut by one byte, and its size noted", listed: nil, verified: "cannot be read") {
                stage, _ in
                try Damage.cut(stage.archive, to: try Damage.bytes(of: stage.archive) - 1)
                try await stage.blessBytes()
            },
            SpoiledDump(name: "half, and its size noted", listed: nil, verified: "cannot be read") { stage, _ in
                try Damage.cut(stage.archive, to: try Damage.bytes(of: stage.archive) / 2)
                try await stage.blessBytes()
            },
            SpoiledDump(name: "the head alone, and its size noted", listed: nil, verified: "cannot be listed") {
                stage, _ in
                try Damage.cut(stage.archive, to: 40)
                try await stage.blessBytes()
            },
            SpoiledDump(name: "gone", listed: "its archive is missing") { stage, _ in
                try FileManager.default.removeItem(atPath: stage.archive)
            },
        ])
    }

    @Test func `an archive without compression: turned bits, and an older one of the same size`() async throws {
        let sum = "its SHA-256 is not that of the manifest"
        try await SpoiledDump.hold(
            [
                SpoiledDump(name: "a bit of the data", listed: nil, verified: sum, seeds: 1...3) {
                    try Self.flipInData($0, &$1)
                },
                SpoiledDump(
                    name: "a digit of a row under its right sum", listed: nil,
                    verified: "public.t has rows with other contents than the manifest says", seeds: 1...3
                ) {
                    let text = "\t" + String(try await md5(.random(in: 1...20000, using: &$1)).reversed())
                    try Damage.flip($0.archive, byte: try Damage.last(text, in: $0.archive) + 5, bit: 0)
                    try await $0.blessBytes()
                },
                SpoiledDump(name: "an older archive", listed: nil, verified: sum) { stage, _ in
                    try Self.copy(try Self.only(".dump", in: "\(stage.host.folder)/older"), over: stage.archive)
                },
                SpoiledDump(
                    name: "an older archive under its right sum", listed: nil, verified: "public.t has rows with other"
                ) { stage, _ in
                    try Self.copy(try Self.only(".dump", in: "\(stage.host.folder)/older"), over: stage.archive)
                    try await stage.blessBytes()
                },
            ], "\"compression\": \"none\",")
    }

    @Test func `the file of roles emptied, gone, or with a turned bit`() async throws {
        let sum = "the SHA-256 of its roles file is not that of the manifest"
        let drilled = "is missing or damaged"
        try await SpoiledDump.hold([
            SpoiledDump(name: "emptied", listed: nil, verified: sum, drilled: drilled) { stage, _ in
                try Damage.cut(stage.globals, to: 0)
            },
            SpoiledDump(name: "gone", listed: nil, verified: "its roles file", drilled: drilled) { stage, _ in
                try FileManager.default.removeItem(atPath: stage.globals)
            },
            SpoiledDump(name: "a bit", listed: nil, verified: sum, drilled: drilled) { stage, random in
                let bytes = try Damage.bytes(of: stage.globals)
                try Damage.flip(stage.globals, byte: .random(in: 0..<bytes, using: &random), bit: 3)
            },
        ])
    }
}

private func md5(_ number: Int) async throws -> String {
    let said = try await run("md5sum", input: "\(number)")
    return String(said.output.prefix(32))
}
