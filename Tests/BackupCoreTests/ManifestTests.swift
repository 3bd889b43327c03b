import BackupCore
import Foundation
import TestSupport
import Testing

/// The manifest's keys are a promise to other programs, and to later versions of this one.
@Suite struct ManifestTests {
    private let manifest = Manifest(
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
        roles: ["app"], proof: .read, warnings: ["w"], tool: "archon-backupd 1")

    @Test func `it is written with these keys`() throws {
        let text = String(decoding: try ManifestCodec.encode(manifest), as: UTF8.self)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(
            object.keys.sorted() == [
                "began", "bytes", "compression", "database", "databaseBytes", "dump", "ended", "entries", "extensions",
                "format",
                "globals", "job", "largeObjects", "members", "pgDumpVersion", "proof", "properties", "roles", "rows",
                "server",
                "serverVersion", "sha256", "slot", "snapshot", "tool", "version", "warnings",
            ])
        #expect(text.contains("\"slot\" : \"2026-11-23T02:00:00Z\"") && text.contains("public.\\\"Odd / name\\\""))
        #expect(text.hasSuffix("}\n"))
    }

    @Test func `it reads back as it was, also with keys that a later version adds`() throws {
        let data = try ManifestCodec.encode(manifest)
        #expect(try ManifestCodec.decode(data, file: "f") == manifest)
        let more = String(decoding: data, as: UTF8.self).replacing(
            "{", with: "{ \"later\": [1, {}],", maxReplacements: 1)
        #expect(try ManifestCodec.decode(Data(more.utf8), file: "f") == manifest)
    }

    @Test(arguments: [
        "", "{", "[]", "{}", "null", "{\"version\": \"1\"}", "{\"version\": 2}", "{\"version\": 1}",
        "{\"version\": 1, \"job\": 5}", "\u{0}\u{0}\u{0}\u{0}",
    ])
    func `what is no manifest, or a later one, is refused by name`(text: String) {
        let failure = #expect(throws: Failure.self) { try ManifestCodec.decode(Data(text.utf8), file: "/b/x.json") }
        #expect(failure?.kind == .damaged && failure?.message.contains("/b/x.json") == true && failure?.hint != nil)
    }

    @Test func `a manifest cut anywhere, or with any byte changed, is refused or reads as one`() throws {
        let data = try ManifestCodec.encode(manifest)
        for count in 0..<(data.count - 2) {
            #expect(throws: Failure.self, "\(count) bytes") { try ManifestCodec.decode(data.prefix(count), file: "f") }
        }
        var random = SplitMix64(seed: 1)
        for _ in 0..<2000 {
            var bytes = data
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
            do {
                _ = try ManifestCodec.decode(bytes, file: "f")
            } catch let failure as Failure {
                #expect(failure.kind == .damaged)
            }
        }
    }
}
