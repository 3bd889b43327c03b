/// A service of this platform that answers HTTP, and what it has to answer.
package struct Endpoint: Sendable, Equatable {
    /// The parts of `http://host:port/path?query`. TLS is for others: who asks here stands beside the service.
    package struct Address: Sendable, Equatable {
        package var host: String
        package var port: UInt16
        /// What is asked for: path and query.
        package var target: String

        /// Nil for anything else, such as another scheme, a user, a fragment or a space.
        package init?(_ url: String) {
            let scheme = "http://"
            guard url.hasPrefix(scheme), url.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "#") })
            else { return nil }
            let rest = url.dropFirst(scheme.count)
            let authority = rest.prefix { $0 != "/" && $0 != "?" }
            guard let (host, port) = Self.place(authority) else { return nil }
            let target = rest.dropFirst(authority.count)
            self.host = host
            self.port = port
            self.target = target.hasPrefix("/") ? String(target) : "/" + target
        }

        private static func place(_ authority: Substring) -> (String, UInt16)? {
            let host: Substring
            if authority.first == "[" {
                host = authority.dropFirst().prefix { $0 != "]" }
                guard !host.isEmpty, host.contains(":"), host.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." })
                else { return nil }
            } else {
                host = authority.prefix { $0 != ":" }
                guard Endpoint.isHost(String(host)) else { return nil }
            }
            let rest = authority.dropFirst(authority.first == "[" ? host.count + 2 : host.count)
            if authority.first == "[", authority.count < host.count + 2 { return nil }
            if rest.isEmpty { return (String(host), 80) }
            let digits = rest.dropFirst()
            guard rest.first == ":", digits.count <= 5, digits.allSatisfy(\.isNumber), let port = UInt16(digits),
                port > 0
            else { return nil }
            return (String(host), port)
        }
    }

    package var name: String
    /// As it is written.
    package var url: String
    package var address: Address
    /// The one status that is right; nil for any from 200 to 299.
    package var status: Int?
    package var timeoutSeconds: Double

    package init(name: String, url: String, address: Address, status: Int? = nil, timeoutSeconds: Double = 5) {
        self.name = name
        self.url = url
        self.address = address
        self.status = status
        self.timeoutSeconds = timeoutSeconds
    }

    /// Whether a text may be a host's name or IPv4 address: letters, digits, `.`, `_` and `-`, and nothing that a program could
    /// take for an option.
    package static func isHost(_ name: String) -> Bool {
        guard (1...253).contains(name.utf8.count) else { return false }
        return name.utf8.enumerated().allSatisfy { index, byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): index > 0
            default: false
            }
        }
    }
}
