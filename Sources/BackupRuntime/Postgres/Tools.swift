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
    /// The container they are in; nil for this host.
    var host: ContainerHost?

    package enum Program: String, Sendable {
        case dump = "pg_dump"
        case restore = "pg_restore"
        case dumpAll = "pg_dumpall"
        case psql
    }

    func path(_ program: Program) -> String { host == nil ? "\(folder)/\(program.rawValue)" : program.rawValue }

    /// Runs one of them, where they are. `settings` gets it past a password. Paths among the arguments are those of the place
    /// where it runs: see `PlacedArchive`.
    func run(
        _ program: Program, _ arguments: [String], settings: ConnectionSettings? = nil, timeoutSeconds: Double? = nil,
        pause: ChildPause? = nil, onOutput: (@Sendable (UnsafeRawBufferPointer) throws -> Void)? = nil
    ) async throws -> Child.Ending {
        guard let host else {
            return try await Child.run(
                path(program), arguments, environment: settings?.environment ?? [:], timeoutSeconds: timeoutSeconds,
                pause: pause, onOutput: onOutput)
        }
        return try await host.run(
            [path(program)] + arguments, passfile: try settings?.passfileLines() ?? [], timeoutSeconds: timeoutSeconds,
            onOutput: onOutput)
    }

    /// Runs one that is in a container, with a file of this host as its stdin.
    func feed(
        _ file: String, to program: Program, _ arguments: [String], settings: ConnectionSettings? = nil,
        timeoutSeconds: Double? = nil, onOutput: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void
    ) async throws -> Child.Ending {
        guard let host else {
            return try await run(program, arguments + [file], settings: settings, onOutput: onOutput)
        }
        let input = try ContainerHost.input(passfile: try settings?.passfileLines() ?? [])
        async let feeding = FileFeed.run(file, into: input)
        let ending = try await host.run(
            [path(program)] + arguments, .feed, timeoutSeconds: timeoutSeconds, input: input, onOutput: onOutput)
        _ = try await feeding
        return ending
    }

    /// The tools for a server: the container's own, or those of this host that fit its major.
    static func find(for settings: ConnectionSettings, serverMajor: Int) async throws -> Tools {
        guard let host = try await settings.host() else { return try await find(serverMajor: serverMajor) }
        let tools = try await inside(host)
        guard tools.major >= serverMajor else {
            throw Failure(
                .unavailable,
                "pg_dump in the container \(host.container.name) is \(tools.version), too old for version \(serverMajor)",
                hint: "Use an image whose programs are as new as the dump and the server.")
        }
        return tools
    }

    /// What reads an archive that a pg_dump of `major` wrote, without asking a server: the newest on this host when that is new
    /// enough, else those of the container.
    static func reader(major: Int, container: Container?) async throws -> Tools {
        do {
            let newest = try await newest()
            if newest.major >= major || container == nil { return newest }
        } catch let failure as Failure where failure.kind == .unavailable && container != nil {
            // There are none on this host.
        }
        guard let container else { return try await newest() }
        return try await inside(try await ContainerHost.find(container))
    }

    private static func inside(_ host: ContainerHost) async throws -> Tools {
        let said = OutputText(limit: 4096)
        let ending = try await host.run(["pg_dump", "--version"], timeoutSeconds: 60, onOutput: { said.add($0) })
        if ending.cause == .interrupted { throw CancellationError() }
        guard ending.isSuccess, let (major, version) = version(said.text) else {
            throw Failure(
                .unavailable, "there is no pg_dump in the container \(host.container.name)",
                hint: "Use an image with PostgreSQL's client programs in its PATH.", cause: ending.errors)
        }
        return Tools(folder: "", major: major, version: version, host: host)
    }

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
        guard ending.isSuccess, let (major, version) = version(said.text) else { return nil }
        return Tools(folder: folder, major: major, version: version)
    }

    private static func version(_ said: String) -> (major: Int, text: String)? {
        let words = said.split(separator: " ", maxSplits: 2)
        guard words.count == 3, words[0] == "pg_dump" else { return nil }
        let version = words[2].trimmingCharacters(in: .whitespacesAndNewlines)
        return Int(version.prefix { $0.isNumber }).map { ($0, version) }
    }
}
