/// `((…))` and the sides of `-eq`, once `$` in them is expanded: whole numbers, comparisons, `&&`, `||`, `!`, `+ - * / %`, parentheses.
struct ShellArithmetic {
    enum Result: Equatable {
        case number(Int)
        /// The shell stops here with an error: 08 and 09 are no octal numbers.
        case octalFault(String)
        case unknown
    }
    private struct Stop: Error { let result: Result }

    private let text: [Character]
    private var at = 0
    private var depth = 0
    private let reading: ShellReading
    private let variable: (String) -> String?

    private init(_ text: String, _ reading: ShellReading, _ variable: @escaping (String) -> String?) {
        self.text = Array(text)
        self.reading = reading
        self.variable = variable
    }

    /// `variable` gives what a name stands for, nil for what is not known.
    static func value(_ text: String, _ reading: ShellReading, variable: @escaping (String) -> String?) -> Result {
        guard text.count <= 200 else { return .unknown }
        var parser = ShellArithmetic(text, reading, variable)
        do {
            let number = try parser.either()
            return parser.next == nil ? .number(number) : .unknown
        } catch let stop as Stop {
            return stop.result
        } catch {
            return .unknown
        }
    }

    private var next: Character? {
        mutating get {
            while at < text.count, text[at].isWhitespace { at += 1 }
            return at < text.count ? text[at] : nil
        }
    }

    private mutating func take(_ sign: String) -> Bool {
        _ = next
        guard at + sign.count <= text.count, zip(sign, text[at...]).allSatisfy({ $0 == $1 }) else { return false }
        at += sign.count
        return true
    }

    private mutating func either() throws -> Int {
        var value = try both()
        while take("||") {
            let other = try both()
            value = value != 0 || other != 0 ? 1 : 0
        }
        return value
    }

    private mutating func both() throws -> Int {
        var value = try comparison()
        while take("&&") {
            let other = try comparison()
            value = value != 0 && other != 0 ? 1 : 0
        }
        return value
    }

    private mutating func comparison() throws -> Int {
        let left = try sum()
        for (sign, holds) in [
            ("==", { $0 == $1 }), ("!=", { $0 != $1 }), ("<=", { $0 <= $1 }), (">=", { $0 >= $1 }), ("<", { $0 < $1 }),
            (">", { $0 > $1 }),
        ] as [(String, (Int, Int) -> Bool)] where take(sign) { return holds(left, try sum()) ? 1 : 0 }
        return left
    }

    private mutating func sum() throws -> Int {
        var value = try product()
        while let sign = next, sign == "+" || sign == "-" {
            at += 1
            let other = try product()
            value = try exact(
                sign == "+" ? value.addingReportingOverflow(other) : value.subtractingReportingOverflow(other))
        }
        return value
    }

    private mutating func product() throws -> Int {
        var value = try unary()
        while let sign = next, "*/%".contains(sign) {
            at += 1
            let other = try unary()
            guard sign == "*" || other != 0 else { throw Stop(result: .unknown) }
            value = try exact(
                sign == "*"
                    ? value.multipliedReportingOverflow(by: other)
                    : sign == "/"
                        ? value.dividedReportingOverflow(by: other)
                        : value.remainderReportingOverflow(dividingBy: other))
        }
        return value
    }

    private func exact(_ result: (partialValue: Int, overflow: Bool)) throws -> Int {
        guard !result.overflow else { throw Stop(result: .unknown) }
        return result.partialValue
    }

    private mutating func unary() throws -> Int {
        depth += 1
        defer { depth -= 1 }
        guard depth < 40, let sign = next else { throw Stop(result: .unknown) }
        switch sign {
        case "!":
            at += 1
            return try unary() == 0 ? 1 : 0
        case "-":
            at += 1
            return try exact((0).subtractingReportingOverflow(unary()))
        case "(":
            at += 1
            let value = try either()
            guard take(")") else { throw Stop(result: .unknown) }
            return value
        default: return try operand()
        }
    }

    private mutating func operand() throws -> Int {
        let word = name()
        if next == "#", word == "10" {
            at += 1
            let digits = try expanded(name())
            guard let value = ShellReading.meant.number(digits) else { throw Stop(result: .unknown) }
            return value
        }
        let digits = try expanded(word)
        guard let value = ShellReading.meant.number(digits) else { throw Stop(result: .unknown) }
        let isOctal = digits.count > 1 && digits.first == "0"
        if reading == .literal, isOctal {
            guard let octal = Int(digits, radix: 8) else { throw Stop(result: .octalFault(digits)) }
            return octal
        }
        return value
    }

    private mutating func name() -> String {
        _ = next
        var word = ""
        while at < text.count, text[at].isLetter || text[at].isNumber || text[at] == "_" {
            word.append(text[at])
            at += 1
        }
        return word
    }

    private func expanded(_ word: String) throws -> String {
        guard let first = word.first else { throw Stop(result: .unknown) }
        if first.isNumber { return word }
        guard let value = variable(word) else { throw Stop(result: .unknown) }
        return value.isEmpty ? "0" : value
    }
}
