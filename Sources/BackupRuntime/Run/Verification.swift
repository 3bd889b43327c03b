import BackupCore
import Foundation

/// Reads a dump again in full and holds it to its manifest.
package enum Verification {
    /// Throws `.damaged` that names the dump and the first difference. Where this host has no pg_restore that is new enough, the
    /// one in `container` reads it.
    package static func verify(
        _ manifest: Manifest, path: String, container: Container? = nil, timeoutSeconds: Double = 86_400,
        progress: @escaping @Sendable (RunProgress) -> Void = { _ in }
    ) async throws {
        func damaged(_ what: String) -> Failure {
            Failure(
                .damaged, "\(manifest.dump) is damaged: \(what)",
                hint: "Keep it aside, run a backup of \(manifest.job) now, and look at the disk.")
        }
        let hashed = Shared(Int64(0))
        let digest = try await ArchiveDigest.take(path) { count in
            let bytes = hashed.with { bytes in
                bytes += count
                return bytes
            }
            progress(RunProgress(phase: .hashing, bytes: bytes))
        }
        guard digest.bytes == manifest.bytes else {
            throw damaged("its archive has \(digest.bytes) bytes where the manifest says \(manifest.bytes)")
        }
        guard digest.sha256 == manifest.sha256 else {
            let member =
                zip(digest.members ?? [], manifest.members ?? []).first { $0 != $1 }.map { " (\($0.0.name))" } ?? ""
            throw damaged("its SHA-256\(member) is not that of the manifest")
        }
        if let globals = manifest.globals { try verify(globals, beside: path, damaged) }
        let tools = try await Tools.reader(major: manifest.dumpMajor, container: container)
        let reading = try await ArchiveReading.take(
            path, tools: tools, digest: digest, timeoutSeconds: timeoutSeconds, progress: progress)
        if let difference = Differences.between(manifest, reading.facts, hash: .xxh3).summary {
            throw damaged(difference)
        }
    }

    private static func verify(_ globals: Manifest.Globals, beside path: String, _ damaged: (String) -> Failure) throws
    {
        let file = (path as NSString).deletingLastPathComponent + "/" + globals.file
        guard Disk.exists(file) else { throw damaged("its roles file \(globals.file) is missing") }
        guard try Digest.hex(ofFile: file).sha256 == globals.sha256 else {
            throw damaged("the SHA-256 of its roles file is not that of the manifest")
        }
    }
}
