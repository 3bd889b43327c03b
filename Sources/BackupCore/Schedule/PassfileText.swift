/// The lines of a libpq password file, as they are handed to the programs in a container.
package enum PassfileText {
    /// One that fits every server: there is no other in reach of the programs that get it.
    package static func line(password: String) -> String { "*:*:*:*:\(escaped(password))" }

    /// The lines of a file that can be meant for a server that is reached inside its container, so that no other password
    /// goes in there: host `*`, `localhost` or a socket's folder, and the user's name or `*`.
    package static func lines(of file: String, user: String) -> [String] {
        file.split(whereSeparator: \.isNewline).map(String.init).filter { line in
            guard !line.hasPrefix("#") else { return false }
            let fields = fields(of: line)
            guard fields.count >= 5 else { return false }
            let isHost = ["*", "localhost", "127.0.0.1", "::1"].contains(fields[0]) || fields[0].hasPrefix("/")
            return isHost && (fields[3] == "*" || fields[3] == user)
        }
    }

    private static func escaped(_ text: String) -> String {
        text.escaping("\\", as: "\\\\").escaping(":", as: "\\:")
    }

    private static func fields(of line: String) -> [String] {
        var fields = [""]
        var isEscaped = false
        for character in line {
            if isEscaped {
                fields[fields.count - 1].append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == ":" {
                fields.append("")
            } else {
                fields[fields.count - 1].append(character)
            }
        }
        return fields
    }
}
