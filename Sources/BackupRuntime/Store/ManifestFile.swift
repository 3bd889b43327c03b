import BackupCore
import Foundation

extension ManifestCodec {
    private static func sha256(_ data: Data) throws -> String {
        let digest = try Digest()
        data.withUnsafeBytes { digest.add($0) }
        return digest.hex()
    }

    /// The manifest as bytes, with its checksum.
    package static func encode(_ manifest: Manifest) throws -> Data { try encode(manifest, sha256: sha256) }

    /// Throws `.damaged` for what is no manifest, was changed, or is of a later version.
    package static func decode(_ data: Data, file: String) throws -> Manifest {
        try decode(data, file: file, sha256: sha256)
    }
}
