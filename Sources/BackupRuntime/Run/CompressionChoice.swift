import BackupCore
import Foundation

/// A job's compression in the words of a particular pg_dump.
struct CompressionChoice: Sendable, Equatable {
    /// As the manifest says it: `gzip:1`.
    let text: String
    let arguments: [String]

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
