/// What may be told of a libpq connection string without libpq: the parameters in it, so that a password, a database and
/// a typing error are found before a server is asked. See "Connection Strings" in PostgreSQL's libpq chapter.
struct ConnectionText {
    enum Fault: Error, Equatable {
        case malformed(String)
    }

    /// In the order of the text, a URI's parts under their parameter names.
    let parameters: [(name: String, value: String)]

    init(_ text: String) throws(Fault) {
        if text.hasPrefix("postgresql://") || text.hasPrefix("postgres://") {
            parameters = Self.uri(text)
        } else {
            parameters = try Self.keywords(text)
        }
    }

    func names(_ name: String) -> Bool { parameters.contains { $0.name == name } }

    private static func keywords(_ text: String) throws(Fault) -> [(name: String, value: String)] {
        var found: [(name: String, value: String)] = []
        var rest = text[...]
        while true {
            rest = rest.drop(while: \.isWhitespace)
            guard !rest.isEmpty else { return found }
            let name = rest.prefix { !$0.isWhitespace && $0 != "=" }
            rest = rest.dropFirst(name.count).drop(while: \.isWhitespace)
            guard rest.first == "=", !name.isEmpty else { throw .malformed("there is no = after \"\(name)\"") }
            rest = rest.dropFirst().drop(while: \.isWhitespace)
            found.append((String(name), try value(&rest)))
        }
    }

    private static func value(_ rest: inout Substring) throws(Fault) -> String {
        var text = ""
        let isQuoted = rest.first == "'"
        if isQuoted { rest = rest.dropFirst() }
        while let character = rest.first {
            if isQuoted ? character == "'" : character.isWhitespace { break }
            rest = rest.dropFirst()
            if character == "\\", let escaped = rest.first {
                text.append(escaped)
                rest = rest.dropFirst()
            } else {
                text.append(character)
            }
        }
        if isQuoted {
            guard rest.first == "'" else { throw .malformed("a quote is not closed") }
            rest = rest.dropFirst()
        }
        return text
    }

    private static func uri(_ text: String) -> [(name: String, value: String)] {
        var found: [(name: String, value: String)] = []
        let pieces = text.split(separator: "://", maxSplits: 1)[1].split(
            separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let slash = pieces[0].split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let authority = slash[0]
        if let at = authority.lastIndex(of: "@") {
            let user = authority[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            found.append(("user", String(user[0])))
            if user.count == 2 { found.append(("password", String(user[1]))) }
        }
        if slash.count == 2, !slash[1].isEmpty { found.append(("dbname", String(slash[1]))) }
        guard pieces.count == 2 else { return found }
        for parameter in pieces[1].split(separator: "&") {
            let pair = parameter.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            found.append((String(pair[0]).lowercased(), pair.count == 2 ? String(pair[1]) : ""))
        }
        return found
    }
}
