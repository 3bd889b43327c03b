import BackupCore
import CFileSystem
import Foundation

/// What an archive takes on the disk, as the file system has it now: links come and go with other dumps, and a copy of the
/// storage may have none, so that nothing of this is written down.
enum ArchiveSpace {
    /// The lengths of its files, and which room they take; nil when nothing is there.
    static func look(_ path: String) -> (bytes: Int64, space: DumpSpace)? {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        var files = Files()
        if status.st_mode & S_IFMT == S_IFDIR {
            guard files.add(folder: path) else { return nil }
        } else {
            files.add(status, openedBy: { open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) })
        }
        return (files.bytes, files.space)
    }

    private struct Files {
        var bytes: Int64 = 0
        private var own: Int64 = 0
        private var pieces: [DumpSpace.Identity: DumpSpace.Piece] = [:]
        /// Asked once for an archive: it is one folder.
        private var sharesExtents: Bool?

        /// What is its own, and the rest: an inode whose names are all in here goes with this dump.
        var space: DumpSpace {
            let (inner, outer) = pieces.values.reduce(into: (Int64(0), [DumpSpace.Piece]())) { found, piece in
                if piece.links == piece.names { found.0 += piece.bytes } else { found.1.append(piece) }
            }
            return DumpSpace(own: own + inner, pieces: outer)
        }

        /// False when it cannot be read.
        mutating func add(folder: String) -> Bool {
            guard let stream = opendir(folder) else { return false }
            defer { closedir(stream) }
            let descriptor = dirfd(stream)
            while let entry = readdir(stream) {
                withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                    tuple.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { name in
                        var status = stat()
                        guard fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return }
                        guard status.st_mode & S_IFMT != S_IFDIR else {
                            let name = String(cString: name)
                            // No archive has a folder in it; one that somebody has put there is counted, not understood.
                            if name != ".", name != ".." { bytes += Disk.bytes(of: "\(folder)/\(name)") ?? 0 }
                            return
                        }
                        add(status) { openat(descriptor, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) }
                    }
                }
            }
            return true
        }

        mutating func add(_ status: stat, openedBy open: () -> Int32) {
            let size = Int64(status.st_size)
            bytes += size
            let device = UInt64(status.st_dev)
            if status.st_nlink > 1 {
                let identity = DumpSpace.Identity(device: device, number: UInt64(status.st_ino))
                pieces[
                    identity,
                    default: .init(identity: identity, bytes: size, names: 0, links: Int(status.st_nlink))
                ].names += 1
            } else if size > 0, sharesExtents != false, let place = place(open) {
                // Another number than any inode has.
                let identity = DumpSpace.Identity(device: device, number: place | 1 << 63)
                pieces[identity, default: .init(identity: identity, bytes: size, names: 0)].names += 1
            } else {
                own += size
            }
        }

        private mutating func place(_ open: () -> Int32) -> UInt64? {
            let file = open()
            guard file >= 0 else { return nil }
            defer { close(file) }
            if sharesExtents == nil { sharesExtents = file_shares_extents(file) != 0 }
            guard sharesExtents == true else { return nil }
            let place = file_shared_place(file)
            return place == 0 ? nil : place
        }
    }
}
