extension ShellRun {
    /// What the word stands for as one.
    mutating func expand(_ word: ShellWord) -> ShellValue {
        if word.parts.count == 1, let part = word.parts.first { return expand(part, line: word.line) }
        var text = ""
        for part in word.parts {
            guard let piece = expand(part, line: word.line).text else { return .unknown }
            text += piece
        }
        return ShellValue(text: text)
    }

    /// As many words as the shell would make of it.
    mutating func expandToMany(_ word: ShellWord) -> [ShellValue] {
        guard word.parts.count == 1, let part = word.parts.first else { return [expand(word)] }
        switch part {
        case .variable(let name, let isQuoted):
            if name == "@" || name == "*" { return arguments }
            if name.hasSuffix("[@]") || name.hasSuffix("[*]") {
                return arrays[String(name.dropLast(3))] ?? [.unknown]
            }
            return isQuoted ? [expand(word)] : split(expand(word))
        case .command(_, let isQuoted): return isQuoted ? [expand(word)] : split(expand(word))
        case .literal, .arithmetic: return [expand(word)]
        }
    }

    /// At spaces, as the shell does with what is not quoted.
    private func split(_ value: ShellValue) -> [ShellValue] {
        guard let text = value.text else { return [value] }
        let words = text.split { $0.isWhitespace }
        return words.count == 1 && words[0].count == text.count
            ? [value] : words.map { ShellValue(text: String($0), format: value.format) }
    }

    private mutating func expand(_ part: ShellWord.Part, line: Int) -> ShellValue {
        switch part {
        case .literal(let text, _): return ShellValue(text: text)
        case .variable(let text, _): return variable(text)
        case .command(let text, _): return substituted(text)
        case .arithmetic(let text): return ShellValue(text: arithmetic(text, line: line).map { "\($0)" })
        }
    }

    func value(named name: String) -> ShellValue {
        if let number = Int(name) {
            guard number > 0 else { return .unknown }
            return number <= arguments.count ? arguments[number - 1] : ShellValue(text: callDepth > 0 ? "" : nil)
        }
        if name == "#" { return ShellValue(text: callDepth > 0 ? "\(arguments.count)" : nil) }
        return variables[name] ?? .unknown
    }

    /// `NAME`, `NAME#0`, `NAME##0`, `NAME:-default`.
    private mutating func variable(_ text: String) -> ShellValue {
        let name = text.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        let operation = text.dropFirst(name.count)
        if name.isEmpty { return value(named: text) }
        var found = value(named: String(name))
        if operation.isEmpty { return found }
        if operation.hasPrefix(":-") || operation.hasPrefix(":=") || operation.hasPrefix("-") {
            let rest = operation.drop { ":-=".contains($0) }
            // What nobody has set here may be set from outside; who calls it from cron seldom does.
            guard found.text == nil || found.text?.isEmpty == true else { return found }
            guard case .word(let word)? = ShellLexer.tokens(String(rest)).first, let plain = word.plain else {
                return .unknown
            }
            return ShellValue(text: plain)
        }
        guard operation.hasPrefix("#"), let whole = found.text else { return .unknown }
        let prefix = operation.drop { $0 == "#" }
        guard ShellPattern.isPlain(String(prefix)) else { return .unknown }
        found.text = whole.hasPrefix(prefix) ? String(whole.dropFirst(prefix.count)) : whole
        return found
    }

    /// Of `date +FORMAT` alone.
    private mutating func substituted(_ text: String) -> ShellValue {
        guard text.count <= 200 else { return .unknown }
        var words: [String] = []
        for token in ShellLexer.tokens(text) {
            switch token {
            case .word(let word):
                guard let plain = word.plain else { return .unknown }
                words.append(plain)
            // A redirection changes nothing of what date prints, a pipe does.
            case .array, .sign, .arithmetic, .newline: return .unknown
            }
        }
        if let first = words.first, first.hasPrefix("TZ=") {
            zoneName = String(first.dropFirst(3))
            words.removeFirst()
        }
        guard words.first == "date" || words.first?.hasSuffix("/date") == true else { return .unknown }
        words.removeFirst()
        if let first = words.first, ["-u", "--utc", "--universal"].contains(first) {
            zoneName = "UTC"
            words.removeFirst()
        }
        guard words.count == 1, let format = words.first, format.hasPrefix("+") else { return .unknown }
        return moment.formatted(String(format.dropFirst())) ?? .unknown
    }

    /// Nil for what is not known, and for 08 and 09, at which the shell fails; that is noted.
    mutating func arithmetic(_ text: String, line: Int) -> Int? {
        let run = self
        switch ShellArithmetic.value(text, reading, variable: { run.value(named: $0).text }) {
        case .number(let value): return value
        case .octalFault(let digits):
            octalFault(digits, line: line)
            return 0
        case .unknown: return nil
        }
    }

    mutating func octalFault(_ digits: String, line: Int) {
        note(
            line,
            "\(digits) is no number to the shell here: a 0 in front makes it octal, and 08 and 09 are errors; the "
                + "schedule has what was meant")
    }
}
