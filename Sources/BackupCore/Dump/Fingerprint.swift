/// What a multiset of byte strings is recognised by: the sum modulo 2^128 of their hashes. The order in which they come does
/// not matter, and two equal ones do not cancel each other, as they would with exclusive or.
package struct Fingerprint: Sendable, Hashable {
    package private(set) var sum: UInt128

    package init(sum: UInt128 = 0) { self.sum = sum }

    /// From its text; nil for anything but 32 lower-case hexadecimal digits.
    package init?(_ text: some StringProtocol) {
        guard text.utf8.count == 32, text.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }),
            let sum = UInt128(text, radix: 16)
        else { return nil }
        self.sum = sum
    }

    package mutating func add(_ hash: UInt128) { sum &+= hash }

    package static func + (left: Fingerprint, right: Fingerprint) -> Fingerprint {
        Fingerprint(sum: left.sum &+ right.sum)
    }
}

extension Fingerprint: CustomStringConvertible {
    /// 32 lower-case hexadecimal digits.
    package var description: String {
        let digits = String(sum, radix: 16)
        return String(repeating: "0", count: 32 - digits.count) + digits
    }
}

extension Fingerprint: Codable {
    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let fingerprint = Fingerprint(text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "\"\(text)\" is no fingerprint"))
        }
        self = fingerprint
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// The hash that a fingerprint sums: XXH3-128, handed in by the runtime from the system's libxxhash.
package struct RowHash: Sendable {
    /// Of bytes that lie in one piece.
    package let whole: @Sendable (UnsafeRawBufferPointer) -> UInt128
    /// Begins one of bytes that come in pieces.
    package let begin: @Sendable () -> any RowHashStream

    package init(
        whole: @escaping @Sendable (UnsafeRawBufferPointer) -> UInt128,
        begin: @escaping @Sendable () -> any RowHashStream
    ) {
        self.whole = whole
        self.begin = begin
    }
}

extension RowHash {
    package func fingerprint(of texts: some Sequence<String>) -> Fingerprint {
        var fingerprint = Fingerprint()
        for var text in texts { fingerprint.add(text.withUTF8 { whole(UnsafeRawBufferPointer($0)) }) }
        return fingerprint
    }
}

/// A hash in the making; used by one thread at a time.
package protocol RowHashStream: AnyObject, Sendable {
    func add(_ piece: UnsafeRawBufferPointer)
    /// Of all pieces so far.
    func finish() -> UInt128
}
