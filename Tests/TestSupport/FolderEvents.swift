import BackupCore
import Foundation

/// Everything that is done in some folders and in those that stand in them, by whatever process: opening, reading, writing,
/// removing. From its making on; for one test.
package final class FolderEvents: Sendable {
    private let queue: Int32
    private let folders: [Int32: String]
    /// IN_ALL_EVENTS, which Swift does not see.
    private static let everything: UInt32 = 0xfff

    package init(_ paths: [String]) throws {
        queue = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
        guard queue >= 0 else { throw Failure(.inputOutput, "no inotify: \(String(cString: strerror(errno)))") }
        var watched: [Int32: String] = [:]
        for path in paths {
            let below = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
            for folder in [path] + below.map({ "\(path)/\($0)" }) {
                var isFolder: ObjCBool = false
                guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
                    continue
                }
                let watch = inotify_add_watch(queue, folder, Self.everything)
                guard watch >= 0 else { throw Failure(.inputOutput, "\(folder) cannot be watched") }
                watched[watch] = folder
            }
        }
        guard !watched.isEmpty else { throw Failure(.inputOutput, "there is no folder to watch in \(paths)") }
        folders = watched
    }

    deinit { close(queue) }

    /// What has happened since the last call, as `<path> <mask in hexadecimal digits>`.
    package func taken() throws -> [String] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 8)
        defer { buffer.deallocate() }
        var found: [String] = []
        while true {
            let length = read(queue, buffer.baseAddress, buffer.count)
            if length < 0, errno == EINTR { continue }
            if length < 0, errno == EAGAIN { return found }
            guard length > 0 else { throw Failure(.inputOutput, "inotify ended") }
            var position = 0
            while position < length {
                let event = buffer.loadUnaligned(fromByteOffset: position, as: inotify_event.self)
                let start = position + MemoryLayout<inotify_event>.size
                position = start + Int(event.len)
                let name = String(decoding: buffer[start..<position].prefix { $0 != 0 }, as: UTF8.self)
                let folder = folders[event.wd] ?? "?"
                found.append("\(name.isEmpty ? folder : "\(folder)/\(name)") \(String(event.mask, radix: 16))")
            }
        }
    }
}
