/// The roles that a statement of pg_dump's needs: owners, those who are granted something, those of policies and user mappings.
enum MentionedRoles {
    static func find(in statement: String) -> [String] {
        if statement.hasPrefix("GRANT ") { return names(behindLast: "TO", words(statement)) }
        if statement.hasPrefix("REVOKE ") { return names(behindLast: "FROM", words(statement)) }
        if statement.hasPrefix("SET SESSION AUTHORIZATION ") { return names(words(statement).dropFirst(3)) }
        if statement.hasPrefix("CREATE USER MAPPING FOR ") { return names(words(statement).dropFirst(4)) }
        if statement.hasPrefix("ALTER DEFAULT PRIVILEGES ") {
            let words = words(statement)
            let role = words.firstIndex(of: "ROLE").map { names(words[($0 + 1)...]) } ?? []
            return role + names(behindLast: words.contains("GRANT") ? "TO" : "FROM", words)
        }
        if statement.hasPrefix("ALTER "), statement.contains(" OWNER TO ") {
            return names(behindLast: "TO", words(statement))
        }
        if statement.hasPrefix("CREATE POLICY ") {
            // Expressions, in which anything may stand, come behind the roles.
            let head = words(statement).prefix { $0 != "USING" && $0 != "WITH" }
            return head.firstIndex(of: "TO").map { names(head[($0 + 1)...]) } ?? []
        }
        return []
    }

    private static func names(behindLast word: String, _ words: [String]) -> [String] {
        words.lastIndex(of: word).map { names(words[($0 + 1)...]) } ?? []
    }

    /// Up to a keyword: pg_dump writes these alone in capitals, and quotes a name that has one.
    private static func names(_ words: ArraySlice<String>) -> [String] {
        var names: [String] = []
        for word in words {
            if let name = unquoted(word) {
                names.append(name)
            } else if word.unicodeScalars.contains(where: { ("A"..."Z").contains($0) }) {
                break
            } else {
                names.append(word)
            }
        }
        return names
    }

    /// Nil when it has no quotes. By scalars: a quote and a combining mark behind it are one character to Swift.
    private static func unquoted(_ word: String) -> String? {
        guard word.unicodeScalars.first == quote, word.unicodeScalars.count > 2 else { return nil }
        var name = String.UnicodeScalarView()
        var isSecond = false
        for scalar in word.unicodeScalars.dropFirst().dropLast() {
            isSecond = scalar == quote && !isSecond
            if !isSecond { name.append(scalar) }
        }
        return String(name)
    }

    private static let quote: Unicode.Scalar = "\""

    /// Cut at spaces, line feeds, commas and semicolons outside double quotes.
    private static func words(_ statement: String) -> [String] {
        var isQuoted = false
        return statement.unicodeScalars.split { scalar in
            if scalar == quote { isQuoted.toggle() }
            return !isQuoted && (scalar == " " || scalar == "\n" || scalar == "," || scalar == ";")
        }.map { String($0) }
    }
}
