import Foundation

/// The manifest as bytes: JSON with sorted keys, instants as ISO 8601 in UTC, and from version 2 on a checksum: the SHA-256
/// of the file without the line that holds it. A bit that turns in a manifest is found so, wherever it is.
package enum ManifestCodec {
    /// SHA-256 as lower-case hexadecimal digits, handed in by the runtime.
    package typealias SHA256 = (Data) throws -> String

    private static let checksumLine = "  \"checksum\" : \""

    package static func encode(_ manifest: Manifest, sha256: SHA256) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .custom { date, encoder in
            var container = encoder.singleValueContainer()
            try container.encode(Zone.utc.iso8601(date))
        }
        var manifest = manifest
        manifest.version = Manifest.currentVersion
        let plain = try encoder.encode(manifest) + Data("\n".utf8)
        let line = Data("\(checksumLine)\(try sha256(plain))\",\n".utf8)
        // After the brace and its line feed: a manifest has other keys, so the comma is right.
        return plain.prefix(2) + line + plain.dropFirst(2)
    }

    /// Keys that are not known are passed over, so that a later program may add some. Throws `.damaged` for anything that
    /// is no manifest, for one whose checksum is not that of its bytes, and for one of a later version, which must not be
    /// guessed at.
    package static func decode(_ data: Data, file: String, sha256: SHA256) throws -> Manifest {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .custom { decoder in
            let text = try decoder.singleValueContainer().decode(String.self)
            if let date = Instant.parse(text) { return date }
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "\"\(text)\" is no instant"))
        }
        do {
            let version = try decoder.decode(VersionOnly.self, from: data).version
            guard version <= Manifest.currentVersion else {
                throw Failure(
                    .damaged,
                    "\(file) is a manifest of version \(version), and this program knows \(Manifest.currentVersion)",
                    hint: "Use the newer archon-backupd that wrote it.")
            }
            guard version >= 1 else { throw unusable(file, "there is no version \(version)") }
            if version > 1 { try check(data, file, sha256) }
            return try decoder.decode(Manifest.self, from: data)
        } catch let error as DecodingError {
            throw unusable(file, reason(error))
        }
    }

    /// Version 1 had no checksum.
    private static func check(_ data: Data, _ file: String, _ sha256: SHA256) throws {
        let mark = Data(checksumLine.utf8)
        guard let line = data.range(of: mark),
            let end = data[line.upperBound...].firstIndex(of: UInt8(ascii: "\n"))
        else { throw unusable(file, "its checksum is missing") }
        let said = data[line.upperBound..<end]
        let rest = Data(data[..<line.lowerBound] + data[data.index(after: end)...])
        guard try said == Data("\(sha256(rest))\",".utf8) else {
            throw unusable(file, "its checksum is not that of its bytes: it was changed after it was written")
        }
    }

    private static func unusable(_ file: String, _ reason: String) -> Failure {
        Failure(
            .damaged, "\(file) is no manifest that can be used: \(reason)",
            hint: "`archon-backupd adopt` makes a new one from the archive.")
    }

    private struct VersionOnly: Decodable { let version: Int }

    private static func reason(_ error: DecodingError) -> String {
        func path(_ keys: [any CodingKey]) -> String { keys.map(\.stringValue).joined(separator: ".") }
        switch error {
        case .keyNotFound(let key, let context): return "\(path(context.codingPath + [key])) is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            return "\(path(context.codingPath)) has the wrong type"
        case .dataCorrupted(let context):
            return context.codingPath.isEmpty
                ? "it is not JSON" : "\(path(context.codingPath)): \(context.debugDescription)"
        @unknown default: return "it cannot be read"
        }
    }
}
