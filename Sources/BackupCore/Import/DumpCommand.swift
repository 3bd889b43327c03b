/// What a command of a script is to backups, past the programs that only call it: sudo, docker exec, sh -c and the like.
struct DumpCommand {
    enum Kind {
        case dump(database: String?, FoundServer)
        case cluster
        /// `sh -c 'text'`.
        case shell(String)
        /// A call by name, of a function that is not in the file: `backup_database postgres 30`.
        case namedBackup(String)
        case script(String)
        case prune(days: Int)
        case other
    }

    private(set) var kind = Kind.other
    private(set) var hasPassword = false
    private var words: [ShellValue]
    private var environment: [String: ShellValue]
    private var server = FoundServer.local

    init(_ words: [ShellValue], environment: [String: ShellValue]) {
        self.words = words
        self.environment = environment
        hasPassword = environment["PGPASSWORD"]?.text?.isEmpty == false
        guard words.count <= 200 else { return }
        // Each round takes a word at least.
        while let name = program, !self.words.isEmpty, unwrap(name) {}
        kind = found()
        if case .dump = kind {} else { hasPassword = false }
    }

    private var program: String? { words.first?.text.map { String($0.split(separator: "/").last ?? "") } }

    /// Takes a program that only calls another; false when it is none.
    private mutating func unwrap(_ name: String) -> Bool {
        switch name {
        case "sudo": drop(optionsWithValue: ["-u", "-g", "--user", "--group"])
        case "env": drop(optionsWithValue: ["-u"])
        case "nice": drop(optionsWithValue: ["-n"])
        case "ionice": drop(optionsWithValue: ["-c", "-n", "-p"])
        case "time", "nohup", "exec", "command", "chronic", "setsid", "then", "do", "!": words.removeFirst()
        case "timeout":
            drop(optionsWithValue: ["-k", "-s", "--kill-after", "--signal"])
            if !words.isEmpty { words.removeFirst() }
        case "flock":
            drop(optionsWithValue: ["-w", "-E", "--timeout"])
            if !words.isEmpty { words.removeFirst() }
            if words.first?.text == "-c" {
                words[0] = ShellValue(text: "-c")
                words.insert(ShellValue(text: "sh"), at: 0)
                return false
            }
        case "docker", "podman": return container(name)
        case _: return false
        }
        assignments()
        return true
    }

    /// The program itself and its options.
    private mutating func drop(optionsWithValue: Set<String>) {
        words.removeFirst()
        while let option = words.first?.text, option.hasPrefix("-"), option.count > 1 {
            words.removeFirst()
            if optionsWithValue.contains(option), !words.isEmpty { words.removeFirst() }
        }
    }

    /// `NAME=value` in front of a command.
    private mutating func assignments() {
        while let text = words.first?.text, let sign = text.firstIndex(of: "="), ShellWord.isName(text[..<sign]) {
            set(text)
            words.removeFirst()
        }
    }

    private mutating func set(_ text: String) {
        guard let sign = text.firstIndex(of: "=") else { return }
        let name = String(text[..<sign])
        if name == "PGPASSWORD" { hasPassword = true }
        environment[name] = ShellValue(text: String(text[text.index(after: sign)...]))
    }

    /// `docker exec -i -e PGUSER=x NAME pg_dump …`.
    private mutating func container(_ engine: String) -> Bool {
        guard let place = words.firstIndex(where: { $0.text == "exec" }) else { return false }
        words.removeFirst(place)
        words.removeFirst()
        while let option = words.first?.text, option.hasPrefix("-"), option.count > 1 {
            words.removeFirst()
            guard ["-e", "--env", "-u", "--user", "-w", "--workdir", "--env-file"].contains(option),
                let value = words.first
            else { continue }
            words.removeFirst()
            if option == "-e" || option == "--env" { set(value.text ?? "") }
        }
        guard !words.isEmpty else { return false }
        server = FoundServer(container: words.removeFirst().text, engine: engine)
        return true
    }

    private static let shells: Set<String> = ["sh", "bash", "dash", "ash", "su", "runuser"]
    /// Names with "dump" or "backup" in them that are of other things.
    private static let others: Set<String> = ["mysqldump", "mongodump", "pg_basebackup", "pgbackrest", "tcpdump"]

    private mutating func found() -> Kind {
        guard let name = program else { return .other }
        if name == "pg_dump" { return dump() }
        if name == "pg_dumpall" { return .cluster }
        if name == "find" { return prune() }
        if Self.shells.contains(name) {
            guard
                let place = words.firstIndex(where: {
                    $0.text?.hasPrefix("-") == true && $0.text?.hasSuffix("c") == true
                }),
                place + 1 < words.count
            else {
                guard let path = words.dropFirst().first(where: { $0.text?.hasPrefix("-") != true })?.text else {
                    return .other
                }
                return path.contains("/") || path.hasSuffix(".sh") ? .script(path) : .other
            }
            return words[place + 1].text.map { .shell(text(in: $0)) } ?? .other
        }
        let path = words[0].text ?? ""
        if let database = words.dropFirst().first?.text, Self.isName(database), !Self.others.contains(name),
            name.contains("backup") || name.contains("dump")
        {
            return .namedBackup(database)
        }
        return path.contains("/") && (path.hasSuffix(".sh") || name.contains("backup")) ? .script(path) : .other
    }

    /// Inside a container the shell is the container's.
    private func text(in text: String) -> String {
        guard let container = server.container, ShellWord.isPlainWord(container) else { return text }
        return "\(server.engine) exec \(container) \(text)"
    }

    private static func isName(_ text: String) -> Bool {
        guard let first = text.first, first.isASCII, first.isLetter || first == "_" else { return false }
        return text.utf8.count <= 63
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_-".contains($0)) }
    }

    /// `find PLACE -mtime +N … -delete`.
    private func prune() -> Kind {
        guard words.contains(where: { ["-delete", "-exec", "-execdir", "-print0", "-print"].contains($0.text ?? "") }),
            let place = words.firstIndex(where: { $0.text == "-mtime" }), place + 1 < words.count,
            let text = words[place + 1].text, text.hasPrefix("+"),
            let days = ShellReading.meant.number(String(text.dropFirst()))
        else { return .other }
        return .prune(days: days)
    }

    private static let withValue: Set<Character> = [
        "d", "U", "h", "p", "f", "F", "j", "n", "N", "t", "T", "E", "S", "Z", "e",
    ]

    private mutating func dump() -> Kind {
        var database: String?
        var isUnknown = false
        var rest = words.dropFirst()
        func take(_ option: Character, _ value: ShellValue?) {
            switch option {
            case "d":
                database = value?.text
                isUnknown = value?.text == nil
            case "U": server.user = value?.text
            case "h": server.host = value?.text
            case "p": server.port = value?.text
            case _: break
            }
        }
        while let word = rest.popFirst() {
            guard let text = word.text else {
                if database == nil { isUnknown = true }
                continue
            }
            if text.hasPrefix("--") {
                let parts = text.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                let long: [String: Character] = ["dbname": "d", "username": "U", "host": "h", "port": "p"]
                guard let name = parts.first, let option = long[String(name)] else {
                    if parts.count == 1, Self.longWithValue.contains(String(parts.first ?? "")) { _ = rest.popFirst() }
                    continue
                }
                take(option, parts.count == 2 ? ShellValue(text: String(parts[1])) : rest.popFirst())
            } else if text.hasPrefix("-"), text.count > 1 {
                // Letters may stand together: `-Fc`, `-Ud`; the first that takes a value takes all the rest.
                var letters = text.dropFirst()
                while let letter = letters.popFirst() {
                    guard Self.withValue.contains(letter) else { continue }
                    take(letter, letters.isEmpty ? rest.popFirst() : ShellValue(text: String(letters)))
                    break
                }
            } else if database == nil {
                database = text
            }
        }
        if database == nil, !isUnknown { database = environment["PGDATABASE"]?.text }
        server.user = server.user ?? environment["PGUSER"]?.text
        server.host = server.host ?? environment["PGHOST"]?.text
        server.port = server.port ?? environment["PGPORT"]?.text
        return .dump(database: database.flatMap { connection($0) }, server)
    }

    private static let longWithValue: Set<String> = [
        "file", "format", "jobs", "schema", "exclude-schema", "table", "exclude-table", "encoding", "superuser",
        "compress",
        "role", "exclude-table-data", "lock-wait-timeout", "section", "snapshot", "extension",
    ]

    /// A database may be a whole connection: `host=… dbname=…` or `postgresql://user:password@host:port/name`.
    private mutating func connection(_ text: String) -> String? {
        if text.hasPrefix("postgresql://") || text.hasPrefix("postgres://") {
            var rest = Substring(text)
            rest = rest.drop { $0 != "/" }.dropFirst(2)
            let place = rest.prefix { $0 != "/" }
            let name = rest.dropFirst(place.count + 1).prefix { $0 != "?" }
            let sides = place.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
            if sides.count == 2 {
                let user = sides[0].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                server.user = String(user[0])
                if user.count == 2 { hasPassword = true }
            }
            let address = (sides.last ?? "").split(separator: ":")
            server.host = address.first.map(String.init)
            server.port = address.count == 2 ? String(address[1]) : server.port
            return name.isEmpty ? nil : String(name)
        }
        guard text.contains("=") else { return text.isEmpty ? nil : text }
        var name: String?
        for pair in text.split(separator: " ") {
            let sides = pair.split(separator: "=", maxSplits: 1).map(String.init)
            guard sides.count == 2 else { continue }
            switch sides[0] {
            case "dbname": name = sides[1]
            case "user": server.user = sides[1]
            case "host": server.host = sides[1]
            case "port": server.port = sides[1]
            case "password": hasPassword = true
            case _: break
            }
        }
        return name
    }
}

extension ShellWord {
    /// Nothing in it means anything to a shell.
    static func isPlainWord(_ text: String) -> Bool {
        !text.isEmpty && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
    }
}
