import BackupCore

/// Whether an archive is what its manifest says, and what it holds: before it replaces anything.
struct ArchiveCheck: Sendable {
    let archive: String
    /// Nil for a bare file, of which the full read alone speaks.
    let manifest: Manifest?
    let limit: TimeLimit
    /// Where the archive is read when this host has no pg_restore that is new enough.
    var container: Container?

    private func damaged(_ what: String) -> Failure {
        Failure(
            .damaged, "\(manifest?.dump ?? archive) is damaged: \(what)",
            hint: manifest.map { "Choose an earlier one: `archon-backupd list \(ShellCommand.word($0.job))`." })
    }

    /// Holds its bytes to the manifest. Throws `.damaged`.
    func digest(progress: @escaping @Sendable (RunProgress) -> Void) async throws {
        guard let manifest else { return }
        let hashed = Shared(Int64(0))
        let digest = try await ArchiveDigest.take(archive) { count in
            let bytes = hashed.with { bytes in
                bytes += count
                return bytes
            }
            progress(RunProgress(phase: .hashing, bytes: bytes))
        }
        guard digest.sha256 == manifest.sha256, digest.bytes == manifest.bytes else {
            throw damaged("its SHA-256 is not that of the manifest")
        }
    }

    /// Reads it in full and holds that to the manifest. Throws `.damaged`.
    func read(progress: @escaping @Sendable (RunProgress) -> Void = { _ in }) async throws -> ArchiveReading {
        let reading = try await ArchiveReading.take(
            archive, tools: try await reader(), timeoutSeconds: try limit.remaining(), progress: progress)
        if let manifest, let difference = Differences.between(manifest, reading.facts, hash: .xxh3).summary {
            throw damaged(difference)
        }
        return reading
    }

    /// Reads it now when that is needed before anything can be restored: a bare file does not say who wrote it, and a container
    /// would need room for two copies. Nil when it can be read while it is restored.
    func readEarly(progress: @escaping @Sendable (RunProgress) -> Void) async throws -> ArchiveReading? {
        let isReadInside = try await reader().host != nil
        guard manifest.map({ $0.dumpMajor == 0 }) ?? true || isReadInside else { return nil }
        return try await read(progress: progress)
    }

    private func reader() async throws -> Tools {
        try await Tools.reader(major: manifest?.dumpMajor ?? 0, container: container)
    }
}
