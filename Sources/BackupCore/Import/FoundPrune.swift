/// What a script removes of its old dumps.
struct FoundPrune: Sendable, Hashable {
    /// `find -mtime +N`: older than N whole days.
    var days: Int?
    /// `tail -n +31`, `head -n -30`: all but so many.
    var keep: Int?
    /// Where it looks and for which names, as far as that is known.
    var place: String
    var folders: [String] = []
    /// Patterns of which a file's name has one; none is any name.
    var names: [String] = []
    /// How deep below its folders it looks; nil is all the way.
    var maxDepth: Int?
    var line = 0
    /// The functions in which it stands, the outermost first.
    var calls: [Int] = []

    /// Nothing is made of it.
    var isLeft: Bool { days == nil && keep == nil }

    /// Of `find PLACE -mtime +N … -delete`; nil when it removes nothing, or no dumps.
    static func of(find words: [ShellValue]) -> FoundPrune? {
        let find = FindExpression(words.map(\.shown))
        return find.removes ? of(find) : nil
    }

    private static func of(_ find: FindExpression) -> FoundPrune? {
        guard find.names.isEmpty || find.names.contains(where: mayBeDump) else { return nil }
        var found = FoundPrune(place: (find.places + find.names.prefix(1)).joined(separator: " "))
        (found.folders, found.names, found.maxDepth) = (find.places, find.names, find.maxDepth)
        if isWhole(find) { found.days = find.days }
        return found
    }

    /// It removes all files of its names, and those are the names of dumps that were made.
    private static func isWhole(_ find: FindExpression) -> Bool {
        find.isFollowed && find.names.allSatisfy(endsAsDump)
    }

    private static let endings = [
        ".dump", ".sql", ".bak", ".backup", ".pgdump", ".custom", ".psql", ".pg", ".gz", ".zst", ".xz", ".bz2", ".lz4",
        ".gpg", ".age", ".enc",
    ]
    private static let otherEndings = [".log", ".tar", ".tgz", ".zip", ".tmp"]

    static func isDump(_ path: String) -> Bool {
        let name = String(path.split(separator: "/").last ?? "")
        return endings.contains(where: name.contains) && endsAsDump(path)
    }

    /// `x.dump.partial` is what a run that failed has left.
    private static func endsAsDump(_ path: String) -> Bool {
        let name = (path.split(separator: "/").last ?? "").lowercased()
        guard name.contains("."), let last = name.last, !"*?]".contains(last), last != ShellValue.gap else {
            return true
        }
        return endings.contains(where: name.hasSuffix)
    }

    /// Logs and archives of folders are none. Nothing is removed by a schedule that the script may have kept.
    private static func mayBeDump(_ name: String) -> Bool {
        let name = name.lowercased()
        guard !otherEndings.contains(where: name.contains) else { return false }
        return !name.contains(".") || name.contains(ShellValue.gap) || name.hasSuffix(".*")
            || endings.contains(where: name.contains)
    }

    /// Of `ls -t … | tail -n +31 | xargs rm`, and of find before `xargs rm`.
    static func of(_ pipeline: [[ShellValue]]) -> FoundPrune? {
        let texts = pipeline.map { $0.map(\.shown) }
        guard let last = texts.last, texts.count > 1, last.contains(where: { $0 == "rm" || $0.hasSuffix("/rm") }) else {
            return nil
        }
        guard var found = files(texts[0]) else { return nil }
        if texts[0].first == "find", !isWhole(FindExpression(texts[0])) { return found }
        for words in texts.dropFirst() where found.keep == nil { found.keep = kept(by: words) }
        let isCounted = texts.contains { ["tail", "head", "awk", "sed"].contains($0.first ?? "") }
        let isFiltered = !texts.dropFirst().dropLast().allSatisfy(passesAll)
        if isFiltered || isCounted && found.keep == nil { (found.days, found.keep) = (nil, nil) }
        return found
    }

    /// Which files the first command of a pipeline lists.
    private static func files(_ words: [String]) -> FoundPrune? {
        if words.first == "find" { return of(FindExpression(words)) }
        let paths = words.dropFirst().filter { !$0.hasPrefix("-") }
        let place = paths.joined(separator: " ")
        guard !otherEndings.contains(where: place.lowercased().contains) else { return nil }
        var found = FoundPrune(place: place, folders: paths)
        let names = paths.map { String($0.split(separator: "/").last ?? "") }
        if names.allSatisfy({ !ShellPattern.isPlain($0) }) { found.names = names }
        return found
    }

    /// `grep -v` and the like keep some files back, of which a number does not tell.
    private static func passesAll(_ words: [String]) -> Bool {
        switch words.first {
        case "sort", "tail", "head", "cut", "tr", "tac": true
        case "awk": kept(by: words) != nil || words.last?.filter { $0 != " " }.hasPrefix("{print") == true
        case "sed": kept(by: words) != nil || words.last?.hasPrefix("s") == true
        case "xargs": words.contains("ls")
        case _: false
        }
    }

    private static func kept(by words: [String]) -> Int? {
        guard let name = words.first, let last = words.last else { return nil }
        switch name {
        case "tail":
            guard last.contains("+"), let count = Int(last.replacing("-n", with: "")), count > 1 else { return nil }
            return count - 1
        case "head":
            guard let count = Int(last.hasPrefix("-n") ? String(last.dropFirst(2)) : last), count < 0, count > -100_000
            else {
                return nil
            }
            return -count
        case "sed":
            guard last.hasPrefix("1,"), last.hasSuffix("d") else { return nil }
            return Int(last.dropFirst(2).dropLast())
        case "awk":
            let bare = last.filter { $0 != " " }
            return bare.hasPrefix("NR>") ? Int(bare.dropFirst(3)) : nil
        case _: return nil
        }
    }

    // MARK: which dumps it removes

    /// It looks into the folder of this file, as far as that is known.
    func looks(at path: String) -> Bool {
        let folders = self.folders.filter { $0.hasPrefix("/") || $0.first == ShellValue.gap }
        guard path.hasPrefix("/"), !folders.isEmpty else { return true }
        return folders.contains { path.hasPrefix(Self.known($0)) || Self.known(path).hasPrefix($0) }
    }

    /// Of the files there it removes one of this name, whatever stands where its name is not known.
    func removes(_ path: String) -> Bool {
        let name = String(path.split(separator: "/").last ?? "")
        guard names.isEmpty || names.contains(where: { Self.surely(name, matches: $0) }) else { return false }
        guard let maxDepth, path.hasPrefix("/") else { return true }
        let folders = self.folders.filter { $0.hasPrefix("/") && Self.known($0) == $0 && path.hasPrefix($0) }
        return folders.isEmpty
            || folders.contains { path.dropFirst($0.count).split(separator: "/").count <= maxDepth }
    }

    /// Where the dumps' names are not known: one like `app_*.dump`, which keeps no days of a month back.
    func isOfAll(_ database: String) -> Bool {
        names.isEmpty
            || names.contains { name in
                let pieces = name.split(separator: "*", omittingEmptySubsequences: false)
                let inner = pieces.dropFirst().dropLast().allSatisfy { $0.isEmpty || $0.contains(database) }
                let last = pieces.count > 1 ? pieces[pieces.count - 1] : ""
                return inner && (last.isEmpty || last.hasPrefix(".")) && !name.contains { "?[".contains($0) }
            }
    }

    private static func surely(_ name: String, matches pattern: String) -> Bool {
        ["", "0", "x", "_0-x_"].allSatisfy {
            ShellPattern.matches(name.replacing(String(ShellValue.gap), with: $0), pattern)
        }
    }

    /// Before what stands for more than itself.
    static func known(_ path: String) -> String { String(path.prefix { !"*?[{\(ShellValue.gap)".contains($0) }) }
}
