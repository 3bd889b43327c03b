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
    /// `NAME=value`, `NAME+=value`, `NAME[key]=value`.
    struct Assignment: Sendable, Equatable {
        var name: String
        var key: ShellWord?
        var value: ShellWord
        var appends: Bool
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

    var assignment: Assignment? {
        guard case .literal(let text, false)? = parts.first else { return nil }
        let name = text.prefix { $0 == "_" || $0.isASCII && ($0.isLetter || $0.isNumber) }
        guard ShellWord.isName(name) else { return nil }
        var rest = dropping(name.count)
        var key: ShellWord?
        if let (found, value) = rest.keyed { (key, rest) = (found, value) }
        guard case .literal(let sign, false)? = rest.parts.first else { return nil }
        let appends = sign.hasPrefix("+=")
        guard appends || sign.hasPrefix("=") else { return nil }
        return Assignment(name: String(name), key: key, value: rest.dropping(appends ? 2 : 1), appends: appends)
    }

    /// `[key]`, and what follows it.
    var keyed: (key: ShellWord, rest: ShellWord)? {
        guard case .literal(let text, false)? = parts.first, text.hasPrefix("[") else { return nil }
        for (index, part) in parts.enumerated() {
            guard case .literal(let piece, false) = part, let end = piece.firstIndex(of: "]") else { continue }
            let inside = ShellWord(
                parts: parts[..<index] + [.literal(String(piece[..<end]), isQuoted: false)], line: line)
            let after = piece[piece.index(after: end)...]
            let rest = ShellWord(parts: [.literal(String(after), isQuoted: false)] + parts[(index + 1)...], line: line)
            return (inside.dropping(1), rest.dropping(0))
        }
        return nil
    }

    /// Without so many characters of its first part, and without that part when it is empty then.
    private func dropping(_ count: Int) -> ShellWord {
        guard case .literal(let text, let isQuoted)? = parts.first else { return self }
        var word = self
        word.parts.removeFirst()
        if text.count > count { word.parts.insert(.literal(String(text.dropFirst(count)), isQuoted: isQuoted), at: 0) }
        return word
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
    case array(ShellNode.Array, line: Int)
    case sign(String, line: Int)
    /// `((…))`.
    case arithmetic(String, line: Int)
    case newline
}
