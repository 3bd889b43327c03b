import BackupCore
import Foundation

/// A file that is read; closed when it goes.
struct OpenFile: ~Copyable {
    let descriptor: Int32
    private(set) var status = stat()
    let path: String

    init(_ path: String) throws {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { throw Disk.failure("cannot open \(path)") }
        guard fstat(descriptor, &status) == 0 else { throw Disk.failure("cannot look at \(path)") }
    }

    deinit { close(descriptor) }

    /// Fills the buffer, or as much of it as there is left of the file; nil for an error.
    func read(_ buffer: UnsafeMutableRawPointer, _ size: Int, at offset: Int64) -> Int? {
        var filled = 0
        while filled < size {
            let count = pread(descriptor, buffer + filled, size - filled, off_t(offset) + off_t(filled))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { break }
            filled += count
        }
        return filled
    }
}

/// Two files byte for byte.
enum FileComparison: Sendable {
    case equal
    case different
    /// The earlier one, and what the system said.
    case unreadable(String)
    /// The earlier one is not there any more, or is another file than it was.
    case gone

    /// Throws for a new one that cannot be read.
    static func of(_ new: borrowing OpenFile, _ old: borrowing OpenFile, _ cancellation: Cancellation) throws
        -> FileComparison
    {
        // From the disk: what an older run has left in memory says nothing of what became of it there.
        posix_fadvise(old.descriptor, 0, 0, POSIX_FADV_DONTNEED)
        posix_fadvise(old.descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
        let size = 1 << 20
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: 2 * size, alignment: 4096)
        defer { buffer.deallocate() }
        let (ours, theirs) = (buffer, buffer + size)
        var offset: Int64 = 0
        while true {
            try cancellation.check()
            guard let count = new.read(ours, size, at: offset) else { throw Disk.failure("cannot read \(new.path)") }
            guard let other = old.read(theirs, size, at: offset) else {
                return .unreadable(String(cString: strerror(errno)))
            }
            guard count == other, memcmp(ours, theirs, count) == 0 else { return .different }
            if count < size { return .equal }
            offset += Int64(count)
        }
    }
}
