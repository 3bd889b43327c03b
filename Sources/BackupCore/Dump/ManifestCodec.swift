import Foundation

/// The manifest as bytes: JSON with sorted keys, instants as ISO 8601 in UTC.
package enum ManifestCodec {
    package static func encode(_ manifest: Manifest) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .custom { date, encoder in
            var container = encoder.singleValueContainer()
            try container.encode(Zone.utc.iso8601(date))
        }
        return try encoder.encode(manifest) + Data("\n".utf8)
    }

    /// Keys that are not known are passed over, so that a later program may add some. Throws `.damaged` for anything that
    /// is no manifest, and for one of a later version, which must not be guessed at.
    package static func decode(_ data: Data, file: String) throws -> Manifest {
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
            return try decoder.decode(Manifest.self, from: data)
        } catch let error as DecodingError {
            throw Failure(
                .damaged, "\(file) is no manifest: \(reason(error))",
                hint: "`archon-backupd adopt` makes a new one from the archive.")
        }
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
