/// What has an end of its own: `if`, `case` and loops.
extension ShellParser {
    mutating func conditional() -> ShellNode {
        var branches: [ShellNode.Branch] = []
        var otherwise: ShellNode?
        while keyword == "if" || keyword == "elif" {
            at += 1
            let condition = list(until: ["then"])
            take("then")
            branches.append(.init(condition: condition, body: list(until: ["elif", "else", "fi"])))
        }
        if keyword == "else" {
            at += 1
            otherwise = list(until: ["fi"])
        }
        take("fi")
        return .conditional(branches, otherwise: otherwise)
    }

    mutating func cases() -> ShellNode {
        at += 1
        guard case .word(let word)? = current else { return .list([]) }
        at += 1
        take("in")
        var choices: [ShellNode.Choice] = []
        while true {
            skipSeparators()
            guard current != nil, keyword != "esac" else { break }
            let before = at
            if isSign("(") { at += 1 }
            var patterns: [ShellWord] = []
            while case .word(let pattern)? = current {
                patterns.append(pattern)
                at += 1
                if isSign("|") { at += 1 } else { break }
            }
            if isSign(")") { at += 1 }
            let body = list(until: ["esac"])
            let end: ShellNode.Choice.End = isSign(";&") ? .fallsThrough : isSign(";;&") ? .goesOn : .leaves
            choices.append(.init(patterns: patterns, body: body, end: end))
            if case .sign(let sign, _)? = current, sign.hasPrefix(";") { at += 1 }
            if at == before { at += 1 }
        }
        take("esac")
        return .cases(word, choices)
    }

    mutating func loop(line: Int) -> ShellNode {
        at += 1
        guard case .word(let name)? = current else {
            return counted()
        }
        at += 1
        // Without `in` it goes over the arguments.
        var words = [ShellWord(parts: [.variable("@", isQuoted: true)], line: line)]
        skipSeparators()
        if keyword == "in" {
            words = []
            at += 1
            while case .word(let word)? = current {
                words.append(word)
                at += 1
            }
        }
        take("do")
        let inner = list(until: ["done"])
        take("done")
        return .loop(name.plain ?? "", words, inner, line: line)
    }

    /// `for ((first; condition; next))`.
    private mutating func counted() -> ShellNode {
        var pieces: [String] = []
        var line = self.line
        if case .arithmetic(let text, let place)? = current {
            pieces = text.split(separator: ";", omittingEmptySubsequences: false).map(String.init)
            line = place
            at += 1
        }
        guard pieces.count == 3 else { return body(.list([])) }
        let holds = pieces[1].allSatisfy(\.isWhitespace) ? ShellNode.list([]) : .arithmetic(pieces[1], line: line)
        let loop = body(holds, next: .arithmetic(pieces[2], line: line))
        return .list([.arithmetic(pieces[0], line: line), loop])
    }

    mutating func repeated() -> ShellNode {
        let isUntil = keyword == "until"
        at += 1
        let condition = list(until: ["do"])
        return body(isUntil ? .not(condition) : condition)
    }

    private mutating func body(_ condition: ShellNode, next: ShellNode = .list([])) -> ShellNode {
        take("do")
        let body = list(until: ["done"])
        take("done")
        return .repeated(condition, body, next: next)
    }
}
