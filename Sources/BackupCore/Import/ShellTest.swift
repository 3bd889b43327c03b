extension ShellRun {
    /// A test of the clock that is not followed is told.
    @discardableResult
    mutating func judged(_ values: [ShellValue], line: Int) -> Bool? {
        if values.contains(where: { $0.isOfClock && $0.text != nil }) {
            note(line, "a test of what date says that is not followed: taken as if it always were met")
        }
        return nil
    }

    mutating func judged(_ result: Bool?, _ tokens: [ShellToken], line: Int) -> Bool? {
        guard result == nil, tokens.count <= 64 else { return result }
        var values: [ShellValue] = []
        for case .word(let word) in tokens { values.append(expand(word)) }
        return judged(values, line: line)
    }

    /// `[ … ]` and `test …`, without their brackets.
    mutating func test(_ words: ArraySlice<ShellValue>, line: Int) -> Bool? {
        let words = Array(words)
        func split(_ sign: String) -> Int? {
            words.indices.first { $0 > 0 && $0 < words.count - 1 && words[$0].text == sign }
        }
        // At most as deep as there are words, and each is looked at once a level: a test of a thousand words is no test.
        guard words.count <= 64 else { return nil }
        if words.count != 3, let place = split("-o") {
            let left = test(words[..<place], line: line)
            let right = test(words[(place + 1)...], line: line)
            if left == true || right == true { return true }
            return left == nil || right == nil ? nil : false
        }
        if words.count != 3, let place = split("-a") {
            let left = test(words[..<place], line: line)
            let right = test(words[(place + 1)...], line: line)
            if left == false || right == false { return false }
            return left == nil || right == nil ? nil : true
        }
        switch words.count {
        case 0: return false
        case 1:
            weigh(words[0])
            return words[0].text.map { !$0.isEmpty }
        case 2:
            if let sign = words[0].text, ["!", "-z", "-n"].contains(sign) { weigh(words[1]) }
            switch words[0].text {
            case "!": return words[1].text.map { $0.isEmpty }
            case "-z": return words[1].text.map { $0.isEmpty }
            case "-n": return words[1].text.map { !$0.isEmpty }
            case _: return nil
            }
        case 3: return words[1].text.flatMap { binary(words[0], $0, words[2], line: line, inBrackets: false) }
        case _: return words[0].text == "!" ? test(words.dropFirst(), line: line).map { !$0 } : nil
        }
    }

    private mutating func binary(
        _ left: ShellValue, _ sign: String, _ right: ShellValue, line: Int, inBrackets: Bool
    ) -> Bool? {
        switch sign {
        case "=", "==": return equal(left, right, line: line)
        case "!=": return equal(left, right, line: line).map { !$0 }
        case "-eq", "-ne", "-lt", "-le", "-gt", "-ge":
            return compare(left, sign, right, line: line, inBrackets: inBrackets)
        case _: return nil
        }
    }

    mutating func equal(_ left: ShellValue, _ right: ShellValue, line: Int) -> Bool? {
        weigh(left, right)
        let isMet = reading.equal(left, right)
        if let isMet, let format = left.format ?? right.format,
            let wanted = left.format == nil ? left.text : right.format == nil ? right.text : nil
        {
            let comparison = Comparison(line: line, wanted: wanted, format: format)
            comparisons[comparison] = isMet || comparisons[comparison] == true
        }
        return isMet
    }

    /// `[` takes 08 for 8; `[[` takes it for an octal number and fails.
    private mutating func compare(
        _ left: ShellValue, _ sign: String, _ right: ShellValue, line: Int, inBrackets: Bool
    ) -> Bool? {
        weigh(left, right)
        guard let one = number(left, inBrackets, line: line), let other = number(right, inBrackets, line: line) else {
            return nil
        }
        guard case .number(let first) = one, case .number(let second) = other else { return false }
        switch sign {
        case "-eq": return first == second
        case "-ne": return first != second
        case "-lt": return first < second
        case "-le": return first <= second
        case "-gt": return first > second
        case _: return first >= second
        }
    }

    private mutating func number(_ value: ShellValue, _ inBrackets: Bool, line: Int) -> ShellArithmetic.Result? {
        guard let text = value.text else { return nil }
        guard inBrackets else {
            // No number is an error to `[`, which then is not met.
            let digits = text.filter { $0 != " " }
            guard digits.utf8.count < 18, let number = Int(digits) else { return .octalFault(text) }
            return .number(number)
        }
        let run = self
        let result = ShellArithmetic.value(text, reading) { run.value(named: $0).text }
        if case .octalFault(let digits) = result { octalFault(digits, line: line) }
        return result == .unknown ? nil : result
    }

    /// `[[ … ]]`: `!`, `&&`, `||`, parentheses, and comparisons.
    mutating func brackets(_ tokens: [ShellToken], line: Int) -> Bool? {
        guard tokens.count <= 64 else { return nil }
        let tokens = tokens.filter { $0 != .newline }
        func split(_ sign: String) -> Int? {
            var depth = 0
            for (index, token) in tokens.enumerated() {
                guard case .sign(let text, _) = token else { continue }
                if text == "(" { depth += 1 }
                if text == ")" { depth -= 1 }
                if depth == 0, text == sign { return index }
            }
            return nil
        }
        if let place = split("||") {
            let left = brackets(Array(tokens[..<place]), line: line)
            if left == true { return true }
            let right = brackets(Array(tokens[(place + 1)...]), line: line)
            return right == true ? true : left == nil || right == nil ? nil : false
        }
        if let place = split("&&") {
            let left = brackets(Array(tokens[..<place]), line: line)
            if left == false { return false }
            let right = brackets(Array(tokens[(place + 1)...]), line: line)
            return right == false ? false : left == nil || right == nil ? nil : true
        }
        if tokens.count > 2, case .word(let left) = tokens[0], case .word(let sign) = tokens[1], sign.plain == "=~" {
            return matches(left, expression: Array(tokens[2...]), line: line)
        }
        if case .sign("(", _)? = tokens.first, case .sign(")", _)? = tokens.last, tokens.count > 2 {
            return brackets(Array(tokens.dropFirst().dropLast()), line: line)
        }
        let words = tokens.compactMap { token -> ShellWord? in if case .word(let word) = token { word } else { nil } }
        guard words.count == tokens.count else { return nil }
        return bracketed(words, line: line)
    }

    private mutating func bracketed(_ words: [ShellWord], line: Int) -> Bool? {
        if words.count > 1, words[0].plain == "!" {
            return bracketed(Array(words.dropFirst()), line: line).map { !$0 }
        }
        switch words.count {
        case 1:
            let value = expand(words[0])
            weigh(value)
            return value.text.map { !$0.isEmpty }
        case 2:
            let value = expand(words[1])
            if let sign = words[0].plain, ["-z", "-n"].contains(sign) { weigh(value) }
            let text = value.text
            return words[0].plain == "-z"
                ? text.map { $0.isEmpty } : words[0].plain == "-n" ? text.map { !$0.isEmpty } : nil
        case 3:
            guard let sign = words[1].plain else { return nil }
            switch sign {
            case "=", "==": return matches(words[0], words[2], line: words[2].line)
            case "!=": return matches(words[0], words[2], line: words[2].line).map { !$0 }
            case _:
                let (left, right) = (expand(words[0]), expand(words[2]))
                return binary(left, sign, right, line: words[2].line, inBrackets: true)
            }
        case _: return nil
        }
    }
}
