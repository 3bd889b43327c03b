/// Reads tokens into a structure. Nothing is a fault: what is in no place it expects is passed over.
struct ShellParser {
    let tokens: [ShellToken]
    var at = 0
    private var depth = 0
    /// Deeper than any script that a person reads.
    private static let depthLimit = 40

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

    var current: ShellToken? { at < tokens.count ? tokens[at] : nil }

    /// Of what comes next, or else of the last that has one.
    var line: Int {
        for token in tokens[min(at, tokens.count)...] {
            switch token {
            case .word(let word): return word.line
            case .array(_, let line), .sign(_, let line), .arithmetic(_, let line): return line
            case .newline: continue
            }
        }
        return 0
    }

    var keyword: String? {
        guard case .word(let word)? = current, word.parts.count == 1, case .literal(let text, false)? = word.parts.first
        else { return nil }
        return text
    }

    func isSign(_ sign: String) -> Bool {
        if case .sign(sign, _)? = current { return true }
        return false
    }

    mutating func take(_ word: String) {
        skipSeparators()
        if keyword == word { at += 1 }
    }

    mutating func skipSeparators() {
        while let token = current {
            switch token {
            case .newline, .sign(";", _), .sign("&", _): at += 1
            case .word, .array, .sign, .arithmetic: return
            }
        }
    }

    private static let ends: Set<String> = ["then", "elif", "else", "fi", "do", "done", "esac", "}"]

    mutating func list(until ends: Set<String>) -> ShellNode {
        depth += 1
        defer { depth -= 1 }
        var nodes: [ShellNode] = []
        while true {
            skipSeparators()
            guard let token = current else { break }
            guard depth < Self.depthLimit else { return .unread(line: line) }
            if let keyword, Self.ends.contains(keyword) {
                if !ends.isEmpty { break }
                at += 1
                continue
            }
            if case .sign(let sign, _) = token, sign == ")" || sign.hasPrefix(";;") || sign == ";&" { break }
            let before = at
            let node = andOr()
            if at == before { at += 1 }
            // Once is enough to say that it is too deep.
            if case .unread = node, case .unread? = nodes.last { continue }
            nodes.append(node)
        }
        return .list(nodes)
    }

    private mutating func andOr() -> ShellNode {
        let first = pipeline()
        // Side by side, however many: one inside the other they would be as deep as the text is long.
        var links: [ShellNode.Link] = []
        while isSign("&&") || isSign("||") {
            let isAnd = isSign("&&")
            at += 1
            while case .newline? = current { at += 1 }
            links.append(.init(isAnd: isAnd, node: pipeline()))
        }
        return links.isEmpty ? first : .chain(first, links)
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
        guard let token = current else { return .list([]) }
        guard depth < Self.depthLimit else { return .unread(line: line) }
        var node: ShellNode
        switch token {
        case .arithmetic(let text, let line):
            at += 1
            node = .arithmetic(text, line: line)
        case .sign("(", _):
            at += 1
            let inner = list(until: [")"])
            if case .unread = inner { return inner }
            node = .subshell(inner)
            if isSign(")") { at += 1 }
        case .word(let word):
            switch keyword {
            case "if": node = conditional()
            case "case": node = cases()
            case "for", "select": node = loop(line: word.line)
            case "while", "until": node = repeated()
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
        case .array(_, let line): node = simple(line: line)
        case .sign(_, let line): node = simple(line: line)
        case .newline: return .list([])
        }
        return redirected(node)
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
        var node = ShellNode.Simple(line: line, number: at)
        var input: ShellWord??
        reading: while let token = current {
            switch token {
            case .word(let word):
                if node.words.isEmpty, let assignment = word.assignment {
                    node.assignments.append(assignment)
                } else {
                    node.words.append(word)
                }
                at += 1
            case .array(let array, _):
                node.arrays.append(array)
                at += 1
            case .sign(let sign, _):
                guard Self.redirections.contains(sign) else { break reading }
                input = redirections(&node.outputs) ?? input
            case .arithmetic, .newline: break reading
            }
        }
        return input.map { .fed(.simple(node), $0) } ?? .simple(node)
    }

    private static let redirections: Set<String> = [
        "<", ">", ">>", "<<", "<<-", "<<<", "&>", "&>>", ">&", "<&", ">|", "<>",
    ]

    private mutating func redirected(_ node: ShellNode) -> ShellNode {
        var outputs: [ShellWord] = []
        return redirections(&outputs).map { .fed(node, $0) } ?? node
    }

    /// Passes over them; returns the text that stands in the script as input, or a nil one for a file's.
    private mutating func redirections(_ outputs: inout [ShellWord]) -> ShellWord?? {
        var input: ShellWord??
        while case .sign(let sign, _)? = current, Self.redirections.contains(sign) {
            at += 1
            if sign == "<" { input = .some(nil) }
            guard case .word(let word)? = current else { continue }
            at += 1
            if sign.hasPrefix("<<") { input = .some(word) }
            if sign.hasPrefix(">"), sign != ">&" { outputs.append(word) }
        }
        return input
    }
}
