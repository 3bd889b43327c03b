import BackupCore
import CLinux
import Foundation

/// Tells by inotify what files appear in a folder and which have been written to their end. For one thread, but for `wake`.
final class FolderWatch: Sendable {
    struct Event {
        var name: String
        /// Whoever wrote it has closed it; else it has just appeared.
        var isClosed: Bool
    }

    private let folder: String
    private let queue: Int32
    private let bell: Int32

    /// Of a folder that is there; what was in it before is not told.
    init(_ folder: String) throws {
        self.folder = folder
        queue = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
        guard queue >= 0 else { throw Disk.failure("cannot watch the folder \(folder)") }
        bell = archon_eventfd()
        guard bell >= 0, inotify_add_watch(queue, folder, UInt32(IN_CREATE) | UInt32(IN_CLOSE_WRITE)) >= 0 else {
            let failure = Disk.failure("cannot watch the folder \(folder)")
            close(queue)
            if bell >= 0 { close(bell) }
            throw failure
        }
    }

    deinit {
        close(queue)
        close(bell)
    }

    /// Ends a wait that is in progress, or the next one.
    func wake() {
        var one: UInt64 = 1
        _ = write(bell, &one, 8)
    }

    /// What has happened since the last call; waits for it, for so long at most. Nil when there was more than the system keeps:
    /// then only a look into the folder tells.
    func events(waitMilliseconds: Int32) throws -> [Event]? {
        var polled = [
            pollfd(fd: queue, events: Int16(POLLIN), revents: 0), pollfd(fd: bell, events: Int16(POLLIN), revents: 0),
        ]
        _ = poll(&polled, 2, waitMilliseconds)
        var count: UInt64 = 0
        _ = read(bell, &count, 8)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 8)
        defer { buffer.deallocate() }
        var found: [Event] = []
        var isWhole = true
        while true {
            let length = read(queue, buffer.baseAddress, buffer.count)
            if length < 0, errno == EINTR { continue }
            if length < 0, errno == EAGAIN { return isWhole ? found : nil }
            guard length > 0 else { throw Disk.failure("cannot watch the folder \(folder)") }
            var position = 0
            while position < length {
                let event = buffer.loadUnaligned(fromByteOffset: position, as: inotify_event.self)
                let start = position + MemoryLayout<inotify_event>.size
                position = start + Int(event.len)
                if event.mask & UInt32(IN_Q_OVERFLOW) != 0 {
                    isWhole = false
                } else if event.len > 0 {
                    let name = String(decoding: buffer[start..<position].prefix { $0 != 0 }, as: UTF8.self)
                    found.append(Event(name: name, isClosed: event.mask & UInt32(IN_CLOSE_WRITE) != 0))
                }
            }
        }
    }
}
