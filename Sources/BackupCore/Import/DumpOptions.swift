/// The options of pg_dump: which database, on which server.
extension DumpCommand {
    private static let withValue: Set<Character> = [
        "d", "U", "h", "p", "f", "F", "j", "n", "N", "t", "T", "E", "S", "Z", "e",
    ]
    private static let longWithValue: Set<String> = [
        "format", "jobs", "schema", "exclude-schema", "table", "exclude-table", "encoding", "superuser",
        "compress", "role", "exclude-table-data", "lock-wait-timeout", "section", "snapshot", "extension",
    ]
    private static let meaningful: [String: Character] = [
        "dbname": "d", "username": "U", "host": "h", "port": "p", "file": "f",
    ]

    mutating func dump() -> Kind {
        let (given, isUnknown) = options()
        var found = given
        file = found["f"]?.shown
        var server = place ?? .local
        for (letter, name) in [("U", "PGUSER"), ("h", "PGHOST"), ("p", "PGPORT")] as [(Character, String)]
        where found[letter] == nil { found[letter] = environment[name] }
        take(found, &server)
        let database = found["d"] ?? (isUnknown ? nil : environment["PGDATABASE"])
        let name = database.map { connection($0.shown, &server) } ?? (isUnknown ? nil : "")
        tellOthers(server)
        // Without a database it is the one with the user's name.
        let user = server.user ?? systemUser.flatMap { $0 == "root" ? nil : $0 }
        server.user = user
        return .dump(database: name?.isEmpty == true ? user : name, server)
    }

    /// By letter, the database among them; true when a word may be options or the database.
    private func options() -> (found: [Character: ShellValue], isUnknown: Bool) {
        var found: [Character: ShellValue] = [:]
        var bare: ShellValue?
        var isUnknown = false
        var rest = words.dropFirst()
        while let word = rest.popFirst() {
            let text = word.shown
            if text.hasPrefix("--") {
                let parts = text.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                let name = parts.first.map(String.init) ?? ""
                if let option = Self.meaningful[name] {
                    found[option] = parts.count == 2 ? Self.value(String(parts[1])) : rest.popFirst()
                } else if parts.count == 1, Self.longWithValue.contains(name) {
                    _ = rest.popFirst()
                }
            } else if text.hasPrefix("-"), text.count > 1 {
                // Letters may stand together: `-Fc`, `-Ud`; the first that takes a value takes all the rest.
                var letters = text.dropFirst()
                while let letter = letters.popFirst() {
                    guard Self.withValue.contains(letter) else { continue }
                    found[letter] = letters.isEmpty ? rest.popFirst() : Self.value(String(letters))
                    break
                }
            } else if word.text == nil, word.outline == nil {
                isUnknown = true
            } else if bare == nil {
                bare = word
            }
        }
        found["d"] = found["d"] ?? bare
        return (found, isUnknown)
    }

    private static func value(_ text: String) -> ShellValue {
        text.contains(ShellValue.gap) ? ShellValue(text: nil, outline: text) : ShellValue(text: text)
    }

    private mutating func take(_ found: [Character: ShellValue], _ server: inout FoundServer) {
        let words: [(Character, String)] = [("U", "user"), ("h", "host"), ("p", "port")]
        for (letter, word) in words {
            guard let value = found[letter] else { continue }
            guard let text = value.text else {
                serverNotes.append(
                    "the \(word) of this pg_dump is not known here: write it into the schedule's servers")
                continue
            }
            guard !text.isEmpty else { continue }
            switch letter {
            case "U": server.user = text
            case "h": server.host = text
            case _: server.port = text
            }
        }
    }

    /// A client in a container that asks another server.
    private mutating func tellOthers(_ server: FoundServer) {
        guard let container = server.container, let host = server.host, !host.hasPrefix("/"),
            !["localhost", "127.0.0.1", "::1", container].contains(host)
        else { return }
        serverNotes.append(
            "this pg_dump in \(container) asks the server at \(host): written is the one in the container, see \"servers\""
        )
    }

    /// A database may be a whole connection: `host=… dbname=…` or `postgresql://user:password@host:port/name`. Nil when it is not
    /// known, and empty when none is named.
    private mutating func connection(_ text: String, _ server: inout FoundServer) -> String? {
        var found: [Character: ShellValue] = [:]
        var name = ""
        if text.hasPrefix("postgresql://") || text.hasPrefix("postgres://") {
            let rest = text.drop { $0 != "/" }.dropFirst(2)
            let address = rest.prefix { $0 != "/" && $0 != "?" }
            name = String(rest.dropFirst(address.count).drop { $0 == "/" }.prefix { $0 != "?" })
            let host = address.split(separator: "@", omittingEmptySubsequences: false).last ?? ""
            if host.count < address.count {
                let user = address.dropLast(host.count + 1).split(
                    separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                found["U"] = user.first.map { Self.value(String($0)) }
                if user.count == 2 { hasPassword = true }
            }
            let sides = host.split(separator: ":")
            found["h"] = sides.first.map { Self.value(String($0)) }
            if sides.count == 2 { found["p"] = Self.value(String(sides[1])) }
        } else if text.contains("=") {
            for pair in text.split(separator: " ") {
                let sides = pair.split(separator: "=", maxSplits: 1).map(String.init)
                guard sides.count == 2 else { continue }
                switch sides[0] {
                case "dbname": name = sides[1]
                case "user": found["U"] = Self.value(sides[1])
                case "host": found["h"] = Self.value(sides[1])
                case "port": found["p"] = Self.value(sides[1])
                case "password": hasPassword = true
                case _: break
                }
            }
        } else {
            name = text
        }
        take(found, &server)
        return name.contains(ShellValue.gap) ? nil : name
    }
}
