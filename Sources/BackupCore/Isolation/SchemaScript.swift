/// The schema file of a plan as psql is to be told it: one transaction, all of it or nothing. What would break out of that is
/// found before anything is sent: psql's own commands, and statements that begin or end transactions.
package struct SchemaScript: Sendable, Equatable {
    package let text: String

    /// Throws `.configInvalid` that names the line.
    package init(_ text: String, file: String) throws {
        var reader = Reader(Array(text.unicodeScalars))
        if let fault = reader.fault() {
            throw Failure(.configInvalid, "\(file):\(fault.line): \(fault.message)", hint: fault.hint)
        }
        self.text = text
    }

    /// For psql's stdin with ON_ERROR_STOP. The transaction is ended by the last line alone: a text that breaks off, because this
    /// program was killed, leaves nothing behind. The file begins at line 2: `SchemaAnswer` counts back. `lock` keeps a psql that
    /// such a program has left behind apart from the next one; `ending` is SQL for the end of the transaction.
    package func input(lockTimeoutSeconds: Double, lock: Int64, ending: String = "") -> String {
        let patience = "SET LOCAL lock_timeout = \(max(1, Int(lockTimeoutSeconds * 1000)));"
        // Whatever role and limits the file has taken.
        let last =
            ending.isEmpty ? "" : "RESET SESSION AUTHORIZATION; RESET ROLE; \(Self.limitless) \(patience)\n\(ending)\n"
        return """
            \(Self.limitless) BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \(patience) SELECT pg_catalog.pg_advisory_xact_lock(\(lock));
            \(text)
            ;
            \(last)SET LOCAL synchronous_commit = on;
            COMMIT;

            """
    }

    /// A role or a database may have limits that a large table is too much for. Some are not known to every version.
    private static let limitless =
        "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name IN ('idle_session_timeout', 'transaction_timeout');"

    /// The lines of the file.
    var lines: Int { max(1, text.unicodeScalars.count { $0 == "\n" } + (text.unicodeScalars.last == "\n" ? 0 : 1)) }

    private struct Fault {
        var line: Int
        var message: String
        var hint: String
    }

    /// Follows psql's own reading as far as it matters where a statement begins.
    private struct Reader {
        private let scalars: [Unicode.Scalar]
        private var index = 0
        private var line = 1
        /// Of the statement in progress, in upper case.
        private var words: [String] = []
        private var parentheses = 0
        /// Of BEGIN ATOMIC and CASE within CREATE FUNCTION, outside parentheses: a parameter may have such a name.
        private var blocks = 0
        private var problem: Fault?

        init(_ scalars: [Unicode.Scalar]) { self.scalars = scalars }

        mutating func fault() -> Fault? {
            while problem == nil, let scalar = peek() { read(scalar) }
            if parentheses > 0 { note("a parenthesis is left open", "Is the file whole?") }
            if blocks > 0 { note("a BEGIN ATOMIC is left open", "Is the file whole?") }
            return problem
        }

        private func peek(_ ahead: Int = 0) -> Unicode.Scalar? {
            index + ahead < scalars.count ? scalars[index + ahead] : nil
        }

        private mutating func take() {
            if scalars[index] == "\n" { line += 1 }
            index += 1
        }

        private mutating func note(_ message: String, _ hint: String) {
            problem = problem ?? Fault(line: line, message: message, hint: hint)
        }

        private mutating func read(_ scalar: Unicode.Scalar) {
            switch scalar {
            case "'": quoted(scalar, hasBackslashes: words.last == "E" && index > 0 && scalars[index - 1] != " ")
            case "\"": quoted(scalar, hasBackslashes: false)
            case "$": dollar()
            case "-" where peek(1) == "-": skipLine()
            case "/" where peek(1) == "*": blockComment()
            case "(":
                parentheses += 1
                take()
            case ")":
                parentheses = max(0, parentheses - 1)
                take()
            case ";" where parentheses == 0 && blocks == 0: endOfStatement()
            case "\\": backslash()
            default:
                if Self.isWord(scalar) { word() } else { take() }
            }
        }

        private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
            scalar == "_" || scalar.value >= 0x80 || scalar.properties.isAlphabetic
                || scalar.properties.numericType != nil
        }

        private mutating func word() {
            var word = ""
            while let scalar = peek(), Self.isWord(scalar) || scalar == "$" {
                word.unicodeScalars.append(scalar)
                take()
            }
            word = word.uppercased()
            words.append(word)
            if words.count == 1,
                ["BEGIN", "START", "COMMIT", "ROLLBACK", "END", "ABORT", "SAVEPOINT", "RELEASE"].contains(word)
            {
                note(
                    "\(word) does not go with one transaction for the whole file",
                    "Take it out: everything in the file is applied, or nothing.")
            }
            if words == ["PREPARE", "TRANSACTION"] { note("a prepared transaction outlives the file", "Take it out.") }
            guard parentheses == 0, words.first == "CREATE",
                words.prefix(4).contains(where: ["FUNCTION", "PROCEDURE"].contains)
            else { return }
            if word == "BEGIN" || (word == "CASE" && blocks > 0) { blocks += 1 }
            if word == "END", blocks > 0 { blocks -= 1 }
        }

        private mutating func endOfStatement() {
            let isCopy =
                words.first == "COPY" && zip(words, words.dropFirst()).contains { $0 == "FROM" && $1 == "STDIN" }
            words = []
            take()
            guard isCopy else { return }
            skipLine()
            while peek() != nil {
                let start = index
                skipLine()
                if String(String.UnicodeScalarView(scalars[start..<index])).hasPrefix("\\.") { return }
            }
            note("the rows of a COPY have no end", "They end with a line of \\. alone.")
        }

        private mutating func skipLine() {
            while let scalar = peek() {
                take()
                if scalar == "\n" { return }
            }
        }

        /// psql's own. Those that pg_dump writes do no harm.
        private mutating func backslash() {
            let start = index
            while let scalar = peek(), scalar != "\n", scalar != " " { take() }
            let command = String(String.UnicodeScalarView(scalars[start..<index]))
            if ["\\restrict", "\\unrestrict"].contains(command) { return skipLine() }
            note("\(command) is a command of psql's, not of the server's", "Write all in plain SQL.")
        }

        private mutating func blockComment() {
            var depth = 0
            repeat {
                if peek() == "/", peek(1) == "*" {
                    depth += 1
                    take()
                } else if peek() == "*", peek(1) == "/" {
                    depth -= 1
                    take()
                }
                if peek() != nil { take() }
            } while depth > 0 && peek() != nil
            if depth > 0 { note("a comment is left open", "Close it with */.") }
        }

        private mutating func quoted(_ quote: Unicode.Scalar, hasBackslashes: Bool) {
            let begun = line
            take()
            while let scalar = peek() {
                take()
                if scalar == quote { return }
                if scalar == "\\", hasBackslashes, peek() != nil { take() }
            }
            problem = Fault(line: begun, message: "a quotation mark is left open", hint: "Is the file whole?")
        }

        /// `$tag$ … $tag$`, or a parameter.
        private mutating func dollar() {
            let begun = line
            var mark: [Unicode.Scalar] = ["$"]
            while let scalar = peek(mark.count), Self.isWord(scalar) { mark.append(scalar) }
            guard peek(mark.count) == "$", mark.count == 1 || mark[1].properties.numericType == nil else {
                return take()
            }
            mark.append("$")
            for _ in mark { take() }
            while peek() != nil {
                if scalars[index] == "$", scalars[index...].starts(with: mark) {
                    for _ in mark { take() }
                    return
                }
                take()
            }
            problem = Fault(line: begun, message: "a dollar quotation is left open", hint: "Is the file whole?")
        }
    }
}
