import BackupCore
import Foundation

/// One job's folder: dumps are published into it, listed, and removed. What is listed as whole has a manifest, which comes
/// last and goes first; whatever a crash leaves half done is finished or swept by `sweep`.
///
/// Publishing X: `.partial-X.dump`, `.partial-X.globals.sql`, `.partial-X.json` durable; then renamed: globals, archive,
/// (folder durable), manifest, (folder durable). Removing X: `X.json` renamed to `.partial-removed-X.json`, (folder
/// durable), archive, globals, and that file removed. So after a crash a `.partial-X.json` beside `X.dump` is a publishing
/// that only lacks its last rename, and a `.partial-removed-X.json` is a removal that lacks its end.
package struct JobFolder: Sendable {
    package let job: String
    package let database: String
    package let path: String
    /// Called before each step that changes the disk; a test stops there, as a power cut would.
    var step: @Sendable (String) throws -> Void = { _ in }

    package init(job: Job, root: String) {
        self.job = job.name
        database = job.database
        path = "\(root)/\(job.name)"
    }

    package func prepare() throws { try Disk.makeFolder(path) }

    package func archivePath(_ name: DumpName) -> String { "\(path)/\(name).dump" }
    package func manifestPath(_ name: DumpName) -> String { "\(path)/\(name).json" }
    package func globalsPath(_ name: DumpName) -> String { "\(path)/\(name).globals.sql" }
    func partialPath(_ name: DumpName, _ suffix: String) -> String { "\(path)/.partial-\(name)\(suffix)" }
    private func removedPath(_ name: DumpName) -> String { "\(path)/.partial-removed-\(name).json" }

    /// The name for a run that begins at `time`, or the first free second after it that is later than every other of about
    /// then: runs in quick succession and a clock that came back a little must not make the newest dump an older one.
    package func freeName(at time: Date) throws -> DumpName {
        let wanted = DumpName(job: job, time: time)
        guard Disk.isFolder(path) else { return wanted }
        let taken = try Disk.names(in: path).compactMap(name(in:)).filter {
            $0.time >= wanted.time && !RetentionDump.isFromTheFuture($0.time, now: wanted.time)
        }
        return taken.max().map { DumpName(job: job, time: $0.time.addingTimeInterval(1)) } ?? wanted
    }

    /// The dump to which a file belongs, be it published, in progress or being removed; nil for any other file.
    private func name(in file: String) -> DumpName? {
        let hidden = [".partial-removed-", ".partial-"].first { file.hasPrefix($0) } ?? ""
        let rest = file.dropFirst(hidden.count)
        return [".globals.sql", ".dump", ".json"].first { rest.hasSuffix($0) }.flatMap {
            DumpName(rest.dropLast($0.count), job: job)
        }
    }

    // MARK: publishing

    /// Makes a dump out of its partial files and its manifest. When it returns, the dump is listed and survives a power cut.
    /// Members that earlier dumps hold too take no room again; returns what was found wrong with those dumps on the way. A cancellation
    /// is heeded for as long as that is looked for; from then on it is a matter of moments, and goes to its end.
    @discardableResult
    func publish(_ name: DumpName, _ manifest: Manifest, _ cancellation: Cancellation = Cancellation()) throws
        -> [Failure]
    {
        var sharing = MemberSharing(self, name, cancellation)
        try sharing.share(manifest.members ?? [])
        try cancellation.check()
        try makeDurable(name, manifest)
        return sharing.noteDamages()
    }

    private func makeDurable(_ name: DumpName, _ manifest: Manifest) throws {
        let archive = partialPath(name, ".dump")
        try step("sync archive")
        if Disk.isFolder(archive) {
            for member in try Disk.names(in: archive) { try Disk.sync("\(archive)/\(member)") }
            try Disk.sync(archive, isFolder: true)
        } else {
            try Disk.sync(archive)
        }
        if manifest.globals != nil {
            try step("sync globals")
            try Disk.sync(partialPath(name, ".globals.sql"))
        }
        try step("write manifest")
        try Disk.write(try ManifestCodec.encode(manifest), to: partialPath(name, ".json"))
        try step("sync folder before renaming")
        try Disk.sync(path, isFolder: true)
        if manifest.globals != nil {
            try step("rename globals")
            try Disk.rename(partialPath(name, ".globals.sql"), globalsPath(name))
        }
        try step("rename archive")
        try Disk.rename(archive, archivePath(name))
        try step("sync folder before the manifest")
        try Disk.sync(path, isFolder: true)
        try step("rename manifest")
        try Disk.rename(partialPath(name, ".json"), manifestPath(name))
        try step("sync folder after the manifest")
        try Disk.sync(path, isFolder: true)
    }

    /// Puts a changed manifest in the place of the one that is there. Whenever the power fails, one of the two is there, whole:
    /// the new one is durable under a name that a sweep removes before it takes the old one's.
    package func rewrite(_ manifest: Manifest) throws {
        guard let name = DumpName(manifest.dump, job: job), Disk.exists(manifestPath(name)) else {
            throw Failure(.inputOutput, "\(manifest.dump) is no longer there")
        }
        let partial = "\(path)/.partial-proof-\(name).json"
        try Disk.remove(partial)
        try step("write the new manifest")
        try Disk.write(try ManifestCodec.encode(manifest), to: partial)
        try step("rename the new manifest")
        try Disk.rename(partial, manifestPath(name))
        try step("sync folder after the new manifest")
        try Disk.sync(path, isFolder: true)
    }

    /// Notes in a manifest that the bytes beside it are no longer those it speaks of: from then on nobody counts on the dump, and no
    /// rule removes it. False when that is noted already, or the dump is another or gone meanwhile.
    package func note(_ damage: Manifest.Damage, of manifest: Manifest, lock: borrowing JobLock) throws -> Bool {
        guard let name = DumpName(manifest.dump, job: job), var now = stored(name).anyManifest,
            now.damage == nil, now.sha256 == manifest.sha256
        else { return false }
        now.damage = damage
        try rewrite(now)
        return true
    }

    /// Takes the note of damage out of a manifest. Returns how the dump stands then; nil when there is none of that name.
    package func clearDamage(of manifest: Manifest, lock: borrowing JobLock) throws -> StoredDump? {
        guard let name = DumpName(manifest.dump, job: job), var now = stored(name).anyManifest else { return nil }
        now.damage = nil
        try rewrite(now)
        return stored(name)
    }

    /// Takes away the old name of an archive that has just been published under another.
    func removeAdopted(_ file: String) throws {
        try step("remove the old name")
        try Disk.remove("\(path)/\(file)")
        try Disk.sync(path, isFolder: true)
    }

    /// The end of an adoption that was cut off after publishing: of two names for one file the old one goes. A file of its own
    /// stays, whatever it holds.
    func finishAdopting(_ file: String, as dump: String) throws {
        guard file != "\(dump).dump", Disk.isSameFile("\(path)/\(file)", "\(path)/\(dump).dump") else { return }
        // What was published before a kill may not be on the disk yet.
        try Disk.sync(path, isFolder: true)
        try removeAdopted(file)
    }

    /// Removes what a failed run has written. When its archive has its name already, only the manifest's is lacking: that is
    /// for the next sweep to finish.
    package func discard(_ name: DumpName) throws {
        guard !Disk.exists(archivePath(name)) else { return }
        for suffix in [".dump", ".globals.sql", ".json"] { try Disk.remove(partialPath(name, suffix)) }
        // Its roles may have their name; nobody else has this one.
        try Disk.remove(globalsPath(name))
    }

    // MARK: removing

    /// Unlists a dump and then removes its bytes.
    package func remove(_ name: DumpName) throws {
        try step("unlist")
        try Disk.rename(manifestPath(name), removedPath(name))
        try step("sync folder after unlisting")
        try Disk.sync(path, isFolder: true)
        try finishRemoval(name)
    }

    private func finishRemoval(_ name: DumpName) throws {
        try step("remove archive")
        try Disk.remove(archivePath(name))
        try step("remove globals")
        try Disk.remove(globalsPath(name))
        try step("sync folder after the archive")
        try Disk.sync(path, isFolder: true)
        try step("remove the removed manifest")
        try Disk.remove(removedPath(name))
    }

    /// Finishes or removes what a crash has left, after it has ended who still writes it. Only for who holds the job's lock. Returns
    /// what it dealt with: names, and `pg_dump <number>`.
    package func sweep() throws -> [String] {
        guard Disk.isFolder(path) else { return [] }
        var swept: [String] = []
        if try Disk.names(in: path).contains(where: LeftDump.isPartialArchive) {
            swept += try LeftDump.endAll(writingInto: path).map { "pg_dump \($0)" }
        }
        for file in try Disk.names(in: path) where file.hasPrefix(".partial-") {
            swept.append(file)
            if let name = DumpName(file.dropFirst(".partial-removed-".count).dropLast(5), job: job),
                file.hasPrefix(".partial-removed-")
            {
                try finishRemoval(name)
            } else if let name = DumpName(file.dropFirst(".partial-".count).dropLast(5), job: job),
                file.hasSuffix(".json")
            {
                try finishPublishing(name)
            } else {
                try Disk.remove("\(path)/\(file)")
            }
        }
        if !swept.isEmpty { try Disk.sync(path, isFolder: true) }
        return swept
    }

    private func finishPublishing(_ name: DumpName) throws {
        let file = partialPath(name, ".json")
        // A manifest cut short by the crash was not durable yet, so nothing had been renamed: it goes.
        let data = FileManager.default.contents(atPath: file)
        let manifest = data.flatMap { try? ManifestCodec.decode($0, file: file) }  // see above
        if let manifest, Disk.bytes(of: archivePath(name)) == manifest.bytes {
            try Disk.rename(file, manifestPath(name))
        } else {
            try Disk.remove(file)
            if !Disk.exists(archivePath(name)) { try Disk.remove(globalsPath(name)) }
        }
    }

    // MARK: listing

    /// Those that have a manifest, oldest first.
    func names() throws -> [DumpName] {
        try Disk.names(in: path).filter { $0.hasSuffix(".json") && !$0.hasPrefix(".") }.compactMap {
            DumpName($0.dropLast(5), job: job)
        }.sorted()
    }

    /// Everything in the folder that is, was or should be a dump, oldest first.
    package func list() throws -> [StoredDump] {
        guard Disk.isFolder(path) else { return [] }
        let names = try Disk.names(in: path)
        var found: [StoredDump] = []
        for file in names where !file.hasPrefix(".") {
            if file.hasSuffix(".json"), let name = DumpName(file.dropLast(5), job: job) {
                found.append(stored(name))
            } else if file.hasSuffix(".dump") {
                if let name = DumpName(file.dropLast(5), job: job) {
                    guard !names.contains("\(name).json") else { continue }
                    found.append(
                        StoredDump(
                            job: job, name: "\(name)", path: archivePath(name), time: name.time,
                            state: .damaged("it has no manifest; `archon-backupd adopt` reads it and makes one")))
                } else if let time = DumpName.legacyTime(of: file, database: database)
                    ?? DumpName.legacyTime(of: file, database: job)
                {
                    found.append(
                        StoredDump(
                            job: job, name: String(file.dropLast(5)), path: "\(path)/\(file)", time: time,
                            state: .legacy))
                }
            }
        }
        return found.sorted { ($0.time, $0.name) < ($1.time, $1.name) }
    }

    /// What stands there under the name of a dump that has a manifest.
    func stored(_ name: DumpName) -> StoredDump {
        let file = manifestPath(name)
        let archive = archivePath(name)
        let found = ArchiveSpace.look(archive)
        let bytes = found?.bytes
        let state: StoredDump.State
        do {
            guard let data = FileManager.default.contents(atPath: file) else {
                throw Disk.failure("cannot read \(file)")
            }
            let manifest = try ManifestCodec.decode(data, file: file)
            state =
                bytes == nil
                ? .damaged("its archive is missing")
                : bytes != manifest.bytes
                    ? .damaged("its archive has \(bytes ?? 0) bytes where the manifest says \(manifest.bytes)")
                    : manifest.job != job || manifest.dump != "\(name)"
                        ? .damaged("its manifest is that of \(manifest.dump)")
                        : manifest.drill?.verdict == .failed
                            ? .refuted(
                                manifest, "its drill failed: \(manifest.drill?.reason?.prefix { $0 != "\n" } ?? "")")
                            : manifest.damage.map { .refuted(manifest, $0.reason) } ?? .whole(manifest)
        } catch let failure as Failure {
            state = .damaged(failure.message)
        } catch {
            state = .damaged("\(error)")
        }
        return StoredDump(job: job, name: "\(name)", path: archive, time: name.time, found, state: state)
    }
}
