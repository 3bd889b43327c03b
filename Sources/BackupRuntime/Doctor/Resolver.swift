import BackupCore
import Foundation

/// The host's own resolver: files, DNS, and whatever else nsswitch.conf names.
enum Resolver {
    /// An address as the system's calls take it.
    struct Address: Sendable {
        let family: Int32
        let bytes: [UInt8]

        /// In digits.
        var text: String {
            var digits = [CChar](repeating: 0, count: 256)
            let code = withSocketAddress {
                getnameinfo($0, $1, &digits, socklen_t(digits.count), nil, 0, NI_NUMERICHOST)
            }
            guard code == 0 else { return "?" }
            return String(decoding: digits.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }

        func withSocketAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
            // In storage that is aligned for every family.
            var storage = sockaddr_storage()
            withUnsafeMutableBytes(of: &storage) { $0.copyBytes(from: bytes) }
            return withUnsafePointer(to: &storage) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(bytes.count)) }
            }
        }
    }

    /// In the order in which they are to be tried. Blocks. Throws `.unavailable` with the resolver's words.
    static func addresses(of host: String, port: UInt16 = 0) throws -> [Address] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, "\(port)", &hints, &list)
        guard code == 0 else {
            throw Failure(.unavailable, "\(host) has no address: \(String(cString: gai_strerror(code)))")
        }
        defer { freeaddrinfo(list) }
        var addresses: [Address] = []
        var next = list
        while let entry = next?.pointee {
            if let address = entry.ai_addr, Int(entry.ai_addrlen) <= MemoryLayout<sockaddr_storage>.size {
                let bytes = UnsafeRawBufferPointer(start: address, count: Int(entry.ai_addrlen))
                addresses.append(Address(family: entry.ai_family, bytes: Array(bytes)))
            }
            next = entry.ai_next
        }
        return addresses
    }
}
