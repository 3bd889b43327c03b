import BackupCore
import Dispatch
import Foundation
import Synchronization

/// The service manager's end of sd_notify(3): keeps every message that a daemon sends.
package final class NotifySocket: @unchecked Sendable {
    // Safe: everything is set in init; what changes is behind the lock in `Box`.
    package let path: String
    private let received: Box
    private let source: any DispatchSourceRead

    private final class Box: Sendable {
        let messages = Mutex<[String]>([])
    }

    package init(folder: String) throws {
        let path = "\(folder)/notify-\(UInt32.random(in: 0 ... .max))"
        self.path = path
        let descriptor = try UnixSocket.bound(SOCK_DGRAM, at: path)
        // A daemon that has become another user still speaks to it.
        chmod(path, 0o777)
        let box = Box()
        let source = DispatchSource.makeReadSource(
            fileDescriptor: descriptor, queue: DispatchQueue(label: "notify-socket"))
        source.setEventHandler { @Sendable in
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            guard count > 0 else { return }
            let text = String(decoding: buffer[..<count], as: UTF8.self)
            box.messages.withLock { $0.append(text) }
        }
        source.setCancelHandler { @Sendable in close(descriptor) }
        source.activate()
        received = box
        self.source = source
    }

    deinit { source.cancel() }

    /// In the order of arrival, each with its lines.
    package var messages: [String] { received.messages.withLock { $0 } }

    package func has(_ line: String) -> Bool { messages.contains { $0.split(separator: "\n").contains { $0 == line } } }

    /// The texts of STATUS=, oldest first.
    package var statuses: [String] { messages.filter { $0.hasPrefix("STATUS=") }.map { String($0.dropFirst(7)) } }
}

package enum UnixSocket {
    /// The descriptor of a socket that is bound to `path`.
    package static func bound(_ type: __socket_type, at path: String) throws -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let isBound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) == 0 }
        }
        guard descriptor >= 0, isBound else { throw Failure(.inputOutput, "no socket at \(path)") }
        return descriptor
    }
}
