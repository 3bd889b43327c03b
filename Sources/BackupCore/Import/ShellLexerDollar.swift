/// What begins with a `$`: variables, commands, arithmetic.
extension ShellLexer {
    mutating func dollar(isQuoted: Bool) -> ShellWord.Part {
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
    mutating func arithmetic() -> String {
        let start = line
        var content = ""
        var depth = 0
        var isClosed = false
        while let next = current {
            if next == ")", depth == 0 {
                isClosed = true
                step()
                if current == ")" { step() }
                break
            }
            if next == "(" { depth += 1 }
            if next == ")" { depth -= 1 }
            content.append(next)
            step()
        }
        if !isClosed { unclosed = unclosed ?? start }
        return content
    }

    /// Up to the bracket that closes it, past quotes and brackets inside.
    private mutating func balanced(_ end: Character) -> String {
        let begin: Character = end == ")" ? "(" : "{"
        let start = line
        var content = ""
        var depth = 0
        var quote: Character?
        var isClosed = false
        while let next = current {
            if next == "\\", quote != "'", ahead(1) != nil {
                content.append(next)
                step()
            } else if let open = quote {
                if next == open { quote = nil }
            } else if next == "#", end == ")", content.last.map(\.isWhitespace) ?? true {
                // An apostrophe in it begins nothing.
                while let next = current, next != "\n" { _ = next; step() }
                continue
            } else if next == "'" || next == "\"" {
                quote = next
            } else if next == begin {
                depth += 1
            } else if next == end {
                if depth == 0 {
                    isClosed = true
                    step()
                    break
                }
                depth -= 1
            }
            if let next = current { content.append(next) }
            step()
        }
        if !isClosed { unclosed = unclosed ?? start }
        return content
    }
}
