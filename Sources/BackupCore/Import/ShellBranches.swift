/// The branches and loops of a script.
extension ShellRun {
    mutating func conditional(_ branches: [ShellNode.Branch], _ otherwise: ShellNode?) -> Bool? {
        /// It is not known whether one before was taken.
        var isOpen = false
        for branch in branches {
            var isMet: Bool?
            if isOpen { doubtfully { isMet = $0.run(branch.condition) } } else { isMet = run(branch.condition) }
            guard flow == .onward else { return nil }
            if isMet == true, !isOpen { return run(branch.body) }
            if isMet != false {
                status = true
                doubtfully { $0.run(branch.body) }
            }
            if isMet == true { return nil }
            if isMet == nil { isOpen = true }
        }
        guard isOpen else { return otherwise.map { run($0) } ?? true }
        if let otherwise { doubtfully { $0.run(otherwise) } }
        return nil
    }

    mutating func cases(_ word: ShellWord, _ choices: [ShellNode.Choice]) -> Bool? {
        var isOpen = false
        var status: Bool? = true
        let value = expand(word)
        var end = ShellNode.Choice.End.leaves
        for choice in choices where flow == .onward {
            // After `;&` the next is run whatever it says.
            var isMet: Bool? = end == .fallsThrough
            for pattern in choice.patterns where isMet != true {
                let found = matches(word, pattern, line: pattern.line)
                if found != false { isMet = found }
            }
            if isMet == true, !isOpen {
                status = run(choice.body)
                end = choice.end
                if end == .leaves { return status }
                continue
            }
            if isMet != false { doubtfully { $0.run(choice.body) } }
            end = isMet == false ? .leaves : choice.end
            if isMet == true, end == .leaves { return nil }
            if isMet != false { isOpen = true }
            if isMet == nil { judged([value], line: choice.patterns.first?.line ?? line) }
        }
        return isOpen ? nil : status
    }

    mutating func loop(_ name: String, _ words: [ShellWord], _ body: ShellNode) -> Bool? {
        var values: [ShellValue] = []
        for word in words { values += expandToMany(word) }
        for value in values where value.isOfClock { weigh(value) }
        if values.isEmpty { return true }
        for value in values where stepsLeft > 0 {
            variables[name] = value
            if value.text == nil {
                doubtfully { _ = $0.round(body) }
                guard flow == .onward else { break }
            } else if !round(body) {
                break
            }
        }
        return status
    }

    /// So long as the condition is known to hold it goes round; what it changes then is not known.
    mutating func repeated(_ condition: ShellNode, _ body: ShellNode, _ next: ShellNode) -> Bool? {
        var rounds = 0
        while stepsLeft > 0 {
            let before = (variables, arrays, arguments, input?.count)
            let isMet = run(condition)
            guard flow == .onward else { return nil }
            if isMet == false { return status }
            rounds += 1
            guard isMet == true, rounds < 200 else { break }
            guard round(body) else { return status }
            run(next)
            // Nothing has changed: the next would be the same, for ever.
            if before == (variables, arrays, arguments, input?.count) { return nil }
        }
        // The second time with what the first has changed, which is not known any more.
        for _ in 0..<2 {
            doubtfully {
                $0.run(condition)
                _ = $0.round(body)
                $0.run(next)
            }
        }
        return nil
    }

    /// False when the loop is over.
    private mutating func round(_ body: ShellNode) -> Bool {
        let outer = leaving.loop
        leaving.loop = doubts
        run(body)
        leaving.loop = outer
        switch flow {
        case .onward, .nextRound: flow = .onward
        case .leaveLoop:
            flow = .onward
            return false
        case .leaveFunction, .leaveScript: return false
        }
        return true
    }
}
