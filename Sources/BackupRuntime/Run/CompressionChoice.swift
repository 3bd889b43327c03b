import BackupCore
import Foundation

/// A job's compression in the words of a particular pg_dump.
struct CompressionChoice: Sendable, Equatable {
    /// As the manifest says it: `gzip:1`.
    let text: String
    let arguments: [String]
    /// What we do to the members of a directory archive, when pg_dump leaves that to us.
    var coding: MemberCoding?

    /// For an archive of this format. On this host the members of a directory are compressed by us, on all cores, in a form that
    /// these tools read; lz4 is left to pg_dump.
    static func choose(_ compression: Compression, _ format: Job.Format, tools: Tools) async throws -> CompressionChoice
    {
        let choice = try await choose(compression, tools: tools)
        guard format == .directory, tools.host == nil, let coding = choice.possibleCoding else { return choice }
        // What is compressed while pg_dump writes it must not be synced by it: all is, before it is listed.
        return CompressionChoice(text: choice.text, arguments: ["--compress=0", "--no-sync"], coding: coding)
    }

    private var possibleCoding: MemberCoding? {
        let parts = text.split(separator: ":")
        guard parts.count == 2, let level = Int(parts[1]) else { return nil }
        return parts[0] == "gzip" ? .gzip(level) : parts[0] == "zstd" ? .zstd(level) : nil
    }

    /// Throws `.unavailable` when this pg_dump does not know what the job asks for. `auto` asks for zstd and takes gzip:1
    /// where there is none: on one core gzip:6, pg_dump's default, takes five times as long for a tenth less.
    static func choose(_ compression: Compression, tools: Tools) async throws -> CompressionChoice {
        switch compression {
        case .none: return CompressionChoice(text: "none", arguments: ["--compress=0"])
        // Before 16, and since, a bare number is gzip's level.
        case .gzip(let level): return gzip(level)
        case .zstd(let level): return try await newer("zstd:\(level)", tools)
        case .lz4: return try await newer("lz4", tools)
        case .auto: return try await knows("zstd:3", tools) ? newer("zstd:3", tools) : gzip(1)
        }
    }

    private static func gzip(_ level: Int) -> CompressionChoice {
        CompressionChoice(text: "gzip:\(level)", arguments: ["--compress=\(level)"])
    }

    private static func newer(_ text: String, _ tools: Tools) async throws -> CompressionChoice {
        guard try await knows(text, tools) else {
            throw Failure(
                .unavailable, "pg_dump \(tools.version) cannot compress with \(text)",
                hint:
                    "Write \"compression\": \"auto\" or \"gzip:1\"; zstd and lz4 came with version 16, where it was built with them."
            )
        }
        return CompressionChoice(text: text, arguments: ["--compress=\(text)"])
    }

    /// pg_dump refuses what it was not built with before it connects; the socket named here does not exist.
    private static func knows(_ text: String, _ tools: Tools) async throws -> Bool {
        guard tools.major >= 16 else { return false }
        let ending = try await tools.run(
            .dump,
            [
                "--format=custom", "--compress=\(text)", "--file=/dev/null", "--no-password",
                "--dbname=host=/nonexistent",
            ],
            timeoutSeconds: 10)
        return ending.errors.contains("connection to server")
    }
}
