import BackupCore
import BackupRuntime
import Foundation

/// A job of one host with one dump that is whole, to be damaged again and again; `reset` makes it whole again.
package struct DumpStage: Sendable {
    package let host: TestHost
    package let job: String
    /// Without extension.
    package let dump: String
    private let pristine: String
    package var folder: String { "\(host.storage)/\(job)" }
    package var archive: String { "\(folder)/\(dump).dump" }
    package var manifestFile: String { "\(folder)/\(dump).json" }
    package var globals: String { "\(folder)/\(dump).globals.sql" }

    /// Dumps the job and keeps a copy of what that made.
    package init(_ host: TestHost, _ job: String) async throws {
        let said = try await host.call("backup", job)
        guard said.status == 0, let dump = said.lines.last else { throw Failure(.failed, "backup: \(said.error)") }
        self.host = host
        self.job = job
        self.dump = dump
        pristine = "\(host.folder)/pristine-\(job)"
        try FileManager.default.copyItem(atPath: "\(host.storage)/\(job)", toPath: pristine)
    }

    /// Takes away whatever is there and puts the dump as it was in its place.
    package func reset() throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            try FileManager.default.removeItem(atPath: "\(folder)/\(name)")
        }
        for name in try FileManager.default.contentsOfDirectory(atPath: pristine) {
            try FileManager.default.copyItem(atPath: "\(pristine)/\(name)", toPath: "\(folder)/\(name)")
        }
    }

    package func manifest() throws -> Manifest {
        try ManifestCodec.decode(try Data(contentsOf: URL(fileURLWithPath: manifestFile)), file: manifestFile)
    }

    /// Writes another manifest, one that is as whole as the first.
    package func rewrite(_ change: (inout Manifest) throws -> Void) throws {
        var manifest = try manifest()
        try change(&manifest)
        try ManifestCodec.encode(manifest).write(to: URL(fileURLWithPath: manifestFile))
    }

    /// Lets the manifest say of the archive's bytes what they are now: then only what they mean can tell.
    package func blessBytes() async throws {
        let digest = try await ArchiveDigest.take(archive)
        try rewrite { manifest in
            manifest.bytes = digest.bytes
            manifest.sha256 = digest.sha256
            manifest.members = digest.members
        }
    }

    /// Puts other roles in the file of roles, and their checksum in the manifest.
    package func rewriteGlobals(_ change: (String) -> String) async throws {
        let text = change(try String(contentsOfFile: globals, encoding: .utf8))
        try Data(text.utf8).write(to: URL(fileURLWithPath: globals))
        let digest = try await ArchiveDigest.take(globals)
        try rewrite { manifest in
            manifest.globals?.bytes = digest.bytes
            manifest.globals?.sha256 = digest.sha256
        }
    }

    package func drill() async throws -> Said { try await host.call("drill", job, "--dump", dump) }
    package func verify() async throws -> Said { try await host.call("verify", job, dump) }

    /// How `list` has the dump: its proof, or its fault.
    package func listed() async throws -> (proof: String, fault: String?) {
        let said = try await host.call("list", job, "--json")
        let lines = try JSONDecoder().decode([ListLine].self, from: Data(said.output.utf8))
        guard let line = lines.first(where: { $0.dump == dump }) else {
            throw Failure(.failed, "\(dump) is not listed")
        }
        return (line.proof, line.fault)
    }

    private struct ListLine: Decodable {
        var dump: String
        var proof: String
        var fault: String?
    }
}

/// What turns bits and cuts files.
package enum Damage {
    package static func flip(_ path: String, byte: Int, bit: Int) throws {
        var data = try Data(contentsOf: URL(fileURLWithPath: path))
        data[byte] ^= 1 << UInt8(bit)
        try data.write(to: URL(fileURLWithPath: path))
    }

    package static func bytes(of path: String) throws -> Int { try Data(contentsOf: URL(fileURLWithPath: path)).count }

    /// Where `text` begins in a file, the last time.
    package static func last(_ text: String, in path: String) throws -> Int {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        guard let range = data.range(of: Data(text.utf8), options: .backwards) else {
            throw Failure(.failed, "\(path) has no \(text)")
        }
        return range.lowerBound
    }

    package static func cut(_ path: String, to bytes: Int) throws {
        guard truncate(path, bytes) == 0 else { throw Failure(.inputOutput, "cannot cut \(path)") }
    }
}
