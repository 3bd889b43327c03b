import BackupCore
import CXXHash

extension RowHash {
    /// XXH3-128 without seed or secret, as in the xxHash specification 0.1.1; the high half is the more significant one.
    package static let xxh3 = RowHash(
        whole: { RowHash.number(XXH3_128bits($0.baseAddress, $0.count)) }, begin: { XXH3Stream() })

    fileprivate static func number(_ hash: XXH128_hash_t) -> UInt128 {
        UInt128(hash.high64) << 64 | UInt128(hash.low64)
    }
}

private final class XXH3Stream: RowHashStream, @unchecked Sendable {
    // Safe: whoever holds a stream uses it from one thread at a time.
    private let state = XXH3_createState()

    init() { XXH3_128bits_reset(state) }

    deinit { XXH3_freeState(state) }

    func add(_ piece: UnsafeRawBufferPointer) { XXH3_128bits_update(state, piece.baseAddress, piece.count) }

    func finish() -> UInt128 { RowHash.number(XXH3_128bits_digest(state)) }
}
