/// SQL as psql must be told it so that the server gets it as libpq would send it: all statements of a text in one message,
/// and parameters, which psql before 16 does not have, as literals.
package enum PsqlText {
    /// What the server would refuse, and psql would misunderstand.
    package struct Refusal: Error, Equatable {
        package let message: String
    }

    /// Empty for a text without any statement. Parameters stand for `$1`, `$2`, …; nil is NULL. Throws for a text with a
    /// quote, comment or backslash that would leave psql waiting for more or doing something else.
    package static func message(_ sql: String, _ parameters: [String?] = []) throws(Refusal) -> String {
        var reader = Reader(Array(sql.unicodeScalars), parameters)
        try reader.readAll()
        return reader.isBlank ? "" : reader.text
    }

    private struct Reader {
        private let scalars: [Unicode.Scalar]
        private let parameters: [String?]
        private var index = 0
        private(set) var text = ""
        /// Nothing but blanks, comments and semicolons so far.
        private(set) var isBlank = true

        init(_ scalars: [Unicode.Scalar], _ parameters: [String?]) {
            self.scalars = scalars
            self.parameters = parameters
        }

        mutating func readAll() throws(Refusal) {
            while let scalar = peek() {
                switch scalar {
                case "'": try quoted("'", hasBackslashes: isEscapeString)
                case "\"": try quoted("\"", hasBackslashes: false)
                case "$": try dollar()
                case "-" where peek(1) == "-": comment()
                case "/" where peek(1) == "*": try blockComment()
                case ";":
                    // psql would send what stands before it at once, in a message of its own.
                    text += "\\;"
                    index += 1
                case "\\": throw Refusal(message: "syntax error at or near \"\\\"")
                default: take()
                }
            }
        }

        private func peek(_ ahead: Int = 0) -> Unicode.Scalar? {
            index + ahead < scalars.count ? scalars[index + ahead] : nil
        }

        private mutating func take() {
            if !scalars[index].properties.isWhitespace { isBlank = false }
            text.unicodeScalars.append(scalars[index])
            index += 1
        }

        /// E'…', whose E is no end of a longer word.
        private var isEscapeString: Bool {
            guard index > 0, scalars[index - 1] == "E" || scalars[index - 1] == "e" else { return false }
            return index < 2 || !Self.isWord(scalars[index - 2])
        }

        private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
            scalar == "_" || scalar == "$" || scalar.value >= 0x80 || scalar.properties.isAlphabetic
                || scalar.properties.numericType != nil
        }

        /// A doubled quote ends one and begins another, which comes to the same.
        private mutating func quoted(_ quote: Unicode.Scalar, hasBackslashes: Bool) throws(Refusal) {
            take()
            while let scalar = peek() {
                take()
                if scalar == quote { return }
                if scalar == "\\", hasBackslashes, peek() != nil { take() }
            }
            throw Refusal(message: quote == "'" ? "unterminated quoted string" : "unterminated quoted identifier")
        }

        /// `$1`, `$tag$ … $tag$`, or a dollar within a word.
        private mutating func dollar() throws(Refusal) {
            if index > 0, Self.isWord(scalars[index - 1]) { return take() }
            if let number = number() {
                guard number >= 1, number <= parameters.count else {
                    throw Refusal(message: "there is no parameter $\(number)")
                }
                isBlank = false
                text += parameters[number - 1].map { SQL.literal($0) } ?? "NULL"
                return
            }
            guard let mark = dollarMark() else { return take() }
            for _ in mark { take() }
            while peek() != nil {
                if scalars[index...].starts(with: mark) {
                    for _ in mark { take() }
                    return
                }
                take()
            }
            throw Refusal(message: "unterminated dollar-quoted string")
        }

        private mutating func number() -> Int? {
            var digits = ""
            while let digit = peek(1 + digits.count), digit.isASCII, digit.properties.numericType == .decimal {
                digits.unicodeScalars.append(digit)
            }
            guard let number = Int(digits) else { return nil }
            index += 1 + digits.count
            return number
        }

        private func dollarMark() -> [Unicode.Scalar]? {
            var mark: [Unicode.Scalar] = ["$"]
            while let scalar = peek(mark.count) {
                mark.append(scalar)
                if scalar == "$" { return mark }
                guard Self.isWord(scalar), mark.count > 2 || scalar.properties.numericType == nil else { return nil }
            }
            return nil
        }

        private mutating func comment() {
            while let scalar = peek(), scalar != "\n" {
                text.unicodeScalars.append(scalar)
                index += 1
            }
        }

        private mutating func blockComment() throws(Refusal) {
            var depth = 0
            repeat {
                guard peek() != nil else { throw Refusal(message: "unterminated /* comment") }
                let isOpening = peek() == "/" && peek(1) == "*"
                let isClosing = peek() == "*" && peek(1) == "/"
                depth += isOpening ? 1 : isClosing ? -1 : 0
                let count = isOpening || isClosing ? 2 : 1
                for scalar in scalars[index..<(index + count)] { text.unicodeScalars.append(scalar) }
                index += count
            } while depth > 0
        }
    }
}
