import BackupCore
import Foundation

/// A host that has booted: a real systemd, journal and file system of its own, in a box over this machine's root
/// (Tests/Systemd/box.sh). What is installed here is installed there; nothing that is written there comes back.
package struct Box: Sendable {
    private let folder: String
    /// Where the box's root is seen from here.
    package let root: String

    private static let script = Repository.path("Tests/Systemd/box.sh")

    /// Boots it up to `unit`: basic.target begins no service that this machine happens to have.
    fileprivate static func up(_ folder: String, unit: String) async throws -> Box {
        let said = try await TestSupport.run(
            "/bin/bash", [script, "up", folder, "\(getpid())"], environment: ["BOX_UNIT": unit])
        guard said.status == 0 else { throw Failure(.failed, "the box does not boot: \(said.error)") }
        let leader = try String(contentsOfFile: "\(folder)/leader", encoding: .utf8).trimmingCharacters(
            in: .whitespacesAndNewlines)
        return Box(folder: folder, root: "/proc/\(leader)/root")
    }

    fileprivate func down() async throws {
        _ = try await TestSupport.run("/bin/bash", [Self.script, "down", folder])
    }

    /// Runs a program in the box, as root, to its end.
    package func run(_ arguments: String..., input: String = "") async throws -> Said {
        try await TestSupport.run("/bin/bash", [Self.script, "run", folder] + arguments, input: input)
    }

    /// Runs a script in the box. Throws what it said when it does not end with 0.
    @discardableResult
    package func must(_ script: String, _ arguments: String...) async throws -> String {
        let said = try await TestSupport.run(
            "/bin/bash", [Self.script, "run", folder, "/bin/sh", "-ec", script, "sh"] + arguments)
        guard said.status == 0 else {
            throw Failure(.failed, "in the box: \(script): \(said.status): \(said.output)\(said.error)")
        }
        return said.output.trimmingCharacters(in: .newlines)
    }

    /// Copies a file of this machine into the box.
    package func put(_ file: String, at path: String, mode: Int = 0o644) throws {
        try write(try Data(contentsOf: URL(fileURLWithPath: file)), to: path, mode: mode)
    }

    package func write(_ text: String, to path: String, mode: Int = 0o644) throws {
        try write(Data(text.utf8), to: path, mode: mode)
    }

    private func write(_ data: Data, to path: String, mode: Int) throws {
        try FileManager.default.createDirectory(
            atPath: root + (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try data.write(to: URL(fileURLWithPath: root + path))
        chmod(root + path, mode_t(mode))
    }

    package func read(_ path: String) throws -> String { try String(contentsOfFile: root + path, encoding: .utf8) }
}

/// Files of the repository that these tests were built from.
package enum Repository {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    package static func path(_ file: String) -> String { root.appending(path: file).path }
    package static func text(_ file: String) throws -> String {
        try String(contentsOfFile: path(file), encoding: .utf8)
    }
}

/// A box that is up, with nothing of ours in it; gone when the body ends. Needs root.
package func withBox<Result>(unit: String = "basic.target", _ body: (Box) async throws -> Result) async throws -> Result
{
    try await Seats.taken {
        let box = try await Box.up("/tmp/archon-box.\(UInt32.random(in: 0 ... .max))", unit: unit)
        do {
            let result = try await body(box)
            try await box.down()
            return result
        } catch {
            try await box.down()
            throw error
        }
    }
}
