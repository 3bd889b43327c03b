import BackupCore
import CFileSystem
import Foundation

/// Members of a new directory archive that an earlier dump of the job holds byte for byte take no room of their own: they become
/// clones of its files where the file system has those (btrfs, xfs), else further names for them. Each dump is whole by itself:
/// its names go with it, the bytes with the last of them.
///
/// It happens inside the partial archive, which a sweep removes for as long as its manifest is not in its place; an earlier
/// dump's files get another link and are otherwise only read. When the power fails, for a member M
///   before `share member`     M is the new file
///   before `replace member`   M is the new file, and `.shared` beside it a name or a clone of the earlier one
///   later                     M stands on the earlier file's bytes, which were durable long ago
struct MemberSharing {
    /// How many good dumps are looked through, and among how many: a table that changes and changes back, a member with as many
    /// links as there may be, and a dump that is damaged in between cost nothing; years of dumps are not read for it.
    private static let depth = (good: 3, all: 8)

    private let folder: JobFolder
    private let name: DumpName
    private let archive: String
    private let cancellation: Cancellation
    private var way: Way? = .clone
    /// Each earlier file serves one member, so that all get one link a dump and none runs into the limit before the others.
    private var taken: Set<[UInt64]> = []
    private var damages: [(manifest: Manifest, reason: String)] = []

    private enum Way { case clone, link }

    init(_ folder: JobFolder, _ name: DumpName, _ cancellation: Cancellation) {
        self.folder = folder
        self.name = name
        self.cancellation = cancellation
        archive = folder.partialPath(name, ".dump")
    }

    /// Shares what it can; what it cannot stays as it is. Throws only for a member of the new dump that is no longer what was read.
    mutating func share(_ members: [Manifest.Member]) throws {
        var left = members.filter { $0.bytes > 0 }
        var good = 0
        for earlier in try folder.names().filter({ $0 != name }).suffix(Self.depth.all).reversed() {
            guard !left.isEmpty, good < Self.depth.good, way != nil else { return }
            let stored = folder.stored(earlier)
            guard let manifest = stored.manifest, let members = manifest.members else { continue }
            good += 1
            left = try share(left, with: stored.path, manifest, members)
        }
    }

    /// Returns those that found nothing.
    private mutating func share(
        _ wanted: [Manifest.Member], with earlier: String, _ manifest: Manifest, _ members: [Manifest.Member]
    ) throws -> [Manifest.Member] {
        var holders: [Contents: [String]] = [:]
        for member in members { holders[Contents(member), default: []].append(member.name) }
        var left = wanted
        // Once for most of them; again for those whose file could not lend itself, as long as there are others alike.
        while way != nil, !isDamaged(manifest) {
            let pairs = try left.compactMap { member in
                try pair(member) { holders[Contents(member)]?.popLast().map { "\(earlier)/\($0)" } }
            }
            if pairs.isEmpty { break }
            let shared = try share(pairs, of: manifest)
            left.removeAll { shared.contains($0.name) }
        }
        return left
    }

    private struct Contents: Hashable {
        let bytes: Int64
        let sha256: String

        init(_ member: Manifest.Member) { (bytes, sha256) = (member.bytes, member.sha256) }
    }

    /// The member beside the next of the earlier files that may lend itself to it; nil when there is none.
    private mutating func pair(_ member: Manifest.Member, _ next: () -> String?) throws -> MemberPair? {
        let path = "\(archive)/\(member.name)"
        var new = stat()
        guard lstat(path, &new) == 0 else { throw Disk.failure("cannot look at \(path)") }
        while let path = next() {
            var old = stat()
            // One that is gone or of another length is damage that `list` tells by itself.
            if lstat(path, &old) == 0, old.st_size == new.st_size, old.st_mode & S_IFMT == S_IFREG,
                old.st_dev == new.st_dev, old.st_ino != new.st_ino,
                taken.insert([UInt64(old.st_dev), UInt64(old.st_ino)]).inserted
            {
                return MemberPair(member: member, path: path, file: old)
            }
        }
        return nil
    }

    /// Compares on all cores and replaces in the order of the pairs, until something forbids it. Returns the names of the members
    /// that are shared now.
    private mutating func share(_ pairs: [MemberPair], of earlier: Manifest) throws -> Set<String> {
        let comparison = PairComparison(pairs, archive: archive, cancellation)
        defer { comparison.end() }
        var shared: Set<String> = []
        for (index, pair) in pairs.enumerated() where way != nil && !isDamaged(earlier) {
            try cancellation.check()
            switch try comparison.outcome(index) {
            case .equal: if try replace(with: pair) { shared.insert(pair.member.name) }
            case .gone: break
            case .unreadable(let said): damaged(earlier, pair, "cannot be read: \(said)")
            case .different:
                if try Digest.hex(ofFile: pair.path, cancellation).sha256 == pair.member.sha256 {
                    throw Failure(
                        .inputOutput, "\(pair.member.name) of the new dump is no longer what was read back",
                        hint: "Look at the memory and the disk of this host.")
                }
                damaged(earlier, pair, "is no longer what its manifest says")
            }
        }
        return shared
    }

    /// True when the member stands on the earlier file's bytes now.
    private mutating func replace(with pair: MemberPair) throws -> Bool {
        let temporary = "\(archive)/.shared"
        try Disk.remove(temporary)
        try folder.step("share member")
        guard place(pair, at: temporary) else {
            try Disk.remove(temporary)
            return false
        }
        try folder.step("replace member")
        try Disk.rename(temporary, "\(archive)/\(pair.member.name)")
        return true
    }

    private mutating func place(_ pair: MemberPair, at temporary: String) -> Bool {
        if way == .clone {
            // Gone since it was compared, or another: not shared.
            guard let old = pair.open() else { return false }
            if clone(old, to: temporary) { return true }
            // Not here: no file system that can, or one that was made without.
            way = .link
            unlink(temporary)
        }
        guard Glibc.link(pair.path, temporary) == 0 else {
            // This one has all the names that it may have. Anything else is the same for every other: no links on this file
            // system, or none to files of another owner.
            if errno != EMLINK, errno != ENOENT { way = nil }
            return false
        }
        // The name must still be that of the file that was compared.
        var status = stat()
        return lstat(temporary, &status) == 0 && status.st_ino == pair.file.st_ino
    }

    private func clone(_ old: borrowing OpenFile, to path: String) -> Bool {
        guard file_shares_extents(old.descriptor) != 0 else { return false }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return file_clone(descriptor, old.descriptor) == 0
    }

    // MARK: damage

    private func isDamaged(_ earlier: Manifest) -> Bool { damages.contains { $0.manifest.dump == earlier.dump } }

    /// Every dump that has a name for that file has the same fault. A clone need not.
    private mutating func damaged(_ earlier: Manifest, _ pair: MemberPair, _ what: String) {
        damages.append((earlier, "its member \((pair.path as NSString).lastPathComponent) \(what)"))
        // A folder that cannot be read has no others.
        guard pair.file.st_nlink > 1, let names = try? folder.names() else { return }  // see above
        for name in names where name != self.name {
            guard let other = folder.stored(name).manifest, !isDamaged(other) else { continue }
            let same = other.members?.first {
                var status = stat()
                return $0.sha256 == pair.member.sha256
                    && lstat("\(folder.archivePath(name))/\($0.name)", &status) == 0
                    && status.st_ino == pair.file.st_ino
            }
            if let same { damages.append((other, "its member \(same.name) \(what)")) }
        }
    }

    /// Writes what was found wrong into the manifests of those dumps, from which on nobody counts on them. Returns what there is to
    /// tell. Comes after the new dump is published: that is worth more.
    func noteDamages() -> [Failure] {
        damages.map { manifest, reason in
            var manifest = manifest
            manifest.damage = Manifest.Damage(found: Date(), reason: reason)
            var cause: String?
            do {
                try folder.rewrite(manifest)
            } catch {
                cause = "its manifest could not be told: \(error)"
            }
            return Failure(
                .damaged, "\(manifest.dump) is damaged: \(reason)",
                hint:
                    "Look at the disk. The new dump shares nothing with it; `archon-backupd verify \(ShellCommand.word(folder.job)) --every` reads the others.",
                cause: cause)
        }
    }
}
