import BackupCore
import Foundation

/// One GET in HTTP/1.1, of which the status alone is read. FoundationNetworking would bring libcurl and its TLS into the binary.
enum HTTPProbe {
    /// Throws `.unavailable` with what went wrong: no address, nobody there, no answer in time, or one that is not HTTP.
    static func status(_ endpoint: Endpoint) async throws -> Int {
        guard let status = try await bounded(seconds: endpoint.timeoutSeconds, { try ask(endpoint) }) else {
            throw tooLate(endpoint)
        }
        return status
    }

    /// Of several addresses the first that answers: a service may listen on IPv4 alone, and `localhost` is both.
    private static func ask(_ endpoint: Endpoint) throws -> Int {
        var fault = Failure(.unavailable, "\(endpoint.address.host) has no address")
        for address in try Resolver.addresses(of: endpoint.address.host, port: endpoint.address.port) {
            do {
                return try ask(endpoint, at: address)
            } catch let failure as Failure {
                fault = failure
            }
        }
        throw fault
    }

    private static func ask(_ endpoint: Endpoint, at address: Resolver.Address) throws -> Int {
        let descriptor = socket(address.family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw failure("no socket") }
        defer { close(descriptor) }
        // Linux applies the second to connect as well.
        let whole = endpoint.timeoutSeconds.rounded(.down)
        var limit = timeval(tv_sec: Int(whole), tv_usec: Int((endpoint.timeoutSeconds - whole) * 1e6))
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        guard address.withSocketAddress({ connect(descriptor, $0, $1) }) == 0 else {
            throw errno == EINPROGRESS ? tooLate(endpoint) : failure("nobody is reached at \(address.text)")
        }
        try deliver(request(endpoint.address), descriptor)
        return try receive(descriptor, endpoint)
    }

    private static func request(_ address: Endpoint.Address) -> [UInt8] {
        let host = address.host.contains(":") ? "[\(address.host)]" : address.host
        let place = address.port == 80 ? host : "\(host):\(address.port)"
        let lines = [
            "GET \(address.target) HTTP/1.1", "Host: \(place)", "User-Agent: archon-backupd/\(Version.current)",
            "Accept: */*", "Connection: close", "", "",
        ]
        return Array(lines.joined(separator: "\r\n").utf8)
    }

    private static func deliver(_ bytes: [UInt8], _ descriptor: Int32) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("it takes no request") }
            rest = rest.dropFirst(count)
        }
    }

    /// Until the first line is there; the rest is not waited for.
    private static func receive(_ descriptor: Int32, _ endpoint: Endpoint) throws -> Int {
        var head: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while !head.contains(0x0a), head.count < 16_384 {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN || errno == EWOULDBLOCK { throw tooLate(endpoint) }
            guard count >= 0 else { throw failure("it broke off") }
            if count == 0 { break }
            head += buffer[..<count]
        }
        guard let code = HTTPStatus.code(head) else {
            throw Failure(.unavailable, head.isEmpty ? "it closes without an answer" : "what it answers is not HTTP")
        }
        return code
    }

    private static func failure(_ what: String) -> Failure {
        Failure(.unavailable, "\(what): \(String(cString: strerror(errno)))")
    }

    private static func tooLate(_ endpoint: Endpoint) -> Failure {
        Failure(.unavailable, "no answer within \(TimeSpan.text(endpoint.timeoutSeconds))")
    }
}
