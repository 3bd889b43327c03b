/// What psql has said while it was told a schema file, with VERBOSITY=verbose. psql counts the lines of all that it is told; here
/// they are those of the file, and what was said to the SQL around it is not laid at its door.
package struct SchemaAnswer: Sendable, Equatable {
    /// For people: `app.sql:14: ERROR:  …`, and `before app.sql: …` or `after app.sql: …` for what is not in it.
    package let text: String
    /// Of the last that the server said; nil when it said nothing.
    package let sqlState: String?
    /// Whether that was said before the file was begun, where a psql that was left behind is waited for.
    package let isAhead: Bool
    /// psql names its stdin in all that it says once it is connected.
    package let wasConnected: Bool

    package init(_ said: String, script: SchemaScript, file: String) {
        var lines: [String] = []
        var state: String?
        var isAhead = false
        var wasConnected = false
        for line in said.split(separator: "\n", omittingEmptySubsequences: false) {
            guard let message = Message(line) else {
                // Of the server's source.
                if !line.hasPrefix("LOCATION:  ") { lines.append(String(line)) }
                continue
            }
            wasConnected = true
            if let its = message.sqlState { (state, isAhead) = (its, message.line <= 1) }
            lines.append("\(Self.place(message.line, script, file)): \(message.text)")
        }
        (text, sqlState) = (lines.joined(separator: "\n"), state)
        (self.isAhead, self.wasConnected) = (isAhead, wasConnected)
    }

    /// One line is before the file, and one with a semicolon after it.
    private static func place(_ line: Int, _ script: SchemaScript, _ file: String) -> String {
        if line <= 1 { return "before \(file)" }
        let breaks = script.text.unicodeScalars.count { $0 == "\n" }
        return line <= breaks + 3 ? "\(file):\(min(line - 1, script.lines))" : "after \(file)"
    }

    /// Already there: the states for a table or index, another object, a schema, a function, a column and a row.
    package var isRepeated: Bool {
        sqlState.map(["42P07", "42710", "42P06", "42723", "42701", "23505"].contains) ?? false
    }

    /// `psql:<stdin>:14: ERROR:  42704: type "x" does not exist`, and without a state what psql says itself.
    private struct Message {
        var line: Int
        var sqlState: String?
        var text: String

        init?(_ line: Substring) {
            let mark = "psql:<stdin>:"
            guard line.hasPrefix(mark) else { return nil }
            let rest = line.dropFirst(mark.count)
            guard let colon = rest.firstIndex(of: ":"), let number = Int(rest[..<colon]) else { return nil }
            let said = rest[rest.index(after: colon)...].drop { $0 == " " }
            self.line = number
            text = String(said)
            // The severity is in the server's language, the rest is not.
            guard let severity = said.firstRange(of: ":  ") else { return }
            let state = said[severity.upperBound...].prefix(5)
            let message = said[severity.upperBound...].dropFirst(5)
            guard state.count == 5, state.allSatisfy({ $0.isASCII && ($0.isNumber || $0.isUppercase) }),
                message.hasPrefix(": ")
            else { return }
            sqlState = String(state)
            text = String(said[..<severity.upperBound] + message.dropFirst(2))
        }
    }
}
