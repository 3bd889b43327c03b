import BackupCore
import CCrypto
import Foundation

/// SHA-256 by libcrypto.
struct Digest: ~Copyable {
    private let context: OpaquePointer

    init() throws {
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            throw Failure(.failed, "libcrypto gives no SHA-256")
        }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    func add(_ bytes: UnsafeRawBufferPointer) { _ = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) }

    /// Lower-case hexadecimal.
    consuming func hex() -> String {
        var bytes = [UInt8](repeating: 0, count: 32)
        _ = EVP_DigestFinal_ex(context, &bytes, nil)
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    static func hex(of text: String) throws -> String {
        let digest = try Digest()
        var text = text
        text.withUTF8 { digest.add(UnsafeRawBufferPointer($0)) }
        return digest.hex()
    }

    /// Of a file's bytes; `progress` is told of each part read.
    static func hex(
        ofFile path: String, _ cancellation: Cancellation = Cancellation(), progress: (Int64) -> Void = { _ in }
    ) throws -> (sha256: String, bytes: Int64) {
        let digest = try Digest()
        var total: Int64 = 0
        try Disk.read(path, cancellation) { bytes in
            digest.add(bytes)
            total += Int64(bytes.count)
            progress(Int64(bytes.count))
            return true
        }
        return (digest.hex(), total)
    }
}

/// What an archive's bytes are: one file, or the members of a directory archive.
package struct ArchiveDigest: Sendable, Equatable {
    package var bytes: Int64
    package var sha256: String
    package var members: [Manifest.Member]?
    /// What the same read has shown of the members.
    let readings: [MemberReading]?

    private init(bytes: Int64, sha256: String) {
        self.bytes = bytes
        self.sha256 = sha256
        readings = nil
    }

    /// Of a directory archive.
    init(_ readings: [MemberReading]) throws {
        let members = readings.map(\.file).sorted { $0.name < $1.name }
        bytes = members.reduce(0) { $0 + $1.bytes }
        sha256 = try Digest.hex(of: members.map { "\($0.sha256)  \($0.name)\n" }.joined())
        self.members = members
        self.readings = readings
    }

    /// Reads every byte of the archive at `path`; `progress` is told of each part read. A cancelled task throws.
    package static func take(_ path: String, progress: @escaping @Sendable (Int64) -> Void = { _ in }) async throws
        -> ArchiveDigest
    { try await take(path, known: [], progress: progress) }

    /// Members that are `known` and have their size are not read again. Throws the limit's fault when its time is over.
    static func take(
        _ path: String, known: [MemberReading], within limit: TimeLimit? = nil,
        progress: @escaping @Sendable (Int64) -> Void = { _ in }
    ) async throws -> ArchiveDigest {
        try await blocking(within: limit) { cancellation in
            guard Disk.isFolder(path) else {
                let (sha256, bytes) = try Digest.hex(ofFile: path, cancellation, progress: progress)
                return ArchiveDigest(bytes: bytes, sha256: sha256)
            }
            return try ArchiveDigest(
                DirectoryReading.members(path, known: known, cancellation, progress: progress))
        }
    }
}
