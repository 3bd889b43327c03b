/// `${…}`: a variable, one of a list, and what is made of it.
extension ShellRun {
    /// `NAME`, `NAME[key]`, and these with an operation behind them.
    mutating func parameter(_ text: String, line: Int) -> ShellValue {
        if text.hasPrefix("#"), text.count > 1 { return count(String(text.dropFirst())) }
        if text.hasPrefix("!"), ShellWord.isName(text.dropFirst()) {
            return value(named: String(text.dropFirst())).text.map { parameter($0, line: line) } ?? .unknown
        }
        if let values = elements(text, line: line) { return Self.joined(values) }
        let name = String(text.prefix { $0.isASCII && ($0.isLetter || $0.isNumber) || $0 == "_" })
        if name.isEmpty { return value(named: text) }
        var operation = text.dropFirst(name.count)
        var found = value(named: name)
        if operation.hasPrefix("["), let end = operation.firstIndex(of: "]") {
            let key = expand(ShellLexer.expandable(String(operation[..<end].dropFirst()), line: line))
            operation = operation[operation.index(after: end)...]
            found = element(name, key, line: line)
        } else if let items = arrays[name] {
            found = items.isUnknown ? .unknown : items.first { $0.key == "0" }?.value ?? ShellValue(text: "")
        }
        if calls.isEmpty, arguments.isEmpty, let number = Int(name), number > 0, operation.isEmpty {
            note(line, "reads $\(name), which who calls it may give: taken as if nothing were given")
        }
        return operation.isEmpty ? found : changed(found, by: operation, line: line)
    }

    private mutating func element(_ name: String, _ key: ShellValue, line: Int) -> ShellValue {
        guard let items = arrays[name], !items.isUnknown else { return .unknown }
        weigh(key)
        guard let text = index(key, in: name, line: line) else { return .unknown }
        if let found = items.first(where: { $0.key == text }) { return found.value }
        // `${JOBS[06]}` has meant the one at 6.
        if reading == .meant, key.format != nil, let number = reading.number(text),
            let found = items.first(where: { reading.number($0.key) == number })
        {
            return found.value
        }
        return ShellValue(text: "")
    }

    private func count(_ name: String) -> ShellValue {
        guard name.hasSuffix("[@]") || name.hasSuffix("[*]") else {
            return ShellValue(text: value(named: name).text.map { "\($0.count)" })
        }
        return ShellValue(text: arrays[String(name.dropLast(3))].flatMap { $0.isUnknown ? nil : "\($0.count)" })
    }

    mutating func changed(_ value: ShellValue, by operation: Substring, line: Int) -> ShellValue {
        // What nobody has set here may be set from outside; who calls it from cron seldom does.
        for sign in [":-", ":=", "-", "="] where operation.hasPrefix(sign) {
            let isOther = value.text == nil || value.text?.isEmpty == true && sign.hasPrefix(":")
            return isOther ? word(operation, sign.count, line: line) : value
        }
        for sign in [":+", "+"] where operation.hasPrefix(sign) {
            guard let text = value.text else { return .unknown }
            return text.isEmpty ? value : word(operation, sign.count, line: line)
        }
        if operation.hasPrefix(":?") || operation.hasPrefix("?") { return value }
        guard let text = value.text, text.utf8.count <= 1000 else { return .unknown }
        var result = value
        switch operation.first {
        case "#", "%": result.text = cut(text, operation, line: line)
        case "/": result.text = replaced(text, operation)
        case ":": result.text = piece(of: text, operation.dropFirst())
        case ",": result.text = text.lowercased()
        case "^": result.text = operation.hasPrefix("^^") ? text.uppercased() : nil
        case _: result.text = nil
        }
        return result
    }

    private mutating func word(_ operation: Substring, _ count: Int, line: Int) -> ShellValue {
        expand(ShellLexer.expandable(String(operation.dropFirst(count)), line: line))
    }

    /// `#`, `##`, `%` and `%%`, each with a pattern.
    private mutating func cut(_ text: String, _ operation: Substring, line: Int) -> String? {
        let isLong = operation.hasPrefix("##") || operation.hasPrefix("%%")
        guard let pattern = word(operation, isLong ? 2 : 1, line: line).text else { return nil }
        let count = text.count
        stepsLeft -= count * count * pattern.utf8.count / 200
        guard stepsLeft > 0 else { return nil }
        let isFront = operation.hasPrefix("#")
        let lengths = isLong ? Array((0...count).reversed()) : Array(0...count)
        let length = lengths.first {
            ShellPattern.matches(String(isFront ? text.prefix($0) : text.suffix($0)), pattern)
        }
        return length.map { String(isFront ? text.dropFirst($0) : text.dropLast($0)) } ?? text
    }

    /// `/old/new` and `//old/new`, of plain texts.
    private func replaced(_ text: String, _ operation: Substring) -> String? {
        let isAll = operation.hasPrefix("//")
        let sides = operation.dropFirst(isAll ? 2 : 1).split(
            separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let old = sides.first, let first = old.first, first != "#", first != "%",
            ShellPattern.isPlain(String(old)), !operation.contains(where: { "$\\'".contains($0) })
        else { return nil }
        let new = sides.count == 2 ? String(sides[1]) : ""
        return text.replacing(old, with: new, maxReplacements: isAll ? .max : 1)
    }

    /// `:begin` and `:begin:length`.
    private func piece(of text: String, _ operation: Substring) -> String? {
        let numbers = operation.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
        guard numbers.count < 3, let begin = numbers.first ?? nil, begin >= 0 else { return nil }
        guard numbers.count == 2 else { return String(text.dropFirst(begin)) }
        guard let length = numbers[1], length >= 0 else { return nil }
        return String(text.dropFirst(begin).prefix(length))
    }
}
