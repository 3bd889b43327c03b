import BackupCore
import Foundation
import Synchronization
import SystemPackage

/// What a child reads on stdin, written by us as we have it: a socket pair, for a write to a pipe whose reader is gone would
/// end this process. The child sees the end when `close` was called or this is no longer used.
final class ChildInput: Sendable {
    private struct Ends {
        var ours: Int32
        var childs: Int32?
    }
    private let ends: Mutex<Ends>
    /// Held by who writes: a descriptor must not be closed, and its number given to something else, in the midst of that.
    private let writing = Mutex(())

    init() throws {
        var pair: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &pair) == 0 else {
            throw Disk.failure("cannot make a pair of sockets")
        }
        ends = Mutex(Ends(ours: pair[0], childs: pair[1]))
    }

    deinit {
        close()
        if let left = ends.withLock({ $0.childs }) { Glibc.close(left) }
    }

    /// For the one child: closed once it runs, so that its end is seen here.
    func takeChildsEnd() -> FileDescriptor? {
        ends.withLock { ends in
            defer { ends.childs = nil }
            return ends.childs.map { FileDescriptor(rawValue: $0) }
        }
    }

    /// Blocks until the child takes it. False when nobody reads any more, or `close` was called.
    func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
        writing.withLock { _ in
            let descriptor = ends.withLock { $0.ours }
            guard descriptor >= 0 else { return false }
            var written = 0
            while written < bytes.count {
                let count = send(
                    descriptor, bytes.baseAddress?.advanced(by: written), bytes.count - written,
                    Int32(MSG_NOSIGNAL))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                written += count
            }
            return true
        }
    }

    @discardableResult
    func write(_ text: some Sequence<UInt8>) -> Bool { Array(text).withUnsafeBytes { write($0) } }

    /// What was written is still read, also by a child that does not run yet. A write in progress returns.
    func close() {
        ends.withLock { if $0.ours >= 0 { _ = shutdown($0.ours, Int32(SHUT_RDWR)) } }
        writing.withLock { _ in
            let ours = ends.withLock { ends in
                defer { ends.ours = -1 }
                return ends.ours
            }
            if ours >= 0 { Glibc.close(ours) }
        }
    }
}
