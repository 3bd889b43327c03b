/// A script's variables: how they are set, and what `${…}` makes of them.
extension ShellRun {
    mutating func assign(_ assignment: ShellWord.Assignment, _ value: ShellValue) {
        let name = assignment.name
        if let key = assignment.key {
            guard let text = index(expand(key), in: name, line: key.line) else { return setArray(name, nil) }
            return set(Item(key: text, value: value), in: name)
        }
        var value = value
        if assignment.appends {
            // What nobody has set before is empty.
            let before = variables[name] ?? ShellValue(text: "")
            let text = before.text.flatMap { before in value.text.map { before + $0 } }
            let sum = Self.joined([before, value])
            value = ShellValue(
                text: text.flatMap { $0.utf8.count <= Self.textLimit ? $0 : nil }, isOfClock: sum.isOfClock,
                isOfDay: sum.isOfDay, zone: sum.zone)
        }
        variables[name] = value
    }

    mutating func set(_ array: ShellNode.Array) {
        // Its words may be those of the list that it replaces.
        var items = array.appends ? arrays[array.name] ?? [] : []
        for word in array.words {
            if let (key, rest) = word.keyed, let value = rest.afterSign {
                let text = expand(value)
                guard let key = expand(key).text else { return setArray(array.name, nil) }
                items.set(Item(key: key, value: text))
            } else {
                for value in expandToMany(word) { items.append(Item(key: "\(items.count)", value: value)) }
            }
            stepsLeft -= 1 + items.count / 8
            guard items.count <= Self.listLimit, stepsLeft > 0 else { return setArray(array.name, nil) }
        }
        arrays[array.name] = items
    }

    /// Nil is what is not known.
    mutating func setArray(_ name: String, _ values: [ShellValue]?) {
        let values = values.flatMap { $0.count <= Self.listLimit ? $0 : nil } ?? [.unknown]
        arrays[name] = values.enumerated().map { Item(key: "\($0.offset)", value: $0.element) }
    }

    private mutating func set(_ item: Item, in name: String) {
        let count = arrays[name]?.count ?? 0
        stepsLeft -= 1 + count / 8
        guard count < Self.listLimit else { return setArray(name, nil) }
        arrays[name, default: []].set(item)
    }

    static func joined(_ values: [ShellValue]) -> ShellValue {
        let texts = values.compactMap(\.text)
        let isShort = texts.reduce(0) { $0 + $1.utf8.count } <= textLimit
        return ShellValue(
            text: texts.count == values.count && isShort ? texts.joined(separator: " ") : nil,
            isOfClock: values.contains(where: \.isOfClock), isOfDay: values.contains(where: \.isOfDay),
            zone: values.lazy.compactMap(\.zone).first)
    }

    /// Of an array that is not declared with `-A` the key is a number, or what makes one.
    mutating func index(_ key: ShellValue, in name: String, line: Int) -> String? {
        guard let text = key.text else { return nil }
        if keyedArrays.contains(name) { return text }
        guard let number = arithmetic(text, line: line) else { return nil }
        return "\(number < 0 ? number + (arrays[name]?.count ?? 0) : number)"
    }

    func value(named name: String) -> ShellValue {
        if let number = Int(name) {
            guard number > 0 else { return .unknown }
            return number <= arguments.count ? arguments[number - 1] : ShellValue(text: "")
        }
        switch name {
        case "#": return ShellValue(text: "\(arguments.count)")
        case "?": return ShellValue(text: status.map { $0 ? "0" : "1" })
        case "@", "*":
            return Self.joined(arguments)
        case _: return variables[name] ?? .unknown
        }
    }
}

extension [ShellRun.Item] {
    /// Nothing is known of it.
    var isUnknown: Bool { count == 1 && self[0].value.text == nil }

    fileprivate mutating func set(_ item: Element) {
        if let place = firstIndex(where: { $0.key == item.key }) { self[place] = item } else { append(item) }
    }
}

extension ShellWord {
    /// Behind the `=` of `[key]=value`.
    fileprivate var afterSign: ShellWord? {
        guard case .literal(let text, false)? = parts.first, text.hasPrefix("=") else { return nil }
        var word = self
        word.parts[0] = .literal(String(text.dropFirst()), isQuoted: false)
        if text.count == 1, word.parts.count > 1 { word.parts.removeFirst() }
        return word
    }
    /// As it stands there, with gaps for variables.
    var sketch: String {
        parts.map { part in
            switch part {
            case .literal(let text, _), .command(let text, _): text
            case .variable, .arithmetic: String(ShellValue.gap)
            }
        }.joined()
    }
    /// A program in it is run.
    var runs: Bool { parts.contains { if case .command = $0 { true } else { false } } }
}
