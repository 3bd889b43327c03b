import Foundation
import TestSupport
import Testing

/// A runbook in the hands of somebody who copies its commands into a shell.
struct FollowedRunbook {
    private let text: String

    init(_ markdown: String) { text = markdown }

    /// The commands under a heading, up to the next heading of its rank.
    func blocks(after heading: String) throws -> [String] {
        let start = try #require(text.range(of: "\n\(heading)\n"), "\(text)")
        let rank = heading.prefix { $0 == "#" } + " "
        var blocks: [String] = []
        var block: [Substring]?
        for line in text[start.upperBound...].split(separator: "\n", omittingEmptySubsequences: false) {
            if let lines = block {
                if line == "```" {
                    blocks.append(lines.joined(separator: "\n"))
                    block = nil
                } else {
                    block = lines + [line]
                }
            } else if line == "```bash" {
                block = []
            } else if line.hasPrefix(rank) {
                break
            }
        }
        return blocks
    }

    /// Runs them where nothing but their own words says which server is meant.
    static func bash(_ host: TestHost, _ script: String, environment: [String: String] = [:]) async throws -> Said {
        let programs = "\((TestHost.binary as NSString).deletingLastPathComponent):\(host.server.bin):/usr/bin:/bin"
        let bare = ["PATH": programs, "HOME": "/nowhere", "PGHOST": "/nowhere"]
        return try await run("/bin/bash", ["-e"], environment: bare.merging(environment) { $1 }, input: script)
    }
}
