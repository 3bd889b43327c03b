/// Commands of a script: those that change how it goes on, its functions, and what it sets.
extension ShellRun {
    mutating func run(_ simple: ShellNode.Simple) -> Bool? {
        // Each word is work.
        stepsLeft -= simple.words.count + simple.arrays.reduce(0) { $0 + $1.words.count }
        guard stepsLeft > 0 else {
            flow = .leaveScript
            return nil
        }
        line = simple.line
        if textDepth == 0 { reached.insert(simple.number) }
        for word in simple.outputs { write(to: expand(word).shown) }
        if let declaration = simple.words.first?.plain, Self.declarations.contains(declaration) {
            return declare(simple, declaration)
        }
        for array in simple.arrays { set(array) }
        guard !simple.words.isEmpty else {
            var isKnown = true
            for assignment in simple.assignments {
                let value = expand(assignment.value)
                isKnown = isKnown && (value.text != nil || !assignment.value.runs)
                assign(assignment, value)
            }
            return isKnown ? true : nil
        }
        var words: [ShellValue] = []
        for word in simple.words { words += expandToMany(word) }
        var environment: [String: ShellValue] = [:]
        for assignment in simple.assignments { environment[assignment.name] = expand(assignment.value) }
        return command(words, environment, line: simple.line)
    }

    private static let declarations: Set<String> = ["local", "declare", "export", "readonly", "typeset"]

    private mutating func declare(_ simple: ShellNode.Simple, _ declaration: String) -> Bool? {
        let options = simple.words.dropFirst().compactMap(\.plain).filter { $0.hasPrefix("-") }
        let isLocal =
            declaration != "export" && declaration != "readonly" && !options.contains { $0.contains("g") }
        let isKeyed = options.contains { $0.contains("A") }
        for array in simple.arrays {
            if isLocal { hide(array.name) }
            if isKeyed { keyedArrays.insert(array.name) }
            set(array)
        }
        for word in simple.words.dropFirst() {
            // What it is set to comes first: `local hour=$hour`.
            if let assignment = word.assignment {
                let value = expand(assignment.value)
                if isLocal { hide(assignment.name) }
                assign(assignment, value)
            } else if let name = word.plain, ShellWord.isName(name) {
                if isLocal { hide(name) }
                if isKeyed { keyedArrays.insert(name) }
            }
        }
        return true
    }

    private mutating func command(
        _ words: [ShellValue], _ environment: [String: ShellValue], line: Int
    ) -> Bool? {
        guard let name = words.first?.text else {
            // All its words were empty: `$DRY_RUN` and the like.
            return words.isEmpty ? true : external(words, environment, line: line)
        }
        switch name {
        case "[", "test":
            let isClosed = name == "[" && words.last?.text == "]"
            return test(words.dropFirst().dropLast(isClosed ? 1 : 0), line: line) ?? judged(words, line: line)
        case "true", ":", "echo", "shopt", "umask", "trap": return true
        case "printf": return printf(words)
        case "false": return false
        case "read", "mapfile", "readarray": return read(words.dropFirst(), environment, isWhole: name != "read")
        case "exit", "return", "break", "continue": leave(name, words.dropFirst().first)
        case "shift":
            let count = words.count > 1 ? words[1].text.flatMap { Int($0) } ?? 1 : 1
            arguments.removeFirst(max(0, min(count, arguments.count)))
        case "set":
            if let place = words.firstIndex(where: { $0.text == "--" }) {
                arguments = Array(words[(place + 1)...])
            }
            return true
        case "let":
            guard words.count == 2 else { break }
            weigh(words[1])
            return arithmetic(words[1].text ?? "", line: line).map { $0 != 0 }
        case "unset":
            for name in words.dropFirst().compactMap(\.text) { unset(name) }
            return true
        case "eval": return evaluate(words.dropFirst().map(\.shown).joined(separator: " "), line: line)
        case ".", "source":
            note(line, "reads another file, which is not followed: \(words.dropFirst().first?.text ?? "?")")
        case _:
            if let body = functions[name] { return call(body, Array(words.dropFirst()), line: line) }
            return external(words, environment, line: line)
        }
        return nil
    }

    /// `printf -v NAME '%(%H)T' -1` and other texts.
    private mutating func printf(_ words: [ShellValue]) -> Bool? {
        guard words.count > 3, words[1].text == "-v", let name = words[2].text else { return true }
        var value = ShellValue.unknown
        if let format = words[3].text, format.hasPrefix("%("), format.hasSuffix(")T"), words.count < 6,
            words.count == 4 || words[4].text == "-1"
        {
            value = moment.formatted(String(format.dropFirst(2).dropLast(2))) ?? .unknown
        } else if words[3].text == "%s", words.count == 5 {
            value = words[4]
        }
        variables[name] = value
        return true
    }

    /// Text that the script runs as it would its own.
    mutating func evaluate(_ text: String, line: Int) -> Bool? {
        guard depth < 20, text.utf8.count <= 10_000 else {
            note(line, "a text that is run here is not followed: left")
            return nil
        }
        depth += 1
        textDepth += 1
        defer {
            depth -= 1
            textDepth -= 1
        }
        stepsLeft -= text.utf8.count / 20
        return run(ShellParser.parse(text, line: line))
    }

    private mutating func leave(_ name: String, _ code: ShellValue?) {
        let began = name == "return" ? leaving.function : name == "exit" ? leaving.script : leaving.loop
        let isEnd = name == "return" || name == "exit"
        if isEnd, let code { status = code.text.flatMap { Int($0) }.map { $0 == 0 } }
        guard doubts <= began else {
            if isEnd { otherEnds.append(status) }
            // What fails is taken not to.
            if !isEnd || status != false {
                note(
                    line,
                    "whether it goes on behind this \(name) hangs on more than the clock: taken as if it always did")
            }
            return
        }
        switch name {
        case "return": flow = calls.isEmpty ? .leaveScript : .leaveFunction
        case "exit": flow = .leaveScript
        case "break": flow = .leaveLoop
        case _: flow = .nextRound
        }
    }

    /// In a function `local` gives a name back when it ends.
    private mutating func hide(_ name: String) {
        guard !calls.isEmpty, ShellWord.isName(name), hidden[name] == nil else { return }
        hidden[name] = (variables[name], arrays[name])
        (variables[name], arrays[name]) = (ShellValue(text: ""), nil)
    }

    private mutating func unset(_ name: String) {
        if let place = name.firstIndex(of: "["), name.hasSuffix("]") {
            let key = name[place...].dropFirst().dropLast()
            arrays[String(name[..<place])]?.removeAll { $0.key == key }
        } else {
            (variables[name], arrays[name]) = (ShellValue(text: ""), nil)
            functions[name] = nil
        }
    }

    private mutating func call(_ body: ShellNode, _ values: [ShellValue], line: Int) -> Bool? {
        guard depth < 20 else {
            note(line, "a function that calls itself so deep is not followed: left")
            return nil
        }
        let outer = (arguments: arguments, leaving: leaving, hidden: hidden, ends: otherEnds)
        depth += 1
        callCount += 1
        calls.append(Call(number: callCount, line: line, arguments: values))
        (arguments, hidden, otherEnds) = (values, [:], [])
        (leaving.function, leaving.loop) = (doubts, -1)
        var ended = run(body)
        if flow == .leaveFunction {
            ended = status
            flow = .onward
        }
        if otherEnds.contains(where: { $0 != ended }) { ended = nil }
        for (name, (value, items)) in hidden { (variables[name], arrays[name]) = (value, items) }
        (arguments, leaving, hidden, otherEnds) = (outer.arguments, outer.leaving, outer.hidden, outer.ends)
        calls.removeLast()
        depth -= 1
        return ended
    }
}
