import Foundation

/// What may be told of a libpq connection string without libpq: which parameters it sets, so that a password, a database
/// and a typing error are found before a server is asked. See "Connection Strings" in PostgreSQL's libpq chapter.
///
/// It goes by Unicode scalars as libpq goes by bytes: to a Swift character, an = with an accent on it is no =.
package struct ConnectionText {
    /// What is wrong, in words that repeat nothing of the text.
    package struct Fault: Error {
        package let what: String
    }

    /// A URI's parts stand under the names of their parameters.
    package let names: Set<String>

    private typealias Scalars = Substring.UnicodeScalarView

    /// Those that libpq takes a secret from, and what people write when they do not remember its name.
    private static let secrets: Set<String> = [
        "password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key", "passwd", "pass",
        "pwd", "pgpassword",
    ]

    package init(_ text: String) throws(Fault) {
        let schemes = ["postgresql://", "postgres://"]
        if let scheme = schemes.first(where: { text.unicodeScalars.starts(with: $0.unicodeScalars) }) {
            names = Self.uri(text[...].unicodeScalars.dropFirst(scheme.count))
        } else {
            names = try Self.keywords(text[...].unicodeScalars)
        }
    }

    package var hasPassword: Bool { !names.isDisjoint(with: Self.secrets) }

    private static func keywords(_ text: Scalars) throws(Fault) -> Set<String> {
        var found: Set<String> = []
        var rest = text
        while true {
            rest = rest.drop(while: \.properties.isWhitespace)
            guard !rest.isEmpty else { return found }
            let name = rest.prefix { !$0.properties.isWhitespace && $0 != "=" }
            rest = rest.dropFirst(name.count).drop(while: \.properties.isWhitespace)
            guard rest.first == "=", !name.isEmpty else {
                throw Fault(what: "after \(found.count) parameters comes one without name or without =")
            }
            rest = rest.dropFirst().drop(while: \.properties.isWhitespace)
            found.insert(String(name).lowercased())
            try skipValue(&rest)
        }
    }

    private static func skipValue(_ rest: inout Scalars) throws(Fault) {
        let isQuoted = rest.first == "'"
        if isQuoted { rest = rest.dropFirst() }
        while let scalar = rest.first {
            if isQuoted ? scalar == "'" : scalar.properties.isWhitespace { break }
            rest = rest.dropFirst(scalar == "\\" ? 2 : 1)
        }
        guard isQuoted else { return }
        guard rest.first == "'" else { throw Fault(what: "a quote is not closed") }
        rest = rest.dropFirst()
    }

    /// As libpq cuts it: user and password end at the first @, unless a / comes before.
    private static func uri(_ text: Scalars) -> Set<String> {
        var found: Set<String> = []
        var rest = text
        let user = rest.prefix { $0 != "@" && $0 != "/" }
        if rest.dropFirst(user.count).first == "@" {
            found.insert("user")
            if user.contains(":") { found.insert("password") }
            rest = rest.dropFirst(user.count + 1)
        }
        rest = rest.drop { $0 != "/" && $0 != "?" }
        if rest.first == "/" {
            let database = rest.dropFirst().prefix { $0 != "?" }
            if !database.isEmpty { found.insert("dbname") }
            rest = rest.drop { $0 != "?" }
        }
        for parameter in rest.dropFirst().split(separator: "&") {
            let name = String(parameter.prefix { $0 != "=" })
            found.insert((name.removingPercentEncoding ?? name).lowercased())
        }
        return found
    }
}
