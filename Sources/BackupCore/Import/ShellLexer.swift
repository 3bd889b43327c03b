/// Cuts a script into tokens, each character once. Nothing is a fault: what is open at the end of the text ends there.
struct ShellLexer {
    let text: [Character]
    var at = 0
    var line: Int
    /// Where a quote or bracket begins that has no end.
    var unclosed: Int?
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

    /// The line of a quote, bracket or here-document that has no end: what follows it is not read.
    static func unclosed(_ text: String) -> Int? {
        var lexer = ShellLexer(text, line: 1)
        lexer.scan()
        return lexer.unclosed
    }

    /// A text in which only `$` and backquotes mean something: of `((…))`, in which quotes mean nothing, or a here-document.
    static func expandable(_ text: String, line: Int, keepsQuotes: Bool = false) -> ShellWord {
        var lexer = ShellLexer(text, line: line)
        var word = ShellWord(line: line)
        lexer.readExpandable(&word, end: nil, keepsQuotes: keepsQuotes)
        return word
    }

    var current: Character? { at < text.count ? text[at] : nil }
    func ahead(_ count: Int) -> Character? { at + count < text.count ? text[at + count] : nil }

    mutating func step() {
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
            var isClosed = false
            while at < text.count {
                var content = upTo("\n")
                if document.isIndented { content = String(content.drop { $0 == "\t" }) }
                isClosed = content == document.end
                if isClosed { break }
                lines += content + "\n"
            }
            if !isClosed, case .word(let begin) = tokens[document.place] { unclosed = unclosed ?? begin.line }
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

    mutating func upTo(_ end: Character) -> String {
        let start = line
        var content = ""
        while let next = current, next != end {
            content.append(next)
            step()
        }
        if current != nil { step() } else if end != "\n" { unclosed = unclosed ?? start }
        return content
    }

    private mutating func doubleQuoted(_ word: inout ShellWord) {
        let start = line
        step()
        // Empty quotes are a word too.
        if current == "\"" { word.parts.append(.literal("", isQuoted: true)) }
        readExpandable(&word, end: "\"", keepsQuotes: true)
        if current != nil { step() } else { unclosed = unclosed ?? start }
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
}
