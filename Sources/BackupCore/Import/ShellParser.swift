/// Reads tokens into a structure. Nothing is a fault: what is in no place it expects is passed over.
struct ShellParser {
    private let tokens: [ShellToken]
    private var at = 0
    private var depth = 0
    /// Deeper than any script that a person reads.
    private static let depthLimit = 40
    /// So many links has a chain of `&&`, `||` or `elif` that is followed as one: each lies in the one before it, and is a call
    /// deeper. What comes behind is taken as if it always were.
    private static let chainLimit = 500

    private init(_ tokens: [ShellToken]) { self.tokens = tokens }

    static func parse(_ text: String, line: Int = 1) -> ShellNode {
        var parser = ShellParser(ShellLexer.tokens(text, line: line))
        var nodes: [ShellNode] = []
        while parser.current != nil {
            nodes.append(parser.list(until: []))
            // An end without a beginning: passed over.
            if parser.current != nil { parser.at += 1 }
        }
        return .list(nodes)
    }

    private var current: ShellToken? { at < tokens.count ? tokens[at] : nil }

    private var keyword: String? {
        guard case .word(let word)? = current, word.parts.count == 1, case .literal(let text, false)? = word.parts.first
        else { return nil }
        return text
    }

    private func isSign(_ sign: String) -> Bool {
        if case .sign(sign, _)? = current { return true }
        return false
    }

    private mutating func take(_ word: String) {
        skipSeparators()
        if keyword == word { at += 1 }
    }

    private mutating func skipSeparators() {
        while let token = current {
            switch token {
            case .newline, .sign(";", _), .sign("&", _): at += 1
            case .word, .array, .sign, .arithmetic: return
            }
        }
    }

    private static let ends: Set<String> = ["then", "elif", "else", "fi", "do", "done", "esac", "}"]

    private mutating func list(until ends: Set<String>) -> ShellNode {
        depth += 1
        defer { depth -= 1 }
        var nodes: [ShellNode] = []
        while true {
            skipSeparators()
            guard let token = current, depth < Self.depthLimit else { break }
            if let keyword, Self.ends.contains(keyword) {
                if ends.contains(keyword) || !ends.isEmpty { break }
                at += 1
                continue
            }
            if case .sign(let sign, _) = token, sign == ")" || sign.hasPrefix(";;") || sign == ";&" { break }
            let before = at
            nodes.append(andOr())
            if at == before { at += 1 }
        }
        return .list(nodes)
    }

    private mutating func andOr() -> ShellNode {
        var node = pipeline()
        var links = 0
        while isSign("&&") || isSign("||"), links < Self.chainLimit {
            links += 1
            let isAnd = isSign("&&")
            at += 1
            while case .newline? = current { at += 1 }
            let next = pipeline()
            node = isAnd ? .and(node, next) : .or(node, next)
        }
        return node
    }

    private mutating func pipeline() -> ShellNode {
        var isNegated = false
        while keyword == "!" {
            isNegated.toggle()
            at += 1
        }
        var nodes = [command()]
        while isSign("|") || isSign("|&") {
            at += 1
            while case .newline? = current { at += 1 }
            nodes.append(command())
        }
        let node = nodes.count == 1 ? nodes[0] : .pipeline(nodes)
        return isNegated ? .not(node) : node
    }

    private mutating func command() -> ShellNode {
        depth += 1
        defer { depth -= 1 }
        guard let token = current, depth < Self.depthLimit else { return .list([]) }
        var node: ShellNode
        switch token {
        case .arithmetic(let text, let line):
            at += 1
            node = .arithmetic(text, line: line)
        case .sign("(", _):
            at += 1
            node = list(until: [")"])
            if isSign(")") { at += 1 }
        case .word(let word):
            switch keyword {
            case "if": node = conditional()
            case "case": node = cases()
            case "for", "select": node = loop(line: word.line)
            case "while", "until": node = repeated(line: word.line)
            case "{":
                at += 1
                node = list(until: ["}"])
                take("}")
            case "[[": node = brackets(line: word.line)
            case "function":
                at += 1
                return function()
            case nil: node = simple(line: word.line)
            case _?: node = isFunction ? function() : simple(line: word.line)
            }
        case .array(_, _, let line): node = simple(line: line)
        case .sign(_, let line): node = simple(line: line)
        case .newline: return .list([])
        }
        redirections()
        return node
    }

    private var isFunction: Bool {
        guard at + 2 < tokens.count, case .sign("(", _) = tokens[at + 1], case .sign(")", _) = tokens[at + 2] else {
            return false
        }
        return true
    }

    private mutating func function() -> ShellNode {
        let name = keyword ?? ""
        at += 1
        if isSign("(") { at += 1 }
        if isSign(")") { at += 1 }
        while case .newline? = current { at += 1 }
        return .function(name, command())
    }

    private mutating func conditional() -> ShellNode {
        var branches: [ShellNode.Branch] = []
        var otherwise: ShellNode?
        while keyword == "if" || keyword == "elif", branches.count < Self.chainLimit {
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

    private mutating func cases() -> ShellNode {
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
            choices.append(.init(patterns: patterns, body: list(until: ["esac"])))
            if case .sign(let sign, _)? = current, sign.hasPrefix(";") { at += 1 }
            if at == before { at += 1 }
        }
        take("esac")
        return .cases(word, choices)
    }

    private mutating func loop(line: Int) -> ShellNode {
        at += 1
        guard case .word(let name)? = current else {
            // `for ((…))`: how often is not followed.
            if case .arithmetic? = current { at += 1 }
            return body(.list([]), line: line)
        }
        at += 1
        var words: [ShellWord] = []
        skipSeparators()
        if keyword == "in" {
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

    private mutating func repeated(line: Int) -> ShellNode {
        at += 1
        return body(list(until: ["do"]), line: line)
    }

    private mutating func body(_ condition: ShellNode, line: Int) -> ShellNode {
        take("do")
        let body = list(until: ["done"])
        take("done")
        return .repeated(condition, body, line: line)
    }

    private mutating func brackets(line: Int) -> ShellNode {
        at += 1
        var inner: [ShellToken] = []
        while let token = current {
            if keyword == "]]" {
                at += 1
                break
            }
            inner.append(token)
            at += 1
        }
        return .brackets(inner, line: line)
    }

    private mutating func simple(line: Int) -> ShellNode {
        var node = ShellNode.Simple(line: line)
        while let token = current {
            switch token {
            case .word(let word):
                if node.words.isEmpty, let assignment = word.assignment {
                    node.assignments.append(assignment)
                } else {
                    node.words.append(word)
                }
                at += 1
            case .array(let name, let words, _):
                node.arrays.append((name, words))
                at += 1
            case .sign(let sign, _):
                guard Self.redirections.contains(sign) else { return .simple(node) }
                redirections()
            case .arithmetic, .newline: return .simple(node)
            }
        }
        return .simple(node)
    }

    private static let redirections: Set<String> = [
        "<", ">", ">>", "<<", "<<-", "<<<", "&>", "&>>", ">&", "<&", ">|", "<>",
    ]

    private mutating func redirections() {
        while case .sign(let sign, _)? = current, Self.redirections.contains(sign) {
            at += 1
            // A here-document's end has been taken with it.
            if !sign.hasPrefix("<<") || sign == "<<<", case .word? = current { at += 1 }
        }
    }
}
