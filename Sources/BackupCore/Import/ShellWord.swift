/// A word of a shell script, in the parts that a shell would expand.
struct ShellWord: Sendable, Equatable {
    enum Part: Sendable, Equatable {
        case literal(String, isQuoted: Bool)
        /// `$NAME` or `${NAME…}`: the text between the braces.
        case variable(String, isQuoted: Bool)
        /// `$(…)` or backquotes.
        case command(String, isQuoted: Bool)
        /// `$((…))`.
        case arithmetic(String)
    }
    var parts: [Part] = []
    var line: Int

    /// As it stands there when nothing in it is expanded; nil when something is.
    var plain: String? {
        var text = ""
        for part in parts {
            guard case .literal(let piece, _) = part else { return nil }
            text += piece
        }
        return text
    }

    /// `NAME` and the rest of `NAME=rest`.
    var assignment: (name: String, value: ShellWord)? {
        guard case .literal(let text, false)? = parts.first, let sign = text.firstIndex(of: "=") else { return nil }
        let name = text[..<sign]
        guard ShellWord.isName(name) else { return nil }
        var value = ShellWord(line: line)
        let rest = text[text.index(after: sign)...]
        if !rest.isEmpty { value.parts.append(.literal(String(rest), isQuoted: false)) }
        value.parts += parts.dropFirst()
        return (String(name), value)
    }

    static func isName(_ text: some StringProtocol) -> Bool {
        guard let first = text.unicodeScalars.first, first == "_" || first.properties.isAlphabetic else { return false }
        return text.unicodeScalars.allSatisfy {
            $0.isASCII && ($0 == "_" || $0.properties.isAlphabetic || ("0"..."9").contains($0))
        }
    }
}

/// What a script consists of.
enum ShellToken: Sendable, Equatable {
    case word(ShellWord)
    /// `NAME=(word …)`.
    case array(String, [ShellWord], line: Int)
    case sign(String, line: Int)
    /// `((…))`.
    case arithmetic(String, line: Int)
    case newline

    var line: Int? {
        switch self {
        case .word(let word): word.line
        case .array(_, _, let line), .sign(_, let line), .arithmetic(_, let line): line
        case .newline: nil
        }
    }
}
