import BackupCore
import Foundation

/// Makes a dump of an archive that has no manifest. One in the job's own folder is taken over: linked under its new name,
/// published, and only then rid of its old name. One from elsewhere is copied, and left alone; so is one beside a manifest
/// that cannot be used, which may still tell a person something.
package struct Adoption: Sendable {
    let job: Job
    var folder: JobFolder
    private let container: Container?
    private let zone: Zone
    private let minimumFree: Int64
    let allowsPartial: Bool

    /// Where this host has no pg_restore, the one in `container` reads it. Times in the older script's names are those of a
    /// clock in `zone`. A copy leaves `minimumFree` bytes on the disk. `allowsPartial` takes what lacks much of the dump before it.
    package init(
        job: Job, root: String, container: Container? = nil, zone: Zone = .utc, minimumFree: Int64 = 0,
        allowsPartial: Bool = false
    ) {
        self.job = job
        self.container = container
        self.zone = zone
        self.minimumFree = minimumFree
        self.allowsPartial = allowsPartial
        folder = JobFolder(job: job, root: root)
    }

    /// An archive that has been read to its end.
    package struct Examined: Sendable {
        package let path: String
        package let began: Date
        /// The clock showed this time twice.
        package let isAmbiguous: Bool
        package let bytes: Int64
        /// The dump that holds the same bytes of the same time already; an interrupted adoption may have left both.
        package var already: String? { earlier?.dump }
        /// When that dump is taken to have begun.
        package var alreadyBegan: Date? { earlier?.began }
        fileprivate let earlier: Manifest?
        fileprivate let ended: Date
        /// The file itself, where `path` is a link to it.
        fileprivate let real: String
        /// The name that tells of it.
        fileprivate let file: String
        fileprivate let isOurs: Bool
        fileprivate let digest: ArchiveDigest
        let reading: ArchiveReading
    }

    /// Finishes or removes what an interrupted run has left in the job's folder. Before anything of it is examined: an adoption
    /// cut off before its last rename would be done a second time, and retention would count one dump twice.
    package func sweep(lock: borrowing JobLock) throws { _ = try folder.sweep() }

    /// The archives that are to be taken when `path` is named: itself, or of a folder that is no archive, and of the one in it
    /// that has the database's name, those of the job's database that have no manifest, oldest first. Throws `.usage` when there
    /// is none.
    package func archives(at path: String) throws -> [String] {
        guard Disk.exists(path) else {
            throw Failure(
                .usage, "there is no \(path)",
                hint: "Name the file of an archive, the folder of a directory archive, or a folder of archives.")
        }
        guard Disk.isFolder(Disk.real(path)), !Disk.exists("\(path)/toc.dat") else { return [path] }
        var found = try Self.named(in: path, for: databases, job)
        for folder in Set(databases) where !folder.contains("/") && Disk.isFolder(Disk.real("\(path)/\(folder)")) {
            found += try Self.named(in: "\(path)/\(folder)", for: databases, job)
        }
        guard !found.isEmpty else {
            throw Failure(
                .usage, "\(path) holds no backup_\(job.database)_YYYYmmdd_HHMMSS.dump",
                hint: "Name the files, or the folder in which the older script kept those of \(job.database).")
        }
        var taken: Set<String> = []
        return found.sorted { ($0.time, $0.path) < ($1.time, $1.path) }.map(\.path)
            .filter { taken.insert(Disk.real($0)).inserted }
    }

    /// Those with a time that never was come last: they are to be named.
    private static func named(in folder: String, for databases: [String], _ job: Job) throws
        -> [(time: Date, path: String)]
    {
        let names = try Disk.names(in: folder)
        return names.compactMap { name in
            if name.hasSuffix(".dump"), let dump = DumpName(name.dropLast(5), job: job.name) {
                return names.contains("\(dump).json") ? nil : (dump.time, "\(folder)/\(name)")
            }
            guard databases.contains(where: { DumpName.isLegacy(name, database: $0) }) else { return nil }
            let time = databases.lazy.compactMap { DumpName.legacyTime(of: name, database: $0) }.first
            return (time ?? .distantFuture, "\(folder)/\(name)")
        }
    }

    /// Reads an archive to its end and changes nothing. Throws `.damaged` when that cannot be done or it holds a part of the
    /// database, and `.usage` when it is a dump already, not one of this job's database, compressed by another program, from the
    /// future or named for a time that never was. `others` are those that would be dumps by then.
    package func examine(_ path: String, after others: [Examined] = []) async throws -> Examined {
        var status = stat()
        guard stat(path, &status) == 0 else { throw Disk.failure("cannot look at \(path)") }
        let real = Disk.real(path)
        guard Disk.isFolder(real) || status.st_mode & S_IFMT == S_IFREG else {
            throw Failure(.usage, "\(path) is neither a file nor a folder", hint: "Name an archive of pg_dump's.")
        }
        guard Disk.isFolder(real) || status.st_size > 0 else {
            throw Failure(
                .damaged, "\(path) is empty", hint: "Nothing was ever written into it: remove it when you like.")
        }
        try await checkPlain(real, path)
        let isOurs = try isUnclaimed(real)
        let ended = Date(timeIntervalSince1970: Double(status.st_mtim.tv_sec))
        let file = name(of: path, real)
        let (began, isAmbiguous) = try time(of: file, written: ended)
        try checkPast(began, file)
        let tools = try await Tools.reader(major: 0, container: container)
        let digest = try await ArchiveDigest.take(real)
        let reading = try await ArchiveReading.take(
            real, tools: tools, digest: digest, timeoutSeconds: job.timeoutSeconds)
        try check(reading, path)
        // In another zone the same file has another time.
        let dumps = try folder.list().compactMap(\.manifest)
        let earlier = dumps.first {
            $0.sha256 == digest.sha256
                && ($0.began == began || $0.warnings.contains { $0.hasPrefix("adopted from \(file): ") })
        }
        if earlier == nil { try checkWhole(reading.facts.contents, path, began, beside: dumps, others) }
        return Examined(
            path: path, began: began, isAmbiguous: isAmbiguous, bytes: digest.bytes, earlier: earlier, ended: ended,
            real: real, file: file, isOurs: isOurs, digest: digest, reading: reading)
    }

    /// The name that it would get now.
    package func name(of examined: Examined) throws -> String {
        try examined.already ?? "\(folder.freeName(at: examined.began))"
    }

    /// Publishes what has been examined. Of one that is a dump already only the old name of the same file goes.
    package func adopt(_ examined: Examined, lock: borrowing JobLock) async throws -> String {
        let (path, real) = (examined.path, examined.real)
        let own = (real as NSString).lastPathComponent
        if let already = examined.already {
            if examined.isOurs { try folder.finishAdopting(own, as: already) }
            return already
        }
        try folder.prepare()
        let name = try folder.freeName(at: examined.began)
        let partial = folder.partialPath(name, ".dump")
        do {
            let isOurs = examined.isOurs
            try folder.step("take the archive")
            try await blocking { _ in
                if isOurs, !Disk.isFolder(real) {
                    try Disk.linkOrCopy(real, to: partial) { try checkRoom(examined.bytes) }
                } else {
                    try checkRoom(examined.bytes)
                    try Disk.copy(real, to: partial)
                }
            }
            guard examined.digest == (try await ArchiveDigest.take(partial)) else {
                throw Failure(
                    .inputOutput, "the copy of \(path) differs from what was read",
                    hint: "Look whether something still writes into it, and at the disk.")
            }
            let manifest = manifest(name, examined)
            // What that finds wrong with another dump stands in its manifest then, and in `list`.
            _ = try await blocking { [folder, manifest] in try folder.publish(name, manifest, $0) }
        } catch {
            try? folder.discard(name)  // the first fault is the one to tell
            throw error
        }
        if examined.isOurs { try await removeOld(own, name, examined) }
        return "\(name)"
    }

    /// The old name goes when the new one stands for the same file, or for one that has been read again and is equal: the
    /// archive may have no other copy.
    private func removeOld(_ own: String, _ name: DumpName, _ examined: Examined) async throws {
        let published = folder.archivePath(name)
        if !Disk.isSameFile(examined.real, published) {
            guard Disk.real(published) == "\(Disk.real(folder.path))/\(name).dump",
                examined.digest == (try await ArchiveDigest.take(published))
            else {
                throw Failure(
                    .inputOutput, "\(name).dump differs from \(own), which stays",
                    hint:
                        "Look at the disk, and `archon-backupd verify \(ShellCommand.word(job.name)) \(ShellCommand.word("\(name)"))`."
                )
            }
        }
        try folder.removeAdopted(own)
    }

    private func manifest(_ name: DumpName, _ examined: Examined) -> Manifest {
        let (digest, reading, file) = (examined.digest, examined.reading, examined.file)
        var manifest = Manifest(
            job: job.name, server: job.server, database: reading.database.isEmpty ? job.database : reading.database,
            dump: "\(name)", slot: nil,
            began: examined.began, ended: max(examined.began, examined.ended), snapshot: examined.began,
            format: digest.members == nil ? .custom : .directory, compression: "unknown",
            pgDumpVersion: reading.pgDumpVersion, serverVersion: reading.serverVersion, bytes: digest.bytes,
            sha256: digest.sha256,
            members: digest.members, entries: reading.entries, rows: [:],
            largeObjects: 0, extensions: [],
            properties: .init(owner: "", encoding: "", collation: "", characterType: ""), globals: nil,
            roles: reading.facts.roles.sorted(), proof: .read,
            warnings: [
                "adopted from \(file): owner, settings and grants of the database are not known, and of its roles the names alone"
            ],
            tool: "archon-backupd \(Version.current)")
        if examined.isAmbiguous {
            manifest.warnings.append(
                "the clock in \(zone.name) showed the time of \(file) twice: the first of the two is taken")
        }
        manifest.take(reading.facts, hash: .xxh3)
        return manifest
    }

    private var databases: [String] { [job.database, job.name] }

    /// Of a link and of the file itself the one that has a time in it, the file's own first.
    private func name(of path: String, _ real: String) -> String {
        let names = [real, path].map { ($0 as NSString).lastPathComponent }
        return names.first { name in
            databases.contains { DumpName.legacyTime(of: name, database: $0) != nil }
                || name.hasSuffix(".dump") && DumpName(name.dropLast(5), job: job.name) != nil
        } ?? names[1]
    }

    private func time(of file: String, written: Date) throws -> (Date, isAmbiguous: Bool) {
        switch databases.lazy.compactMap({ DumpName.legacyTime(of: file, database: $0, in: zone) }).first {
        case .once(let time): return (time, false)
        case .twice(let time): return (time, true)
        case .skipped:
            throw Failure(
                .usage, "a clock in \(zone.name) never showed the time of \(file): it was set forward then",
                hint: "Give --time-zone the zone in which the script ran, such as UTC.")
        case nil:
            guard !databases.contains(where: { DumpName.isLegacy(file, database: $0) }) else {
                throw Failure(
                    .usage, "\(file) is named for a time that never was",
                    hint: "Correct its name: backup_\(job.database)_YYYYmmdd_HHMMSS.dump.")
            }
            return (
                DumpName(file.hasSuffix(".dump") ? file.dropLast(5) : file[...], job: job.name)?.time ?? written, false
            )
        }
    }

    private func checkRoom(_ bytes: Int64) throws {
        let free = try Disk.freeBytes(at: folder.path)
        guard free < bytes + minimumFree else { return }
        throw Failure(
            .cannotWrite,
            "\(folder.path) has \(ByteSize.text(free)) free, and \(ByteSize.text(bytes + minimumFree)) are needed (\(ByteSize.text(bytes)) for the copy, \(ByteSize.text(minimumFree)) minimumFree)",
            hint: "Free some room, or move the file into \(folder.path), where it is taken over without a copy.")
    }

    /// True for a file of the job's folder that no manifest speaks of.
    private func isUnclaimed(_ real: String) throws -> Bool {
        // By what the names stand for: the folder may be reached by another path.
        guard (real as NSString).deletingLastPathComponent == Disk.real(folder.path) else { return false }
        let name = ((real as NSString).lastPathComponent as NSString).deletingPathExtension
        if try folder.list().contains(where: { $0.name == name && $0.anyManifest != nil }) {
            throw Failure(
                .usage, "\(name) is a dump already",
                hint:
                    "`archon-backupd verify \(ShellCommand.word(job.name)) \(ShellCommand.word(name))` reads it again."
            )
        }
        return !Disk.exists("\(folder.path)/\(name).json")
    }
}
