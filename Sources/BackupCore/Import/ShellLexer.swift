/// Cuts a script into tokens, each character once. Nothing is a fault: what is open at the end of the text ends there.
struct ShellLexer {
    private let text: [Character]
    private var at = 0
    private var line: Int
    private var tokens: [ShellToken] = []
    private var pendingDocuments: [(end: String, isIndented: Bool, isLiteral: Bool, place: Int)] = []

    private init(_ text: String, line: Int) {
        self.text = Array(text)
        self.line = line
    }

    static func tokens(_ text: String, line: Int = 1) -> [ShellToken] {
        var lexer = ShellLexer(text.replacing("\r\n", with: "\n"), line: line)
        lexer.scan()
        return lexer.tokens
    }

    /// A text in which only `$` and backquotes mean something: of `((…))`, in which quotes mean nothing, or a here-document.
    static func expandable(_ text: String, line: Int, keepsQuotes: Bool = false) -> ShellWord {
        var lexer = ShellLexer(text, line: line)
        var word = ShellWord(line: line)
        lexer.readExpandable(&word, end: nil, keepsQuotes: keepsQuotes)
        return word
    }

    private var current: Character? { at < text.count ? text[at] : nil }
    private func ahead(_ count: Int) -> Character? { at + count < text.count ? text[at + count] : nil }

    private mutating func step() {
        if text[at] == "\n" { line += 1 }
        at += 1
    }

    private mutating func scan() {
        while let character = current {
            switch character {
            case " ", "\t", "\r": step()
            case "\n":
                step()
                tokens.append(.newline)
                skipDocuments()
            case "\\" where ahead(1) == "\n":
                step()
                step()
            case "#": while let next = current, next != "\n" { _ = next; step() }
            case ";", "&", "|", "(", ")", "<", ">": sign()
            default: word()
            }
        }
    }

    private mutating func sign() {
        let start = line
        if current == "(", ahead(1) == "(" {
            at += 2
            tokens.append(.arithmetic(arithmetic(), line: start))
            return
        }
        let signs = [
            "<<<", "<<-", "&>>", ";;&", "&&", "||", ";;", ";&", "|&", "<<", ">>", "&>", ">&", "<&", ">|", "<>",
        ]
        for sign in signs where matches(sign) {
            at += sign.count
            tokens.append(.sign(sign, line: start))
            if sign == "<<" || sign == "<<-" { document(isIndented: sign == "<<-") }
            return
        }
        let sign = String(text[at])
        step()
        tokens.append(.sign(sign, line: start))
    }

    private func matches(_ sign: String) -> Bool {
        at + sign.count <= text.count && zip(sign, text[at...]).allSatisfy { $0 == $1 }
    }

    /// A here-document's end; its text comes after this line.
    private mutating func document(isIndented: Bool) {
        while current == " " || current == "\t" { step() }
        let end = readWord()
        let isLiteral = end.parts.contains { if case .literal(_, true) = $0 { true } else { false } }
        pendingDocuments.append((end.plain ?? "", isIndented, isLiteral, tokens.count))
        // Its text is put here.
        tokens.append(.word(ShellWord(line: line)))
    }

    private mutating func skipDocuments() {
        for document in pendingDocuments {
            let start = line
            var lines = ""
            while at < text.count {
                var content = upTo("\n")
                if document.isIndented { content = String(content.drop { $0 == "\t" }) }
                if content == document.end { break }
                lines += content + "\n"
            }
            tokens[document.place] = .word(
                document.isLiteral
                    ? ShellWord(parts: [.literal(lines, isQuoted: true)], line: start)
                    : ShellLexer.expandable(lines, line: start, keepsQuotes: true))
        }
        pendingDocuments = []
    }

    private mutating func word() {
        let start = line
        let word = readWord()
        // The number of a descriptor is no word: `2>&1`.
        if current == "<" || current == ">", let plain = word.plain, !plain.isEmpty, plain.allSatisfy(\.isNumber) {
            return
        }
        if current == "(", let found = word.assignment, found.value.parts.isEmpty, found.key == nil {
            step()
            return tokens.append(
                .array(.init(name: found.name, words: arrayWords(), appends: found.appends), line: start))
        }
        tokens.append(.word(word))
    }

    private mutating func arrayWords() -> [ShellWord] {
        var words: [ShellWord] = []
        while let next = current, next != ")" {
            switch next {
            case " ", "\t", "\n", ";", "&", "|", "(", "<", ">", "\r": step()
            case "#": while let next = current, next != "\n" { _ = next; step() }
            default: words.append(readWord())
            }
        }
        if current == ")" { step() }
        return words
    }

    private mutating func readWord() -> ShellWord {
        var word = ShellWord(line: line)
        var pending = ""
        func close(_ word: inout ShellWord, _ pending: inout String) {
            if !pending.isEmpty { word.parts.append(.literal(pending, isQuoted: false)) }
            pending = ""
        }
        reading: while let character = current {
            switch character {
            case " ", "\t", "\n", ";", "&", "|", "(", ")", "<", ">", "\r": break reading
            case "'", "\"", "$", "`":
                close(&word, &pending)
                quoted(character, &word)
            case "\\":
                step()
                guard let next = current else { break reading }
                step()
                if next != "\n" {
                    close(&word, &pending)
                    word.parts.append(.literal(String(next), isQuoted: true))
                }
            default:
                pending.append(character)
                step()
            }
        }
        close(&word, &pending)
        return word
    }

    private mutating func quoted(_ character: Character, _ word: inout ShellWord) {
        switch character {
        case "'":
            step()
            word.parts.append(.literal(upTo("'"), isQuoted: true))
        case "\"": doubleQuoted(&word)
        case "`":
            step()
            word.parts.append(.command(upTo("`"), isQuoted: false))
        default: word.parts.append(dollar(isQuoted: false))
        }
    }

    private mutating func upTo(_ end: Character) -> String {
        var content = ""
        while let next = current, next != end {
            content.append(next)
            step()
        }
        if current != nil { step() }
        return content
    }

    private mutating func doubleQuoted(_ word: inout ShellWord) {
        step()
        // Empty quotes are a word too.
        if current == "\"" { word.parts.append(.literal("", isQuoted: true)) }
        readExpandable(&word, end: "\"", keepsQuotes: true)
        if current != nil { step() }
    }

    private mutating func readExpandable(_ word: inout ShellWord, end: Character?, keepsQuotes: Bool) {
        var content = ""
        func close(_ word: inout ShellWord, _ content: inout String) {
            if !content.isEmpty { word.parts.append(.literal(content, isQuoted: true)) }
            content = ""
        }
        while let character = current, character != end {
            switch character {
            case "$":
                close(&word, &content)
                word.parts.append(dollar(isQuoted: true))
            case "`":
                close(&word, &content)
                step()
                word.parts.append(.command(upTo("`"), isQuoted: true))
            case "\\" where ahead(1).map { "$`\"\\\n".contains($0) } == true:
                step()
                if current != "\n" { content.append(text[at]) }
                step()
            case "\"" where !keepsQuotes: step()
            default:
                content.append(character)
                step()
            }
        }
        close(&word, &content)
    }

    private mutating func dollar(isQuoted: Bool) -> ShellWord.Part {
        step()
        guard let next = current else { return .literal("$", isQuoted: isQuoted) }
        if next == "(", ahead(1) == "(" {
            at += 2
            return .arithmetic(arithmetic())
        }
        if next == "(" {
            step()
            return .command(balanced(")"), isQuoted: isQuoted)
        }
        if next == "{" {
            step()
            return .variable(balanced("}"), isQuoted: isQuoted)
        }
        if next == "'" && !isQuoted {
            step()
            let text = upTo("'").replacing("\\n", with: "\n").replacing("\\t", with: "\t")
            return .literal(text, isQuoted: true)
        }
        var name = ""
        if next.isNumber || "@*#?!$-".contains(next) {
            step()
            return .variable(String(next), isQuoted: isQuoted)
        }
        while let next = current, next.isASCII, next.isLetter || next.isNumber || next == "_" {
            name.append(next)
            step()
        }
        return name.isEmpty ? .literal("$", isQuoted: isQuoted) : .variable(name, isQuoted: isQuoted)
    }

    /// Up to the `))` that closes it.
    private mutating func arithmetic() -> String {
        var content = ""
        var depth = 0
        while let next = current {
            if next == ")", depth == 0 {
                step()
                if current == ")" { step() }
                break
            }
            if next == "(" { depth += 1 }
            if next == ")" { depth -= 1 }
            content.append(next)
            step()
        }
        return content
    }

    /// Up to the bracket that closes it, past quotes and brackets inside.
    private mutating func balanced(_ end: Character) -> String {
        let begin: Character = end == ")" ? "(" : "{"
        var content = ""
        var depth = 0
        var quote: Character?
        while let next = current {
            if let open = quote {
                if next == open { quote = nil }
            } else if next == "'" || next == "\"" {
                quote = next
            } else if next == begin {
                depth += 1
            } else if next == end {
                if depth == 0 {
                    step()
                    break
                }
                depth -= 1
            }
            content.append(next)
            step()
        }
        return content
    }
}
