import BackupCore
import Dispatch
import Foundation

/// A service on a loopback port of its own, handed to the body. What it sends for each path is given, down to the byte; asked for
/// another path it takes the request and says nothing, for as long as the body goes on.
package func withHTTPService<Result>(
    _ answers: [String: String], _ body: (UInt16) async throws -> Result
) async throws -> Result {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isListening = withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { place in
            var length = size
            return bind(descriptor, place, size) == 0 && listen(descriptor, 16) == 0
                && getsockname(descriptor, place, &length) == 0
        }
    }
    guard descriptor >= 0, isListening else { throw Failure(.inputOutput, "no port of its own on 127.0.0.1") }
    DispatchQueue(label: "http-service").async { @Sendable in
        var silent: [Int32] = []
        while true {
            // Fails once the socket is shut down.
            let client = accept(descriptor, nil, nil)
            guard client >= 0 else { break }
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = recv(client, &buffer, buffer.count, 0)
            let words = String(decoding: buffer[..<max(0, count)], as: UTF8.self).split(separator: " ")
            guard let said = words.dropFirst().first.flatMap({ answers[String($0)] }) else {
                silent.append(client)
                continue
            }
            _ = said.utf8.withContiguousStorageIfAvailable {
                send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            close(client)
        }
        for client in silent { close(client) }
        close(descriptor)
    }
    defer { shutdown(descriptor, Int32(SHUT_RDWR)) }
    return try await body(UInt16(bigEndian: address.sin_port))
}
