/// Says whether a text holds a password, wherever in the schedule it stands: `user:secret@` in a URI, or `password=secret` as
/// connection strings, options of programs and environments have it. A password that the shell is told to fetch
/// (`PGPASSWORD=$(…)`) is none.
enum PasswordText {
    static func isIn(_ text: String) -> Bool {
        // Most texts have neither sign, and the search is not cheap. It goes by scalars, as the readers of these texts do.
        if text.utf8.contains(UInt8(ascii: "@")),
            text.contains(#/:\/\/[^\/@\s]*:[^\/@\s]+@/#.matchingSemantics(.unicodeScalar))
        {
            return true
        }
        guard text.utf8.contains(UInt8(ascii: "=")) else { return false }
        return text.contains(#/(?i)passw(or)?d\s*=\s*["']?[^\s"'$`&]/#.matchingSemantics(.unicodeScalar))
    }

    /// Whether a key announces one.
    static func isKey(_ key: String) -> Bool {
        ["password", "passwd", "passphrase", "pass", "pwd", "pgpassword", "sslpassword"].contains(key.lowercased())
    }
}
