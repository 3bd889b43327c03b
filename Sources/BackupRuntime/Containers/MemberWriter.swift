import BackupCore
import Foundation
import Synchronization

/// Writes the files of a stream as `ContainerFolder` has them come: `file` or `folder`, then for each file a line with its
/// length and name, and its bytes.
final class MemberWriter: Sendable {
    private let state: Mutex<State>

    init(target: String) { state = Mutex(State(target: target)) }

    deinit { state.withLock { if $0.descriptor >= 0 { close($0.descriptor) } } }

    /// Whether all that was promised has come.
    var isComplete: Bool { state.withLock { $0.files > 0 && $0.descriptor < 0 && $0.line.isEmpty } }

    /// Throws for a file that cannot be written, and for what is no such stream.
    func take(_ bytes: UnsafeRawBufferPointer) throws {
        try state.withLock { try $0.take(bytes) }
    }

    private struct State {
        let target: String
        var isFolder: Bool?
        var line: [UInt8] = []
        var left: Int64 = 0
        var descriptor: Int32 = -1
        var path = ""
        var files = 0

        init(target: String) { self.target = target }

        mutating func take(_ bytes: UnsafeRawBufferPointer) throws {
            var rest = bytes[...]
            while !rest.isEmpty {
                guard descriptor >= 0 else {
                    let byte = rest.removeFirst()
                    if byte == 0x0a { try endLine() } else { line.append(byte) }
                    continue
                }
                let part = UnsafeRawBufferPointer(rebasing: rest.prefix(Int(min(left, Int64(rest.count)))))
                try Disk.write(part, to: descriptor, path)
                rest = rest.dropFirst(part.count)
                left -= Int64(part.count)
                if left == 0 { try endFile() }
            }
        }

        private mutating func endLine() throws {
            let text = String(decoding: line, as: UTF8.self)
            line = []
            guard let isFolder else {
                isFolder = text == "folder"
                if text == "folder" { try Disk.makeFolder(target) }
                return
            }
            let words = text.split(separator: " ", maxSplits: 1)
            guard words.count == 2, let bytes = Int64(words[0]), !words[1].contains("/"), words[1] != "..",
                isFolder == (words[1] != ".")
            else {
                throw Failure(.unavailable, "the container sends something else than an archive: \(text.prefix(200))")
            }
            path = isFolder ? "\(target)/\(words[1])" : target
            left = bytes
            descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw Disk.failure("cannot make \(path)") }
            if bytes == 0 { try endFile() }
        }

        private mutating func endFile() throws {
            defer { descriptor = -1 }
            files += 1
            guard close(descriptor) == 0 else { throw Disk.failure("cannot write \(path)") }
        }
    }
}
