/// What a command of a script is to backups, past the programs that only call it: sudo, docker exec, sh -c and the like.
struct DumpCommand {
    enum Kind {
        case dump(database: String?, FoundServer)
        /// pg_dumpall, of everything or of roles alone.
        case cluster(isOfRoles: Bool)
        /// `sh -c 'text'`, which runs at that place.
        case shell(String, FoundServer?)
        /// A shell that reads what it runs.
        case shellOfInput(FoundServer?)
        /// A call by name, of a function that is not in the file: `backup_database postgres 30`.
        case namedBackup(String)
        case script(String)
        case prune(FoundPrune)
        /// A pg_dump in words that are not followed: of ssh, kubectl, docker run.
        case unknownDump
        case unknownProgram
        case other
    }

    private(set) var kind = Kind.other
    /// Where pg_dump is told to write.
    var file: String?
    var hasPassword = false
    /// What a person must mend of the server that is written.
    var serverNotes: [String] = []
    var words: [ShellValue]
    var environment: [String: ShellValue]
    /// Where it runs; nil is this host.
    var place: FoundServer?
    /// The system's user that it runs as, where that is said.
    var systemUser: String?

    init(_ words: [ShellValue], environment: [String: ShellValue], place: FoundServer?) {
        self.words = words
        self.environment = environment
        self.place = place
        hasPassword = environment["PGPASSWORD"]?.text?.isEmpty == false
        let isShort = words.count <= 200
        // Each round takes a word at least.
        while isShort, let name = program, !self.words.isEmpty, unwrap(name) {}
        if isShort { kind = found() }
        if case .other = kind, speaksOfDump { kind = .unknownDump }
        if case .dump = kind {} else { hasPassword = false }
        switch kind {
        case .dump, .shell, .shellOfInput: break
        case .cluster, .namedBackup, .script, .prune, .unknownDump, .unknownProgram, .other: serverNotes = []
        }
    }

    private static let asking: Set<String> = [
        "which", "type", "hash", "grep", "pgrep", "pkill", "killall", "apt", "apt-get", "dnf", "yum", "logger", "mail",
        "echo",
        "printf", "die", "error", "err", "info", "warn", "warning", "fail", "fatal", "msg", "say", "abort", "test", "[",
        "trap",
    ]

    private var speaksOfDump: Bool {
        // `command -v pg_dump` and `log "pg_dump failed"`.
        guard let name = program, !Self.asking.contains(name), !name.hasPrefix("-"), !name.hasPrefix("log"),
            name != "command"
        else { return false }
        return words.contains { word in
            word.shown.split { $0.isWhitespace || "'\"()[],;|&".contains($0) }.contains { Self.isDump(String($0)) }
        }
    }

    static func isDump(_ word: String) -> Bool {
        let name = word.split(separator: "/").last ?? ""
        return name.hasPrefix("pg_dump") && !name.dropFirst(7).contains { $0.isLetter || $0 == "_" || $0 == "." }
    }

    private var program: String? { words.first?.text.map { String($0.split(separator: "/").last ?? "") } }

    /// Takes a program that only calls another; false when it is none.
    private mutating func unwrap(_ name: String) -> Bool {
        // `command -v pg_dump` asks.
        if name == "command", words.count > 1, words[1].text?.lowercased() == "-v" { return false }
        switch name {
        case "sudo", "runuser", "gosu", "su-exec", "doas":
            if name == "runuser", words.contains(where: { $0.text == "-c" || $0.text == "--command" }) { return false }
            words.removeFirst()
            options(withValue: "ugpCDRTh", ["--user", "--group"]) { command, option, value in
                if option.hasSuffix("u") || option == "--user" { command.systemUser = value.text }
            }
            if name == "gosu" || name == "su-exec", !words.isEmpty { systemUser = words.removeFirst().text }
        case "env": drop(withValue: "uC")
        case "nice": drop(withValue: "n")
        case "ionice": drop(withValue: "cnp")
        case "time", "nohup", "exec", "command", "chronic", "setsid", "then", "do", "!", "stdbuf", "unbuffer":
            drop(withValue: name == "stdbuf" ? "ioe" : name == "exec" ? "a" : "")
        case "timeout":
            drop(withValue: "ks", ["--kill-after", "--signal"])
            if !words.isEmpty { words.removeFirst() }
        case "flock":
            drop(withValue: "wE", ["--timeout", "--wait"])
            if !words.isEmpty { words.removeFirst() }
            if words.first?.text == "-c" || words.first?.text == "--command" {
                words[0] = ShellValue(text: "-c")
                words.insert(ShellValue(text: "sh"), at: 0)
                return false
            }
        case "docker", "podman", "docker-compose", "podman-compose": return container(name)
        case _: return false
        }
        assignments()
        return true
    }

    private mutating func drop(withValue letters: String, _ long: Set<String> = []) {
        words.removeFirst()
        options(withValue: letters, long) { _, _, _ in }
    }

    /// Takes options; those whose last letter is one of `letters` have a value behind them.
    private mutating func options(
        withValue letters: String, _ long: Set<String>, _ tell: (inout DumpCommand, String, ShellValue) -> Void
    ) {
        while let option = words.first?.text, option.hasPrefix("-"), option.count > 1 {
            words.removeFirst()
            if option == "--" { return }
            let takesValue =
                option.hasPrefix("--") ? long.contains(option) : option.last.map { letters.contains($0) } == true
            if takesValue, !words.isEmpty { tell(&self, option, words.removeFirst()) }
        }
    }

    /// `NAME=value` in front of a command.
    private mutating func assignments() {
        while let text = words.first?.shown, let sign = text.firstIndex(of: "="), ShellWord.isName(text[..<sign]) {
            set(words[0])
            words.removeFirst()
        }
    }

    private mutating func set(_ word: ShellValue) {
        let text = word.shown
        guard let sign = text.firstIndex(of: "=") else { return }
        let (name, value) = (String(text[..<sign]), String(text[text.index(after: sign)...]))
        if name == "PGPASSWORD" { hasPassword = true }
        environment[name] = value.contains(ShellValue.gap) ? .unknown : ShellValue(text: value)
    }

    /// `docker exec -i -e PGUSER=x NAME pg_dump …`.
    private mutating func container(_ engine: String) -> Bool {
        guard let start = words.firstIndex(where: { $0.text == "exec" }),
            !words[..<start].contains(where: { ["run", "ssh"].contains($0.text ?? "") })
        else { return false }
        let isCompose = engine.hasSuffix("-compose") || words[..<start].contains { $0.text == "compose" }
        words.removeFirst(start + 1)
        let long: Set<String> = ["--env", "--user", "--workdir", "--env-file", "--index"]
        options(withValue: "euw", long) { command, option, value in
            if option.hasSuffix("e") || option == "--env" { command.set(value) }
            if option.hasSuffix("u") || option == "--user" { command.systemUser = value.text }
        }
        guard !words.isEmpty else { return false }
        let name = words.removeFirst().text.flatMap { $0.isEmpty ? nil : $0 }
        // Never this host's own server instead.
        place = FoundServer(
            container: name ?? "name-of-the-container", engine: engine.hasPrefix("podman") ? "podman" : "docker")
        if isCompose {
            serverNotes.append(
                "\(name ?? "?") is a service of compose: write the name of its container into the schedule's servers")
        } else if name == nil {
            serverNotes.append(
                "the container of this pg_dump is not known here: write its name for name-of-the-container")
        }
        assignments()
        return true
    }

    private static let shells: Set<String> = ["sh", "bash", "dash", "ash", "su", "runuser"]

    private mutating func found() -> Kind {
        guard let name = program else { return words.isEmpty ? .other : .unknownProgram }
        if Self.isDump(name) { return dump() }
        if name == "pg_dumpall" {
            let roles: Set<String> = ["-g", "-r", "--globals-only", "--roles-only", "-t", "--tablespaces-only"]
            return .cluster(isOfRoles: words.contains { roles.contains($0.text ?? "") })
        }
        if name == "find" { return FoundPrune.of(find: words).map { .prune($0) } ?? .other }
        if Self.shells.contains(name) { return shell(name) }
        return named(name)
    }

    private mutating func shell(_ name: String) -> Kind {
        let command = words.firstIndex {
            $0.text == "--command"
                || $0.text?.hasPrefix("-") == true && $0.text?.hasPrefix("--") == false
                    && $0.text?.hasSuffix("c") == true
        }
        if let command, command + 1 < words.count {
            let text = words[command + 1]
            return text.text == nil && text.outline == nil ? .unknownProgram : .shell(text.shown, place)
        }
        let rest = words.dropFirst().filter { $0.text?.hasPrefix("-") != true }
        guard let path = rest.first?.text, name != "su", name != "runuser" else { return .shellOfInput(place) }
        return path.contains("/") || path.contains(".") ? .script(path) : .other
    }

    /// Names with "dump" or "backup" in them that are of other things.
    private static let others: Set<String> = ["mysqldump", "mongodump", "pg_basebackup", "pgbackrest", "tcpdump"]
    /// `should_backup`, `verify_backup`: of backups, and none.
    private static let otherBegins = [
        "should", "verify", "clean", "check", "notify", "list", "test", "restore", "prune", "delete", "remove",
        "rotate",
        "is_", "log", "send", "report", "need", "upload", "sync", "copy", "compress", "encrypt", "purge", "expire",
        "validate",
    ]
    /// What scripts are told, and no database is called.
    private static let modes: Set<String> = [
        "full", "incremental", "daily", "weekly", "monthly", "hourly", "nightly", "all", "run", "start", "now", "auto",
    ]

    private func named(_ name: String) -> Kind {
        let path = words[0].text ?? ""
        let isPath = path.contains("/")
        guard name.contains("backup") || name.contains("dump"), !Self.others.contains(name) else {
            return isPath && path.hasSuffix(".sh") ? .script(path) : .other
        }
        if let database = words.dropFirst().first?.text, Self.isName(database),
            !Self.modes.contains(database) || !isPath,
            !Self.otherBegins.contains(where: { name.hasPrefix($0) })
        {
            return .namedBackup(database)
        }
        return isPath ? .script(path) : .other
    }

    private static func isName(_ text: String) -> Bool {
        guard let first = text.first, first.isASCII, first.isLetter || first == "_" else { return false }
        return text.utf8.count <= 63
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_-".contains($0)) }
    }
}
