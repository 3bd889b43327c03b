/// Programs that a script calls, and what they are to backups.
extension ShellRun {
    mutating func external(_ words: [ShellValue], _ environment: [String: ShellValue], line: Int) -> Bool? {
        stepsLeft -= 3
        let command = DumpCommand(words, environment: variables.merging(environment) { $1 }, place: place)
        switch command.kind {
        case .dump(let database, let server):
            if let file = command.file { write(to: file) }
            dump(database, server, line: line)
        case .shell(let text, let server):
            _ = subshell {
                $0.place = server
                return $0.evaluate(text, line: line)
            }
        case .shellOfInput(let server):
            guard let lines = input else { break }
            _ = subshell {
                $0.place = server
                $0.input = nil
                return $0.evaluate(lines.joined(separator: "\n"), line: line)
            }
            input = []
        case .namedBackup(let database):
            dumps.append(
                FoundDump(
                    database: database, server: .local, keep: FoundDump.keepCount(in: words.dropFirst(2)), line: line,
                    isDoubtful: doubts > 0))
        case .prune(let found): prune(found)
        case .cluster, .script, .unknownDump, .unknownProgram, .other: break
        }
        if let name = words.first?.text { move(name, words.dropFirst().map(\.shown)) }
        tell(of: command, words.first?.text ?? "?", line: line)
        return nil
    }

    private static let copying: Set<String> = ["cp", "mv", "ln", "rsync", "install", "tee"]
    private static let compressing = ["gzip": ".gz", "pigz": ".gz", "xz": ".xz", "bzip2": ".bz2"]

    /// What becomes of files that were written.
    private mutating func move(_ name: String, _ words: [String]) {
        if name == "mv" { for word in words.dropLast() { outputs.remove(word) } }
        if Self.copying.contains(name) {
            for word in words where name != "mv" || word == words.last { write(to: word) }
        }
        guard let ending = Self.compressing[name], !words.contains(where: { $0.hasPrefix("-") && $0.contains("c") })
        else { return }
        for word in words where outputs.remove(word) != nil { write(to: word + ending) }
    }

    private mutating func tell(of command: DumpCommand, _ name: String, line: Int) {
        switch command.kind {
        case .namedBackup:
            note(
                0,
                "\(name) is not in this file: what stands behind it is taken for a database and a number of dumps to keep"
            )
        case .cluster(isOfRoles: true):
            note(line, "pg_dumpall: each dump has the server's roles beside it, no job is needed for them")
        case .cluster(isOfRoles: false):
            note(
                line,
                "pg_dumpall dumps all databases, and names none: write a job for each, or \"discover\" for the server")
        case .script(let path): note(line, "calls \(path), which is not followed: import-cron reads that file too")
        case .unknownDump: note(line, "a pg_dump that is called in a way that is not followed: left")
        case .unknownProgram: note(line, "what is called here is not known: left")
        case .dump, .shell, .shellOfInput, .prune, .other: break
        }
        if input?.contains(where: { $0.contains("pg_dump") }) == true {
            note(line, "a pg_dump in text for another program is not followed: left")
        }
        stepsLeft -= (input?.count ?? 0) / 8
        for text in command.serverNotes { note(line, text) }
        if command.hasPassword {
            note(line, "a password stands here: it is not taken over, use \"passfile\" or \"passwordCredential\"")
        }
    }

    /// Of the outermost call that names the database, or else of the innermost with arguments, it is told.
    private mutating func dump(_ database: String?, _ server: FoundServer, line: Int) {
        guard let database, !database.isEmpty, !database.contains(where: { "{}*?".contains($0) }) else {
            return note(line, "a pg_dump whose database is not known here: left")
        }
        for value in variables.values where value.isOfDay && value.text == database { weigh(value) }
        let naming = calls.first { call in call.arguments.contains { $0.text == database } }
        let call = naming ?? calls.last { !$0.arguments.isEmpty }
        var keep: Int?
        if let naming, let place = naming.arguments.firstIndex(where: { $0.text == database }) {
            keep = FoundDump.keepCount(in: naming.arguments[(place + 1)...])
        }
        var found = FoundDump(
            database: database, server: server, keep: keep, line: call?.line ?? line, isDoubtful: doubts > 0)
        found.isFollowed = true
        found.calls = calls.map(\.number)
        dumps.append(found)
    }

    private static let elsewhere = ["/dev/", "/tmp/", "/var/log/", "/run/", "/var/run/", "/var/lock/"]
    private static let otherFiles = [
        ".log", ".txt", ".err", ".lock", ".pid", ".json", ".md5", ".sha256", ".html", ".prom",
    ]

    mutating func write(to path: String) {
        guard outputs.count < 200, path.hasPrefix("/") || FoundPrune.isDump(path),
            !Self.elsewhere.contains(where: path.hasPrefix),
            !Self.otherFiles.contains(where: path.hasSuffix)
        else { return }
        outputs.insert(path)
    }

    mutating func prune(_ found: FoundPrune) {
        var found = found
        (found.calls, found.line) = (calls.map(\.number), line)
        if found.isLeft {
            note(line, "removes old files in a way that is not followed: the schedule removes none by it")
        }
        prunes.append(found)
    }
}
