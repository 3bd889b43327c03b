import BackupCore
@testable import BackupRuntime
import Foundation
import TestSupport
import Testing

/// The programs here are scripts that say what PostgreSQL's say.
@Suite struct ToolsTests {
    private static let names = ["pg_dump", "pg_restore", "pg_dumpall"]

    /// Folders as Debian has them, one a version; a version may stand for a program that is none.
    private func install(_ versions: [String], in root: String, zstd: Bool = false) throws -> [String] {
        try versions.map { version in
            let major = String(version.prefix { $0.isNumber })
            let folder = "\(root)/postgresql/\(major.isEmpty ? version : major)/bin"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let refusal =
                zstd ? "connection to server on socket failed" : "this build does not support compression with zstd"
            for name in Self.names {
                let script = """
                    #!/bin/sh
                    case "$*" in
                      --version) echo "\(name) (PostgreSQL) \(version)" ;;
                      *compress=*) echo "pg_dump: error: \(refusal)" >&2; exit 1 ;;
                    esac
                    """
                try Data(script.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
                chmod("\(folder)/\(name)", 0o755)
            }
            return folder
        }
    }

    @Test(arguments: [(15, 15), (14, 14), (16, 17), (9, 14)])
    func `the server's own major when it is there, else the next newer one`(server: Int, expected: Int) async throws {
        try await withTemporaryFolder { root in
            let folders = try install(["14.1", "17.2", "15.18 (Debian 15.18-0+deb12u1)"], in: root)
            let tools = try await Tools.find(serverMajor: server, in: folders)
            #expect(tools.major == expected)
            if expected == 15 { #expect(tools.version == "15.18 (Debian 15.18-0+deb12u1)") }
        }
    }

    @Test func `never one that is older than the server: what there is is named`() async throws {
        try await withTemporaryFolder { root in
            let folders = try install(["14.1", "15.18"], in: root)
            let failure = await #expect(throws: Failure.self) { try await Tools.find(serverMajor: 16, in: folders) }
            #expect(failure?.kind == .unavailable)
            #expect(failure?.message.contains("14.1 in ") == true && failure?.message.contains("15.18 in ") == true)
            #expect(failure?.hint?.contains("postgresql-client-16") == true)
            let none = await #expect(throws: Failure.self) {
                try await Tools.find(serverMajor: 15, in: [root, "/nonexistent"])
            }
            #expect(none?.message.contains("none was found") == true)
        }
    }

    @Test func `a folder with half of the programs, or with others of their names, is passed over`() async throws {
        try await withTemporaryFolder { root in
            let folders = try install(["15.1", "16.1", "nonsense"], in: root)
            try FileManager.default.removeItem(atPath: "\(folders[1])/pg_dumpall")
            #expect(try await Tools.newest(in: folders).major == 15)
        }
    }

    @Test func `automatic compression is zstd where pg_dump was built with it, and gzip 1 elsewhere`() async throws {
        try await withTemporaryFolder { root in
            let with = try await Tools.find(serverMajor: 17, in: try install(["17.1"], in: root + "/a", zstd: true))
            let without = try await Tools.find(serverMajor: 17, in: try install(["17.1"], in: root + "/b"))
            let old = try await Tools.find(serverMajor: 15, in: try install(["15.1"], in: root + "/c", zstd: true))
            #expect(try await CompressionChoice.choose(.auto, tools: with).text == "zstd:3")
            #expect(try await CompressionChoice.choose(.auto, tools: without).arguments == ["--compress=1"])
            #expect(try await CompressionChoice.choose(.auto, tools: old).text == "gzip:1")
            #expect(try await CompressionChoice.choose(.gzip(9), tools: old).arguments == ["--compress=9"])
            #expect(try await CompressionChoice.choose(.none, tools: with).arguments == ["--compress=0"])
            for asked in [Compression.zstd(5), .lz4] {
                let failure = await #expect(throws: Failure.self) {
                    try await CompressionChoice.choose(asked, tools: old)
                }
                #expect(failure?.kind == .unavailable && failure?.hint?.contains("gzip:1") == true)
            }
        }
    }
}
