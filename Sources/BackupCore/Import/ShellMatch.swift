/// Patterns of a script, and texts held against them.
extension ShellRun {
    /// A pattern of `case`, or the right side of `==` in `[[ ]]`: what is quoted in it stands for itself.
    mutating func matches(_ word: ShellWord, _ pattern: ShellWord, line: Int) -> Bool? {
        var isPlain = true
        for case .literal(let piece, let isQuoted) in pattern.parts where !ShellPattern.isPlain(piece) {
            // Seldom: not followed.
            if isQuoted { return nil }
            isPlain = false
        }
        if isPlain {
            let (value, wanted) = (expand(word), expand(pattern))
            return equal(value, wanted, line: line)
        }
        return held(word) { run in
            let wanted = run.expand(pattern)
            run.weigh(wanted)
            return wanted.text.map { [$0] }
        }
    }

    /// `[[ word =~ expression ]]`.
    mutating func matches(_ word: ShellWord, expression: [ShellToken], line: Int) -> Bool? {
        let value = expand(word)
        weigh(value)
        guard value.text != nil, let patterns = alternatives(expression) else { return nil }
        guard patterns.allSatisfy(ShellPattern.isPlain) else { return held(word) { $0.alternatives(expression) } }
        var isMet = false
        for pattern in patterns where equal(value, ShellValue(text: pattern), line: line) == true { isMet = true }
        return isMet
    }

    /// In the meant reading also without the zero in front of what `date` prints, where that number stands by itself.
    private mutating func held(_ word: ShellWord, _ patterns: (inout ShellRun) -> [String]?) -> Bool? {
        let value = expand(word)
        weigh(value)
        guard let text = value.text, text.utf8.count <= 1000, let literal = patterns(&self) else { return nil }
        stepsLeft -= literal.reduce(0) { $0 + text.utf8.count * $1.utf8.count } / 200
        if literal.contains(where: { ShellPattern.matches(text, $0) }) { return true }
        guard reading == .meant else { return false }
        (isTrimming, trimmings) = (true, [])
        defer { isTrimming = false }
        guard let other = expand(word).text, let meant = patterns(&self), let number = trimmings.last else {
            return false
        }
        return meant.contains { pattern in
            guard ShellPattern.matches(other, pattern) else { return false }
            // Of a list it is one of the numbers; a pattern says it, and not only how it begins.
            if other == text { return text.split { !$0.isNumber }.contains(number[...]) }
            return !pattern.contains { "*?".contains($0) }
                || pattern.split { !$0.isNumber && !"*?[]".contains($0) }.contains(number[...])
        }
    }

    private mutating func alternatives(_ expression: [ShellToken]) -> [String]? {
        var text = ""
        for token in expression {
            switch token {
            case .word(let word):
                for case .literal(let piece, true) in word.parts
                where piece.contains(where: { "()|?.[]^$*+{}".contains($0) }) {
                    return nil
                }
                let value = expand(word)
                weigh(value)
                guard let piece = value.text else { return nil }
                text += piece
            case .sign(let sign, _): text += sign
            case .arithmetic, .array, .newline: return nil
            }
        }
        let found = ShellExpression.alternatives(text)
        stepsLeft -= 4 * (found?.count ?? 1)
        return found
    }
}

/// Regular expressions as the old scripts have them: texts side by side, `( | )`, `?`, `.`, `[…]`, `^` and `$` at the ends.
struct ShellExpression {
    private var text: Substring
    private var isFaulty = false

    /// Stand in a pattern for `^` and `$`.
    private static let (begin, end): (Character, Character) = ("\u{E001}", "\u{E002}")

    /// The patterns of which one matches when the expression does; nil for an expression that is not followed.
    static func alternatives(_ text: String) -> [String]? {
        guard text.utf8.count <= 200 else { return nil }
        var expression = ShellExpression(text: text[...])
        let found = expression.either(depth: 0)
        guard !expression.isFaulty, expression.text.isEmpty else { return nil }
        return found.compactMap { pattern in
            var bare = pattern.drop { $0 == begin }
            while bare.last == end { bare.removeLast() }
            // A beginning in the middle is never met.
            guard !bare.contains(begin), !bare.contains(end) else { return nil }
            return (pattern.first == begin ? "" : "*") + bare + (pattern.last == end ? "" : "*")
        }
    }

    private init(text: Substring) { self.text = text }

    private mutating func either(depth: Int) -> [String] {
        var found = row(depth)
        while text.first == "|" {
            text.removeFirst()
            found += row(depth)
        }
        return found
    }

    private mutating func row(_ depth: Int) -> [String] {
        var found = [""]
        while let next = text.first, next != "|", next != ")", !isFaulty {
            var piece = atom(depth)
            if text.first == "?" {
                text.removeFirst()
                piece.append("")
            } else if piece == ["?"], text.first == "*" {
                text.removeFirst()
                piece = ["*"]
            }
            found = found.flatMap { begin in piece.map { begin + $0 } }
            if found.count > 64 { isFaulty = true }
        }
        return found
    }

    private mutating func atom(_ depth: Int) -> [String] {
        guard let first = text.popFirst() else { return [""] }
        switch first {
        case "(":
            guard depth < 10 else { break }
            let inner = either(depth: depth + 1)
            guard text.popFirst() == ")" else { break }
            return inner
        case "[":
            guard let end = text.dropFirst().firstIndex(of: "]"), !text[..<end].contains("[") else { break }
            let inside = text[..<end]
            text = text[text.index(after: end)...]
            return ["[\(inside)]"]
        case ".": return ["?"]
        case "^": return [String(Self.begin)]
        case "$": return [String(Self.end)]
        case "*", "+", "?", "{", "}", "\\": break
        default: return [String(first)]
        }
        isFaulty = true
        return [""]
    }
}
