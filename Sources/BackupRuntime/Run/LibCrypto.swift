import CCrypto

/// libcrypto in this process.
package enum LibCrypto {
    /// Only before its first use, libpq's included. It would tidy up when the process exits, while another thread may be in the
    /// midst of a checksum: a daemon that was told to stop during its first sweep died of that (OPENSSL_init_crypto(3)).
    package static func keepUntilTheEnd() {
        _ = OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_ATEXIT), nil)
    }
}
