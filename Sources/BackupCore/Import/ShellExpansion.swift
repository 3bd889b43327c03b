/// What words of a script stand for.
extension ShellRun {
    /// Longer texts and lists are not known: a script can double one in each line.
    static let textLimit = 16_384
    static let listLimit = 1024

    /// What the word stands for as one.
    mutating func expand(_ word: ShellWord) -> ShellValue {
        if word.parts.count == 1, let part = word.parts.first { return expand(part, line: word.line) }
        var value = ShellValue(text: "")
        for part in word.parts {
            let piece = expand(part, line: word.line)
            value.isOfClock = value.isOfClock || piece.isOfClock
            value.isOfDay = value.isOfDay || piece.isOfDay
            value.zone = value.zone ?? piece.zone
            if let text = value.text, let next = piece.text, text.utf8.count + next.utf8.count <= Self.textLimit {
                value.text = text + next
            } else {
                let outline = value.shown + piece.shown
                (value.text, value.outline) = (nil, outline.utf8.count <= Self.textLimit ? outline : nil)
            }
            stepsLeft -= value.shown.utf8.count / 500
        }
        return value
    }

    /// As many words as the shell would make of it.
    mutating func expandToMany(_ word: ShellWord) -> [ShellValue] {
        let words = ShellBraces.words(of: word)
        if words?.count != 1 { stepsLeft -= 500 + (words?.count ?? 0) * 4 }
        guard let words else { return [.unknown] }
        var values: [ShellValue] = []
        for word in words where values.count <= Self.listLimit { values += expandToAny(word) }
        stepsLeft -= values.count / 4
        return values.count <= Self.listLimit ? values : [.unknown]
    }

    private mutating func expandToAny(_ word: ShellWord) -> [ShellValue] {
        guard word.parts.count == 1, let part = word.parts.first else { return [expand(word)] }
        switch part {
        case .variable(let name, let isQuoted):
            tellGrowth(of: String(name.prefix { $0.isLetter || $0.isNumber || $0 == "_" }))
            if let values = elements(name, line: word.line) {
                return isQuoted ? values : values.flatMap { words(of: $0) }
            }
            return isQuoted ? [expand(word)] : words(of: expand(word))
        case .command(_, let isQuoted): return isQuoted ? [expand(word)] : words(of: expand(word))
        case .literal, .arithmetic: return [expand(word)]
        }
    }

    /// At `IFS`, as the shell does with what is not quoted.
    private func words(of value: ShellValue) -> [ShellValue] {
        guard let text = value.text else { return [value] }
        let words = split(Substring(text), variables["IFS"])
        return words.count == 1 && words[0].count == text.count
            ? [value]
            : words.map {
                var word = value
                word.text = String($0)
                return word
            }
    }

    func split(_ text: Substring, _ separators: ShellValue?, limit: Int = .max) -> [Substring] {
        let signs = separators?.text ?? " \t\n"
        let isBlank = signs.allSatisfy(\.isWhitespace)
        let text = isBlank ? text.drop { signs.contains($0) } : text
        guard !text.isEmpty else { return [] }
        return text.split(maxSplits: limit, omittingEmptySubsequences: isBlank) { signs.contains($0) }
    }

    private mutating func expand(_ part: ShellWord.Part, line: Int) -> ShellValue {
        if case .literal(let text, _) = part {
            stepsLeft -= text.utf8.count / 100
            guard text.utf8.count <= Self.textLimit else { return .unknown }
            return text.contains(ShellValue.gap) ? ShellValue(text: nil, outline: text) : ShellValue(text: text)
        }
        // One lies in the other, and each is looked through again.
        guard expansionDepth < 12, stepsLeft > 0 else { return .unknown }
        expansionDepth += 1
        defer { expansionDepth -= 1 }
        switch part {
        case .literal: return .unknown
        case .variable(let text, _): return text.utf8.count > 1000 ? .unknown : trimmed(parameter(text, line: line))
        case .command(let text, _): return trimmed(substituted(text, line: line))
        case .arithmetic(let text):
            return ShellValue(text: text.utf8.count > 1000 ? nil : arithmetic(text, line: line).map { "\($0)" })
        }
    }

    private mutating func trimmed(_ value: ShellValue) -> ShellValue {
        guard isTrimming, value.format != nil, let text = value.text, text.count > 1, text.hasPrefix("0") else {
            return value
        }
        trimmings.append(String(text.dropFirst()))
        var value = value
        value.text = String(text.dropFirst())
        return value
    }

    /// What a decision hangs on: the day, and whose clock.
    mutating func weigh(_ values: ShellValue...) {
        for value in values {
            if value.isOfDay { asksDay = true }
            guard value.isOfClock else { continue }
            if value.text != nil {
                zones.insert(value.zone ?? "")
            } else {
                note(line, "hangs on what date says in a way that is not followed: taken as if it were so always")
            }
        }
    }

    /// Nil for what is not known, and for 08 and 09, at which the shell fails; that is noted.
    mutating func arithmetic(_ text: String, line: Int) -> Int? {
        guard text.utf8.count <= 1000 else { return nil }
        let whole = expand(ShellLexer.expandable(text, line: line))
        weigh(whole)
        guard let expanded = whole.text else { return nil }
        if let (name, sign, rest) = Self.assignment(expanded) {
            let value = rest.flatMap { number($0, line: line) }
            let before = number(name, line: line)
            let after = sign == "=" ? value : sum(before, value, sign)
            variables[name] = ShellValue(text: after.map { "\($0)" })
            return rest == "1" && expanded.hasSuffix(sign) ? before : after
        }
        return number(expanded, line: line)
    }

    private func sum(_ one: Int?, _ other: Int?, _ sign: String) -> Int? {
        guard let one, let other else { return nil }
        let (value, isOver) =
            sign.hasPrefix("+") ? one.addingReportingOverflow(other) : one.subtractingReportingOverflow(other)
        return isOver ? nil : value
    }

    /// `i=…`, `i+=…`, `i++` and their kin: the name, the sign, and what stands behind it.
    private static func assignment(_ text: String) -> (name: String, sign: String, rest: String?)? {
        let bare = text.filter { !$0.isWhitespace }
        for sign in ["++", "--"] {
            let name = bare.hasPrefix(sign) ? bare.dropFirst(2) : bare.hasSuffix(sign) ? bare.dropLast(2) : ""
            if ShellWord.isName(name) { return (String(name), sign, "1") }
        }
        let name = bare.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        guard ShellWord.isName(name) else { return nil }
        for sign in ["+=", "-=", "="] {
            let rest = bare.dropFirst(name.count)
            guard rest.hasPrefix(sign), !rest.hasPrefix("==") else { continue }
            return (String(name), sign, String(rest.dropFirst(sign.count)))
        }
        return nil
    }

    private mutating func number(_ text: String, line: Int) -> Int? {
        let names = text.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
        for name in names where ShellWord.isName(name) { weigh(value(named: name)) }
        let run = self
        switch ShellArithmetic.value(text, reading, variable: { run.value(named: $0).text }) {
        case .number(let value): return value
        case .octalFault(let digits):
            octalFault(digits, line: line)
            return 0
        case .unknown:
            // What it sets besides is not known.
            for name in names where variables[name] != nil && ["++", "--", "="].contains(where: text.contains) {
                variables[name] = .unknown
            }
            return nil
        }
    }

    mutating func octalFault(_ digits: String, line: Int) {
        note(
            line,
            "\(digits) is no number to the shell here: a 0 in front makes it octal, and 08 and 09 are errors; the "
                + "schedule has what was meant")
    }
}
