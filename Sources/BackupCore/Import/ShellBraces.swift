/// `{a,b}` and `{00..23..6}` in a word, as bash makes words of them before it looks at anything else.
struct ShellBraces {
    private enum Piece {
        /// Not quoted.
        case character(Character)
        /// What is quoted, or expanded later: it stands for itself here.
        case part(ShellWord.Part)

        func `is`(_ sign: Character) -> Bool { if case .character(sign) = self { true } else { false } }
    }

    /// Nil for more of them than are followed.
    static func words(of word: ShellWord) -> [ShellWord]? {
        let isBraced = word.parts.contains { part in
            if case .literal(let text, false) = part { text.contains("{") } else { false }
        }
        guard isBraced else { return [word] }
        var pieces: [Piece] = []
        for part in word.parts {
            if case .literal(let text, false) = part {
                pieces += text.map { Piece.character($0) }
            } else {
                pieces.append(.part(part))
            }
        }
        guard pieces.count <= 600, let found = expanded(pieces[...], depth: 0) else { return nil }
        // Without braces that mean something it is the word itself, empty or not.
        guard found.count > 1 || found.first?.count != pieces.count else { return [word] }
        return found.filter { !$0.isEmpty }.map { ShellWord(parts: parts($0), line: word.line) }
    }

    private static func expanded(_ pieces: ArraySlice<Piece>, depth: Int) -> [[Piece]]? {
        guard depth < 12 else { return nil }
        for begin in pieces.indices where pieces[begin].is("{") {
            guard let end = Self.end(of: pieces, from: begin), let choices = Self.choices(pieces[(begin + 1)..<end])
            else {
                continue
            }
            guard let tails = expanded(pieces[(end + 1)...], depth: depth + 1) else { return nil }
            var found: [[Piece]] = []
            for choice in choices {
                guard let inner = expanded(choice, depth: depth + 1),
                    found.count + inner.count * tails.count <= ShellRun.listLimit
                else { return nil }
                for inner in inner { found += tails.map { Array(pieces[..<begin]) + inner + $0 } }
            }
            return found
        }
        return [Array(pieces)]
    }

    private static func end(of pieces: ArraySlice<Piece>, from begin: Int) -> Int? {
        var depth = 0
        for index in pieces[begin...].indices {
            if pieces[index].is("{") { depth += 1 }
            if pieces[index].is("}") { depth -= 1 }
            if depth == 0 { return index }
        }
        return nil
    }

    /// Nil for braces that mean nothing: `{}`, `{one}`.
    private static func choices(_ pieces: ArraySlice<Piece>) -> [ArraySlice<Piece>]? {
        var (choices, depth, start) = ([ArraySlice<Piece>](), 0, pieces.startIndex)
        for index in pieces.indices {
            if pieces[index].is("{") { depth += 1 }
            if pieces[index].is("}") { depth -= 1 }
            guard depth == 0, pieces[index].is(",") else { continue }
            choices.append(pieces[start..<index])
            start = index + 1
        }
        guard choices.isEmpty else { return choices + [pieces[start...]] }
        var text = ""
        for piece in pieces {
            guard case .character(let character) = piece else { return nil }
            text.append(character)
        }
        return range(text)?.map { $0.map { Piece.character($0) }[...] }
    }

    /// `1..9`, `08..20..4`, `a..e`; with a zero in front all are as wide as the widest.
    private static func range(_ text: String) -> [String]? {
        let ends = text.split(separator: "..", omittingEmptySubsequences: false).map(String.init)
        guard ends.count == 2 || ends.count == 3 else { return nil }
        var step = 1
        if ends.count == 3 {
            guard let given = Int(ends[2]), given.magnitude < 100_000 else { return nil }
            step = max(1, abs(given))
        }
        if let first = Int(ends[0]), let last = Int(ends[1]) {
            guard first.magnitude < 1_000_000, last.magnitude < 1_000_000,
                abs(last - first) / step <= ShellRun.listLimit
            else { return nil }
            let isPadded = ends[0...1].contains {
                $0.drop { $0 == "-" }.count > 1 && $0.drop { $0 == "-" }.first == "0"
            }
            let width = isPadded ? ends[0...1].map(\.count).max() ?? 0 : 0
            return stride(from: first, through: last, by: first <= last ? step : -step).map { padded($0, width) }
        }
        guard ends[0].count == 1, ends[1].count == 1, let first = ends[0].utf8.first, let last = ends[1].utf8.first,
            ends[0].allSatisfy({ $0.isASCII && $0.isLetter }), ends[1].allSatisfy({ $0.isASCII && $0.isLetter })
        else { return nil }
        return stride(from: Int(first), through: Int(last), by: first <= last ? step : -step).map {
            String(UnicodeScalar(UInt8($0)))
        }
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = "\(number.magnitude)"
        let sign = number < 0 ? "-" : ""
        return sign + String(repeating: "0", count: max(0, width - sign.count - digits.count)) + digits
    }

    private static func parts(_ pieces: [Piece]) -> [ShellWord.Part] {
        var (parts, text) = ([ShellWord.Part](), "")
        for piece in pieces {
            switch piece {
            case .character(let character): text.append(character)
            case .part(let part):
                if !text.isEmpty { parts.append(.literal(text, isQuoted: false)) }
                text = ""
                parts.append(part)
            }
        }
        if !text.isEmpty { parts.append(.literal(text, isQuoted: false)) }
        return parts
    }
}
