/// Text in PostgreSQL's encodings as a `String` that keeps every byte. UTF-8 is what it is; in any other encoding, also in
/// SQL_ASCII, the characters U+0080 to U+00FF stand for the bytes 80 to FF. So a name goes back to its server as it came, with
/// no table of encodings here; only LATIN1 reads well.
package enum ByteText {
    /// As `SHOW client_encoding` has it; nil is UTF-8.
    package static func isUTF8(_ encoding: String?) -> Bool { encoding.map { $0 == "UTF8" } ?? true }

    package static func decode(_ bytes: some Sequence<UInt8>, isUTF8: Bool) -> String {
        if isUTF8 { return String(decoding: Array(bytes), as: UTF8.self) }
        return String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }

    /// What cannot come from a byte, as words of ours may have it, becomes UTF-8.
    package static func encode(_ text: String, isUTF8: Bool) -> [UInt8] {
        if isUTF8 { return Array(text.utf8) }
        return text.unicodeScalars.flatMap { $0.value < 0x100 ? [UInt8($0.value)] : Array(String($0).utf8) }
    }
}
