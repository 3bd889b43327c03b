import BackupCore
import Foundation

/// Makes a dump of an archive that has no manifest. One in the job's own folder is taken over: linked under its new name,
/// published, and only then rid of its old name. One from elsewhere is copied, and left alone; so is one beside a manifest
/// that cannot be used, which may still tell a person something.
package struct Adoption: Sendable {
    private let job: Job
    private let folder: JobFolder
    private let container: Container?

    /// Where this host has no pg_restore, the one in `container` reads it.
    package init(job: Job, root: String, container: Container? = nil) {
        self.job = job
        self.container = container
        folder = JobFolder(job: job, root: root)
    }

    /// Throws `.damaged` when the archive cannot be read in full, and `.usage` when it is a dump already; then nothing is
    /// changed.
    package func adopt(_ path: String, lock: borrowing JobLock) async throws -> Manifest {
        guard Disk.exists(path) else {
            throw Failure(
                .usage, "there is no \(path)",
                hint: "Name the file of an archive, or the folder of a directory archive.")
        }
        var status = stat()
        guard stat(path, &status) == 0 else { throw Disk.failure("cannot look at \(path)") }
        let file = (path as NSString).lastPathComponent
        let isOurs = try isUnclaimed(path)
        let ended = Date(timeIntervalSince1970: Double(status.st_mtim.tv_sec))
        let began =
            [job.database, job.name].lazy.compactMap { DumpName.legacyTime(of: file, database: $0) }.first
            ?? DumpName(file.hasSuffix(".dump") ? file.dropLast(5) : file[...], job: job.name)?.time ?? ended
        let tools = try await Tools.reader(major: 0, container: container)
        let reading = try await ArchiveReading.take(path, tools: tools, timeoutSeconds: job.timeoutSeconds)
        try folder.prepare()
        let name = try folder.freeName(at: began)
        let partial = folder.partialPath(name, ".dump")
        do {
            try await blocking { _ in
                try isOurs && !Disk.isFolder(path) ? Disk.link(path, to: partial) : Disk.copy(path, to: partial)
            }
            let digest = try await ArchiveDigest.take(partial)
            guard digest == (try await ArchiveDigest.take(path)) else {
                throw Failure(.inputOutput, "the copy of \(path) differs from it", hint: "Look at the disk.")
            }
            var manifest = Manifest(
                job: job.name, server: job.server, database: reading.database.isEmpty ? job.database : reading.database,
                dump: "\(name)", slot: nil,
                began: began, ended: max(began, ended), snapshot: began,
                format: digest.members == nil ? .custom : .directory, compression: "unknown",
                pgDumpVersion: reading.pgDumpVersion, serverVersion: reading.serverVersion, bytes: digest.bytes,
                sha256: digest.sha256,
                members: digest.members, entries: reading.entries, rows: [:],
                largeObjects: 0, extensions: [],
                properties: .init(owner: "", encoding: "", collation: "", characterType: ""), globals: nil,
                proof: .read,
                warnings: ["adopted from \(file): owner, settings, grants and roles are not known"],
                tool: "archon-backupd \(Version.current)")
            manifest.take(reading.facts, hash: .xxh3)
            // What that finds wrong with another dump stands in its manifest then, and in `list`.
            _ = try await blocking { [folder, manifest] in try folder.publish(name, manifest, $0) }
            if isOurs { try folder.removeAdopted(file) }
            return manifest
        } catch {
            try? folder.discard(name)  // the first fault is the one to tell
            throw error
        }
    }

    /// True for a file of the job's folder that no manifest speaks of.
    private func isUnclaimed(_ path: String) throws -> Bool {
        // By what the names stand for: the folder may be reached by another path.
        let place = URL(fileURLWithPath: path).resolvingSymlinksInPath()
        guard place.deletingLastPathComponent().path == URL(fileURLWithPath: folder.path).resolvingSymlinksInPath().path
        else { return false }
        let name = place.deletingPathExtension().lastPathComponent
        if try folder.list().contains(where: { $0.name == name && $0.anyManifest != nil }) {
            throw Failure(
                .usage, "\(name) is a dump already", hint: "`archon-backupd verify \(job.name) \(name)` reads it again."
            )
        }
        return !Disk.exists("\(folder.path)/\(name).json")
    }
}
