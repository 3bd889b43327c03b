import BackupCore
import Foundation

/// Reads a dump again in full and holds it to its manifest.
package enum Verification {
    /// Throws `.damaged` that names the dump and the first difference. `whenChanged` is told before that when its bytes are not
    /// those that the manifest speaks of, which no other host or program will find otherwise. Where this host has no pg_restore
    /// that is new enough, the one in `container` reads it.
    package static func verify(
        _ manifest: Manifest, path: String, container: Container? = nil, timeoutSeconds: Double = 86_400,
        whenChanged: (_ reason: String) async -> Void = { _ in },
        progress: @escaping @Sendable (RunProgress) -> Void = { _ in }
    ) async throws {
        func damaged(_ what: String) -> Failure {
            Failure(
                .damaged, "\(manifest.dump) is damaged: \(what)",
                hint:
                    "Run a backup of \(manifest.job) now, look at the disk, and let `archon-backupd verify \(ShellCommand.word(manifest.job)) --every` read the others."
            )
        }
        let hashed = Shared(Int64(0))
        let digest = try await ArchiveDigest.take(path) { count in
            let bytes = hashed.with { bytes in
                bytes += count
                return bytes
            }
            progress(RunProgress(phase: .hashing, bytes: bytes))
        }
        if let change = try change(of: manifest, digest, path) {
            await whenChanged(change)
            throw damaged(change)
        }
        let tools = try await Tools.reader(major: manifest.dumpMajor, container: container)
        let reading = try await ArchiveReading.take(
            path, tools: tools, digest: digest, timeoutSeconds: timeoutSeconds, progress: progress)
        if let difference = Differences.between(manifest, reading.facts, hash: .xxh3).summary {
            throw damaged(difference)
        }
    }

    /// What is not as it was written; nil when all is.
    private static func change(of manifest: Manifest, _ digest: ArchiveDigest, _ path: String) throws -> String? {
        guard digest.bytes == manifest.bytes else {
            return "its archive has \(digest.bytes) bytes where the manifest says \(manifest.bytes)"
        }
        guard digest.sha256 == manifest.sha256 else {
            let member =
                zip(digest.members ?? [], manifest.members ?? []).first { $0 != $1 }.map { " (\($0.0.name))" } ?? ""
            return "its SHA-256\(member) is not that of the manifest"
        }
        guard let globals = manifest.globals else { return nil }
        let file = (path as NSString).deletingLastPathComponent + "/" + globals.file
        guard Disk.exists(file) else { return "its roles file \(globals.file) is missing" }
        guard try Digest.hex(ofFile: file).sha256 == globals.sha256 else {
            return "the SHA-256 of its roles file is not that of the manifest"
        }
        return nil
    }
}
