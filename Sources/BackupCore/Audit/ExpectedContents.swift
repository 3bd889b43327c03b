/// What a database is to hold, as its job's "expect" says: whoever moves an application's tables, or adds an extension by hand,
/// shall hear of it from the backups.
package struct ExpectedContents: Sendable, Equatable {
    package struct Tables: Sendable, Equatable {
        package var pattern: TablePattern
        package var count: Int

        package init(pattern: TablePattern, count: Int) {
            self.pattern = pattern
            self.count = count
        }
    }

    /// In the order of the schedule.
    package var tables: [Tables] = []
    package var extensions: [String] = []
    package var schemas: [String] = []
    /// The role that owns the database.
    package var owner: String?

    package init() {}
}

/// Which tables: `schema.table` in the form of psql's patterns, `*` for any characters and `?` for one, upper case folded and
/// wildcards at work outside double quotes only.
package struct TablePattern: Sendable, Equatable {
    /// As it is written.
    package let source: String
    private let schema: [Token]
    private let table: [Token]

    private enum Token: Sendable, Equatable {
        case character(Character)
        case one
        case any
    }

    /// Wildcards of other languages: no name has them without double quotes, and a pattern with one would never match.
    private static let foreign: Set<Character> = ["%", "[", "]", "+", "|", "^", "\\"]

    /// The first character of `source` outside double quotes that can match no name; nil when there is none.
    package static func foreignWildcard(in source: String) -> Character? {
        var isQuoted = false
        return source.first { character in
            if character == "\"" { isQuoted.toggle() }
            return !isQuoted && foreign.contains(character)
        }
    }

    /// Nil when it has no schema, more than two parts, an empty one, a wildcard of another language, or a quotation mark that is
    /// left open.
    package init?(_ source: String) {
        guard Self.foreignWildcard(in: source) == nil else { return nil }
        var parts: [[Token]] = [[]]
        var isQuoted = false
        var rest = source[...]
        while let character = rest.popFirst() {
            switch character {
            case "\"" where isQuoted && rest.first == "\"":
                parts[parts.count - 1].append(.character(character))
                rest.removeFirst()
            case "\"": isQuoted.toggle()
            case "." where !isQuoted: parts.append([])
            case "*" where !isQuoted: parts[parts.count - 1].append(.any)
            case "?" where !isQuoted: parts[parts.count - 1].append(.one)
            default:
                let folded = isQuoted ? String(character) : character.lowercased()
                parts[parts.count - 1] += folded.map(Token.character)
            }
        }
        guard !isQuoted, parts.count == 2, !parts.contains(where: \.isEmpty) else { return nil }
        self.source = source
        (schema, table) = (parts[0], parts[1])
    }

    package func matches(schema: String, table: String) -> Bool {
        Self.matches(Array(schema), self.schema) && Self.matches(Array(table), self.table)
    }

    /// After a `*` that took too little, only the last one is to take more: the time is no more than length times length.
    private static func matches(_ text: [Character], _ tokens: [Token]) -> Bool {
        var (place, token) = (0, 0)
        var again: (place: Int, token: Int)?
        while place < text.count {
            switch token < tokens.count ? tokens[token] : nil {
            case .any?:
                again = (place, token)
                token += 1
            case .one?:
                (place, token) = (place + 1, token + 1)
            case .character(let wanted)? where wanted == text[place]:
                (place, token) = (place + 1, token + 1)
            default:
                guard let last = again else { return false }
                again = (last.place + 1, last.token)
                (place, token) = (last.place + 1, last.token + 1)
            }
        }
        return tokens[token...].allSatisfy { $0 == .any }
    }
}
