/// What a script reads from texts that stand in it.
extension ShellRun {
    static func lines(_ text: String) -> ArraySlice<Substring> {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }

    mutating func fed(_ node: ShellNode, _ word: ShellWord?) -> Bool? {
        let outer = input
        let given = word.map { expand($0) }
        if let given { weigh(given) }
        input = given?.text.map { Self.lines($0) }
        if let word, input == nil, word.parts.contains(where: { $0.mentions("pg_dump") }) {
            note(word.line, "a pg_dump in text for another program is not followed: left")
        }
        stepsLeft -= (given?.text?.utf8.count ?? 0) / 50
        defer { input = outer }
        return run(node)
    }

    /// `read NAME …` and `mapfile NAME`: from lines that are known, or else what they set is not known.
    mutating func read(
        _ words: ArraySlice<ShellValue>, _ environment: [String: ShellValue], isWhole: Bool
    ) -> Bool? {
        var names = words.compactMap(\.text)
        var array: String?
        var isKnown = true
        while let option = names.first, option.hasPrefix("-") {
            names.removeFirst()
            if option.hasSuffix("a"), !isWhole, !names.isEmpty { array = names.removeFirst() }
            // Another end of lines, or only so many characters: not followed.
            if let letter = option.last, "dnNtupsOc".contains(letter), !(isWhole && letter == "t") {
                isKnown = isKnown && letter == "p"
                if letter != "s", !names.isEmpty { names.removeFirst() }
            }
        }
        let lines = isKnown ? input : nil
        if isWhole {
            setArray(names.first ?? "MAPFILE", lines?.map { ShellValue(text: String($0)) })
            input = lines == nil ? nil : []
            return nil
        }
        if lines?.isEmpty == false { input?.removeFirst() }
        let line = lines.map { $0.first ?? "" }
        let separators = environment["IFS"] ?? variables["IFS"]
        if let array { setArray(array, line.map { split($0, separators).map { ShellValue(text: String($0)) } }) }
        take(line, array == nil && names.isEmpty ? ["REPLY"] : names, separators)
        return lines.map { !$0.isEmpty }
    }

    /// To each name a word of the line, and to the last all that is left.
    private mutating func take(_ line: Substring?, _ names: [String], _ separators: ShellValue?) {
        var rest = line
        for (index, name) in names.enumerated() {
            guard let left = rest, index < names.count - 1 else {
                variables[name] = ShellValue(text: rest.map { String($0.trimmed) })
                continue
            }
            let pieces = split(left, separators, limit: 1)
            variables[name] = ShellValue(text: pieces.first.map { String($0) } ?? "")
            rest = pieces.count > 1 ? pieces[1] : ""
        }
    }

    /// What `echo` and `printf '%s\n'` print.
    static func printed(_ words: [ShellValue]) -> String? {
        let texts = words.compactMap(\.text)
        guard texts.count == words.count else { return nil }
        if texts.first == "echo" {
            let options = texts.dropFirst().prefix { ["-e", "-n", "-en", "-ne", "-E"].contains($0) }.count
            let text = texts.dropFirst(1 + options).joined(separator: " ")
            return texts.dropFirst().prefix(options).contains { $0.contains("e") }
                ? text.replacing("\\n", with: "\n").replacing("\\t", with: "\t") : text
        }
        guard texts.first == "printf", texts.count > 1 else { return nil }
        if texts[1] == "%s\\n" { return texts.dropFirst(2).joined(separator: "\n") }
        return texts[1] == "%s" && texts.count == 3 ? texts[2] : nil
    }
}

extension ShellWord.Part {
    fileprivate func mentions(_ text: String) -> Bool {
        switch self {
        case .literal(let piece, _), .command(let piece, _): piece.contains(text)
        case .variable, .arithmetic: false
        }
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        var text = drop { $0 == " " || $0 == "\t" }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }
}
