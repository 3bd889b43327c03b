import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

/// The manifest's keys are a promise to other programs, and to later versions of this one.
@Suite struct ManifestTests {
    private let manifest: Manifest = {
        var manifest = plain
        var facts = ArchiveFacts()
        facts.tables["public.t"] = .init(rows: 5, fingerprint: Fingerprint(sum: 7), columns: "(id)")
        facts.tables["public.\"Odd / name\""] = .init(rows: 1, fingerprint: Fingerprint(sum: .max), columns: "")
        facts.sequences["public.s"] = .init(lastValue: 9, isCalled: false)
        facts.contents = ["TABLE": ["public t app"]]
        facts.grants = ["GRANT ALL ON TABLE public.t TO app;"]
        facts.unvalidated = ["public.t c"]
        facts.largeObjects = 2
        manifest.take(facts, hash: .xxh3)
        manifest.textSettings = ["TimeZone": "UTC"]
        manifest.matched = .content
        manifest.scriptBytes = 100
        manifest.drill = .init(
            verdict: .failed, began: plain.ended, ended: plain.ended, restoreSeconds: 1.5, databaseBytes: 8,
            place: "throwaway", assertions: 1, reason: "r")
        return manifest
    }()

    static let plain = Manifest(
        job: "app", server: "main", database: "app_db", dump: "backup_app_20261123T020000Z",
        slot: instant("2026-11-23T02:00:00Z"), began: instant("2026-11-23T02:00:00.25Z"),
        ended: instant("2026-11-23T02:00:09Z"),
        snapshot: instant("2026-11-23T02:00:01Z"), format: .directory, compression: "gzip:1", pgDumpVersion: "15.18",
        serverVersion: "15.18 (Debian)", bytes: 12, sha256: "ab",
        members: [.init(name: "toc.dat", bytes: 12, sha256: "ab")],
        entries: 3, rows: ["public.t": 5, "public.\"Odd / name\"": 1], largeObjects: 2, databaseBytes: 4096,
        extensions: [.init(name: "vector", version: "0.8.0", schema: "public")],
        properties: .init(
            owner: "app", encoding: "UTF8", collation: "C", characterType: "C", icuLocale: "de", comment: "c",
            settings: [.init(role: "app", name: "search_path", value: "a")], grants: ["=c/app"]),
        globals: .init(file: "backup_app_20261123T020000Z.globals.sql", bytes: 1, sha256: "cd", hasPasswords: false),
        roles: ["app"], proof: .drilled, warnings: ["w"], tool: "archon-backupd 1")

    @Test func `it is written with these keys`() throws {
        let text = String(decoding: try ManifestCodec.encode(manifest), as: UTF8.self)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(
            object.keys.sorted() == [
                "began", "bytes", "checksum", "compression", "contents", "database", "databaseBytes", "drill", "dump",
                "ended", "entries", "extensions", "fingerprints",
                "format",
                "globals", "grants", "job", "largeObjectData", "largeObjects", "matched", "members", "pgDumpVersion",
                "proof", "properties", "roles", "rows",
                "scriptBytes", "sequences", "server",
                "serverVersion", "sha256", "slot", "snapshot", "textSettings", "tool", "unvalidated", "version",
                "warnings",
            ])
        #expect(text.contains("\"slot\" : \"2026-11-23T02:00:00Z\"") && text.contains("public.\\\"Odd / name\\\""))
        #expect(text.hasSuffix("}\n"))
    }

    @Test func `it reads back as it was`() throws {
        #expect(try ManifestCodec.decode(try ManifestCodec.encode(manifest), file: "f") == manifest)
    }

    @Test func `keys that a later version adds are passed over, and one of version 1 needs no checksum`() throws {
        let lines = String(decoding: try ManifestCodec.encode(manifest), as: UTF8.self).split(separator: "\n")
        var text = lines.filter { !$0.contains("\"checksum\"") }.joined(separator: "\n") + "\n"
        text = text.replacing("{", with: "{ \"later\": [1, {}],", maxReplacements: 1)
        let first = text.replacing("\"version\" : 2", with: "\"version\" : 1")
        var expected = manifest
        expected.version = 1
        #expect(try ManifestCodec.decode(Data(first.utf8), file: "f") == expected)
        #expect(throws: Failure.self) { try ManifestCodec.decode(Data(text.utf8), file: "f") }
    }

    @Test(arguments: [
        "", "{", "[]", "{}", "null", "{\"version\": \"1\"}", "{\"version\": 3}", "{\"version\": 0}", "{\"version\": 2}",
        "{\"version\": 1}",
        "{\"version\": 1, \"job\": 5}", "\u{0}\u{0}\u{0}\u{0}",
    ])
    func `what is no manifest, or a later one, is refused by name`(text: String) {
        let failure = #expect(throws: Failure.self) { try ManifestCodec.decode(Data(text.utf8), file: "/b/x.json") }
        #expect(failure?.kind == .damaged && failure?.message.contains("/b/x.json") == true && failure?.hint != nil)
    }

    @Test func `a manifest cut anywhere is refused`() throws {
        let data = try ManifestCodec.encode(manifest)
        for count in 0..<(data.count - 1) {
            #expect(throws: Failure.self, "\(count) bytes") { try ManifestCodec.decode(data.prefix(count), file: "f") }
        }
    }

    @Test func `no bit of it can turn unseen`() throws {
        let data = try ManifestCodec.encode(manifest)
        for index in data.indices {
            for bit in 0..<8 {
                var bytes = data
                bytes[index] ^= UInt8(1 << bit)
                let failure = #expect(throws: Failure.self, "bit \(bit) of byte \(index)") {
                    try ManifestCodec.decode(bytes, file: "f")
                }
                #expect(failure?.kind == .damaged)
            }
        }
    }
}
