/// `$@`, `${NAME[@]}` and what is made of each of their elements.
extension ShellRun {
    /// Nil for what is no list. An element that is not known is told by what uses it.
    mutating func elements(_ text: String, line: Int) -> [ShellValue]? {
        if text.hasPrefix("@") || text.hasPrefix("*") {
            let operation = text.dropFirst()
            // `${@:0}` begins with the script's name, which is not known.
            let all = Self.isSlice(operation) ? [.unknown] + arguments : arguments
            return elements(
                all.enumerated().map { Item(key: "\($0.offset)", value: $0.element) }, operation, line: line)
        }
        guard let place = text.firstIndex(of: "["), text[place...].hasPrefix("[@]") || text[place...].hasPrefix("[*]")
        else { return nil }
        let operation = text[place...].dropFirst(3)
        let name = text[..<place]
        if name.hasPrefix("!"), ShellWord.isName(name.dropFirst()) {
            guard operation.isEmpty, let items = arrays[String(name.dropFirst())], !items.isUnknown else {
                return [.unknown]
            }
            return items.map { ShellValue(text: $0.key) }
        }
        guard ShellWord.isName(name) else { return nil }
        guard let items = arrays[String(name)] else {
            return operation.isEmpty ? [.unknown] : other(operation, line: line)
        }
        let isUnknown = items.isUnknown || Self.isSlice(operation) && keyedArrays.contains(String(name))
        if isUnknown, !operation.isEmpty { return [.unknown] }
        return elements(items, operation, line: line)
    }

    private mutating func elements(_ items: [Item], _ operation: Substring, line: Int) -> [ShellValue]? {
        if operation.isEmpty { return items.map(\.value) }
        if Self.isSlice(operation) { return slice(items, operation.dropFirst(), line: line) ?? [.unknown] }
        switch operation.drop(while: { $0 == ":" }).first {
        case "-", "=", "?": return items.isEmpty ? word(operation, line: line) : items.map(\.value)
        case "+": return items.isEmpty ? [] : word(operation, line: line)
        case _: return items.map { changed($0.value, by: operation, line: line) }
        }
    }

    /// Of a list that nobody has set here.
    private mutating func other(_ operation: Substring, line: Int) -> [ShellValue] {
        switch operation.drop(while: { $0 == ":" }).first {
        case "-", "=": word(operation, line: line)
        case "+": []
        case _: [.unknown]
        }
    }

    /// What stands behind `:-`, `+` and their kin: with its own quotes, so that a list in it stays one.
    private mutating func word(_ operation: Substring, line: Int) -> [ShellValue] {
        let text = String(operation.drop(while: { $0 == ":" }).dropFirst())
        var values: [ShellValue] = []
        for token in ShellLexer.tokens(text, line: line) {
            guard case .word(let word) = token else { return [.unknown] }
            values += expandToMany(word)
        }
        return values
    }

    private static func isSlice(_ operation: Substring) -> Bool {
        operation.hasPrefix(":") && !"-=?+".contains(operation.dropFirst().first ?? "-")
    }

    /// `begin` and `begin:length`: from the element of that number on, or so many from the end.
    private mutating func slice(_ items: [Item], _ operation: Substring, line: Int) -> [ShellValue]? {
        let pieces = operation.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let numbered = items.compactMap { item in Int(item.key).map { ($0, item.value) } }.sorted { $0.0 < $1.0 }
        guard numbered.count == items.count, !pieces[0].isEmpty, var begin = arithmetic(pieces[0], line: line) else {
            return nil
        }
        if begin < 0 { begin += (numbered.last?.0 ?? -1) + 1 }
        guard begin >= 0 else { return nil }
        let values = numbered.filter { $0.0 >= begin }.map(\.1)
        guard pieces.count == 2 else { return values }
        guard let length = arithmetic(pieces[1], line: line), length >= 0 else { return nil }
        return Array(values.prefix(length))
    }
}
