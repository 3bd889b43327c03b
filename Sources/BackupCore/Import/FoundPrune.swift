/// What a script removes of its old dumps.
struct FoundPrune: Sendable, Hashable {
    /// `find -mtime +N`: older than N whole days.
    var days: Int?
    /// `tail -n +31`, `head -n -30`: all but so many.
    var keep: Int?
    /// Where it looks, as far as that is known.
    var place: String
    /// The functions in which it stands, the outermost first.
    var calls: [Int] = []

    /// Of `find PLACE -mtime +N … -delete`; nil when it removes nothing, or no dumps.
    static func of(find words: [ShellValue], isRemoved: Bool = false) -> FoundPrune? {
        let texts = words.map(\.shown)
        let isRemoved = isRemoved || texts.contains("-delete") || hasRemoval(texts)
        guard isRemoved, mayHaveDumps(texts) else { return nil }
        let place = texts.dropFirst().prefix { !$0.hasPrefix("-") }.joined(separator: " ")
        let name = texts.firstIndex { $0 == "-name" || $0 == "-iname" }.flatMap {
            $0 + 1 < texts.count ? texts[$0 + 1] : nil
        }
        var found = FoundPrune(place: [place, name].compactMap { $0 }.joined(separator: " "))
        for (option, dayLength) in [("-mtime", 1), ("-ctime", 1), ("-mmin", 1440)] {
            guard let at = texts.firstIndex(of: option), at + 1 < texts.count, texts[at + 1].hasPrefix("+"),
                let number = ShellReading.meant.number(String(texts[at + 1].dropFirst()))
            else { continue }
            // Older than N days is N + 1 at least.
            found.days = dayLength == 1 ? number + 1 : (number + dayLength - 1) / dayLength
        }
        return found
    }

    private static func hasRemoval(_ texts: [String]) -> Bool {
        guard let at = texts.firstIndex(where: { $0 == "-exec" || $0 == "-execdir" }), at + 1 < texts.count else {
            return false
        }
        return texts[at + 1] == "rm" || texts[at + 1].hasSuffix("/rm")
    }

    private static let endings = [
        ".dump", ".sql", ".bak", ".backup", ".pgdump", ".custom", ".psql", ".pg", ".gz", ".zst", ".xz", ".bz2",
    ]
    private static let otherEndings = [".log", ".tar", ".tgz", ".zip", ".tmp"]

    static func isDump(_ path: String) -> Bool { endings.contains(where: path.contains) }

    /// Logs and archives of folders are none. Nothing is removed by a schedule that the script may have kept.
    private static func mayHaveDumps(_ texts: [String]) -> Bool {
        let names = texts.indices.filter { texts[$0] == "-name" || texts[$0] == "-iname" }
            .compactMap { $0 + 1 < texts.count ? texts[$0 + 1].lowercased() : nil }
        return names.allSatisfy { name in
            guard !otherEndings.contains(where: name.contains) else { return false }
            return !name.contains(".") || name.contains(ShellValue.gap) || name.hasSuffix(".*")
                || endings.contains(where: name.contains)
        }
    }

    /// Of `ls -t … | tail -n +31 | xargs rm`, and of find before `xargs rm`.
    static func of(_ pipeline: [[ShellValue]]) -> FoundPrune? {
        let texts = pipeline.map { $0.map(\.shown) }
        guard let last = texts.last, texts.count > 1, last.contains(where: { $0 == "rm" || $0.hasSuffix("/rm") }) else {
            return nil
        }
        if texts[0].first == "find", texts.count == 2 || !texts.contains(where: isCounting) {
            return of(find: pipeline[0], isRemoved: true)
        }
        let place = texts[0].dropFirst().filter { !$0.hasPrefix("-") }.joined(separator: " ")
        guard !otherEndings.contains(where: place.lowercased().contains) else { return nil }
        var found = FoundPrune(place: place)
        for words in texts where found.keep == nil { found.keep = kept(by: words) }
        return found
    }

    private static func isCounting(_ words: [String]) -> Bool {
        ["tail", "head", "awk", "sed"].contains(words.first ?? "")
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
}
