/// `$(…)`: what `date` and `echo` print there, and dumps that are made in it.
extension ShellRun {
    mutating func substituted(_ text: String, line: Int) -> ShellValue {
        guard stepsLeft > 0, depth < 20, text.utf8.count <= 10_000 else {
            if text.contains("pg_dump") { note(line, "a pg_dump that lies too deep to be followed: left") }
            return .unknown
        }
        stepsLeft -= 1 + text.utf8.count / 10
        // Each word in it is expanded once: by what prints it, or by what runs it.
        guard let name = Self.firstWord(text), Self.printers.contains(name),
            let commands = commands(in: text, line: line),
            let first = commands.first
        else { return ran(text, line: line) }
        if let value = printed(first) ?? date(first) { return filtered(value, commands.dropFirst()) }
        return ShellValue(text: nil, isOfClock: text.contains("date "))
    }

    private static let printers: Set<String> = ["date", "echo", "printf", "command", "which", "TZ="]

    private static func firstWord(_ text: String) -> String? {
        let word = text.drop(while: \.isWhitespace).prefix { !$0.isWhitespace }
        if word.hasPrefix("TZ=") { return "TZ=" }
        return word.split(separator: "/").last.map(String.init)
    }

    /// Its words, when it is a command or some with `|` between them.
    private mutating func commands(in text: String, line: Int) -> [[ShellValue]]? {
        depth += 1
        defer { depth -= 1 }
        var commands: [[ShellValue]] = [[]]
        var tokens = ShellLexer.tokens(text, line: line)
        while tokens.last == .newline { tokens.removeLast() }
        for token in tokens {
            switch token {
            case .word(let word): commands[commands.count - 1] += expandToMany(word)
            case .sign("|", _): commands.append([])
            case .array, .sign, .arithmetic, .newline: return nil
            }
        }
        return commands
    }

    /// A program's answer is not known, but it may make a dump.
    private mutating func ran(_ text: String, line: Int) -> ShellValue {
        _ = subshell { $0.evaluate(text, line: line) }
        return .unknown
    }

    private func printed(_ words: [ShellValue]) -> ShellValue? {
        if words.count > 1, let text = Self.printed(words) {
            var value = words.count == 2 ? words[1] : ShellValue(text: nil)
            value.text = text
            value.isOfClock = words.contains(where: \.isOfClock)
            value.isOfDay = words.contains(where: \.isOfDay)
            value.zone = words.lazy.compactMap(\.zone).first
            return value
        }
        // `PG_DUMP=$(command -v pg_dump)`
        let texts = words.compactMap(\.text)
        if texts.count == 3, texts[0] == "command", texts[1] == "-v" { return ShellValue(text: texts[2]) }
        if texts.count == 2, texts[0] == "which" { return ShellValue(text: texts[1]) }
        return nil
    }

    /// What `sed 's/^0//'` and `tr , ' '` make of it.
    private func filtered(_ value: ShellValue, _ filters: ArraySlice<[ShellValue]>) -> ShellValue {
        var value = value
        for words in filters {
            let texts = words.compactMap(\.text)
            let unknown = ShellValue(text: nil, isOfClock: value.isOfClock)
            guard texts.count == words.count, let text = value.text else { return unknown }
            switch texts.first {
            case "sed" where texts.dropFirst() == ["s/^0//"]:
                value.text = String(text.dropFirst(text.hasPrefix("0") ? 1 : 0))
            case "sed" where texts.dropFirst() == ["s/^0*//"]: value.text = String(text.drop { $0 == "0" })
            case "tr" where texts.count == 3 && texts[1].count == 1 && ["\n", "\\n", " ", ","].contains(texts[2]):
                value.text = text.replacing(texts[1], with: texts[2] == "\\n" ? "\n" : texts[2])
            case _: return unknown
            }
        }
        return value
    }

    private func date(_ words: [ShellValue]) -> ShellValue? {
        var texts = words.compactMap(\.text)
        guard texts.count == words.count else { return nil }
        var zone = variables["TZ"]?.text
        if let first = texts.first, first.hasPrefix("TZ=") {
            zone = String(first.dropFirst(3))
            texts.removeFirst()
        }
        guard texts.first == "date" || texts.first?.hasSuffix("/date") == true else { return nil }
        texts.removeFirst()
        if let first = texts.first, ["-u", "--utc", "--universal"].contains(first) {
            zone = "UTC"
            texts.removeFirst()
        }
        guard texts.count == 1, let format = texts.first, format.hasPrefix("+"),
            var value = moment.formatted(String(format.dropFirst()))
        else { return nil }
        value.zone = zone
        return value
    }
}
