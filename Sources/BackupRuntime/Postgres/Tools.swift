import BackupCore
import Foundation

/// PostgreSQL's programs that fit a server: never older than it, its own major when that is there.
package struct Tools: Sendable, Equatable {
    /// The folder they are in.
    package let folder: String
    /// 15, 16, …
    package let major: Int
    /// `15.18 (Debian 15.18-0+deb12u1)`.
    package let version: String

    package var dump: String { folder + "/pg_dump" }
    package var restore: String { folder + "/pg_restore" }
    package var dumpAll: String { folder + "/pg_dumpall" }

    /// The tools for a server of that major. Throws `.unavailable` that lists what was found.
    package static func find(serverMajor: Int, in folders: [String] = Tools.folders()) async throws -> Tools {
        // Debian names its folders by major: one that names the server's own saves asking all the others at every run.
        let named = folders.filter { $0.contains("/\(serverMajor)/") }
        if let exact = try await installed(in: named).first(where: { $0.major == serverMajor }) { return exact }
        let all = try await installed(in: folders)
        if let best = all.filter({ $0.major >= serverMajor }).min(by: { $0.major < $1.major }) { return best }
        let found = all.map { "\($0.version) in \($0.folder)" }.joined(separator: ", ")
        throw Failure(
            .unavailable,
            "there is no pg_dump for a server of version \(serverMajor): \(found.isEmpty ? "none was found" : "found are \(found)")",
            hint: "Install postgresql-client-\(serverMajor), or a newer one.")
    }

    /// The newest tools there are: what reads archives when no server is to be asked.
    package static func newest(in folders: [String] = Tools.folders()) async throws -> Tools {
        guard let newest = try await installed(in: folders).max(by: { $0.major < $1.major }) else {
            throw Failure(.unavailable, "there is no pg_restore on this host", hint: "Install postgresql-client.")
        }
        return newest
    }

    /// Debian's places for every major, then PATH.
    package static func folders() -> [String] {
        let root = "/usr/lib/postgresql"
        // No such folder is no error: PATH may have the tools.
        let majors = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []  // see above
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return majors.sorted().map { "\(root)/\($0)/bin" } + path.split(separator: ":").map(String.init)
    }

    private static func installed(in folders: [String]) async throws -> [Tools] {
        var found: [Tools] = []
        var seen: Set<String> = []
        for folder in folders {
            guard
                ["pg_dump", "pg_restore", "pg_dumpall"].allSatisfy({
                    FileManager.default.isExecutableFile(atPath: "\(folder)/\($0)")
                })
            else { continue }
            // /bin is often /usr/bin; and what Debian has there starts slowly, only to hand on to its folders by major.
            let program = URL(fileURLWithPath: "\(folder)/pg_dump").resolvingSymlinksInPath()
            guard program.lastPathComponent != "pg_wrapper", seen.insert(program.path).inserted,
                let tools = try await asked(in: folder)
            else { continue }
            found.append(tools)
        }
        return found
    }

    /// `pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`; nil for a program that says something else.
    private static func asked(in folder: String) async throws -> Tools? {
        let said = OutputText(limit: 4096)
        let ending = try await Child.run("\(folder)/pg_dump", ["--version"], timeoutSeconds: 10) { said.add($0) }
        let words = said.text.split(separator: " ", maxSplits: 2)
        guard ending.isSuccess, words.count == 3, words[0] == "pg_dump" else { return nil }
        let version = words[2].trimmingCharacters(in: .whitespacesAndNewlines)
        guard let major = Int(version.prefix { $0.isNumber }) else { return nil }
        return Tools(folder: folder, major: major, version: version)
    }
}
