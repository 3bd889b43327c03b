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

    /// The text with `…` in the place of each, whatever else is in its word; nil when that cannot be told from the rest.
    static func masked(_ text: String) -> String? {
        // With signs that cannot be taken for one, to see whether all are gone.
        guard !isIn(masked(text, password: "$", userinfo: "")) else { return nil }
        return masked(text, password: "…", userinfo: "…")
    }

    private static func masked(_ text: String, password: String, userinfo: String) -> String {
        text.replacing(#/(:\/\/[^\/@\s:]*:)\S+@/#.matchingSemantics(.unicodeScalar)) { "\($0.output.1)\(userinfo)@" }
            .replacing(
                #/((?i)passw(?:or)?d\s*=\s*)(?:"[^"]*"|'[^']*'|\\.|[^\s"'$`;&|\\])(?:"[^"]*"|'[^']*'|\\.|[^\s"';&|\\])*/#
                    .matchingSemantics(.unicodeScalar)
            ) { "\($0.output.1)\(password)" }
    }

    /// Whether a key announces one.
    static func isKey(_ key: String) -> Bool {
        ["password", "passwd", "passphrase", "pass", "pwd", "pgpassword", "sslpassword"].contains(key.lowercased())
    }
}
