/// Which of its dumps an old script keeps: as what it removes says, and not as a number looks.
struct OldRetention {
    struct Key: Hashable {
        var database: String
        var server: FoundServer
    }
    /// A removal, and how many functions it shares with the dump.
    private struct Candidate: Hashable {
        var prune: FoundPrune
        var depth: Int
    }
    /// What the schedule keeps; both nil is all.
    struct Kept {
        var last: Int?
        var days: Int?
        var notes: [String] = []
    }
    /// A dump that was kept for ever, and the removal that looks where it is and does not take it.
    private struct Spared {
        var path: String?
        var line: Int?
    }

    private var candidates: [Key: Set<Candidate>] = [:]
    private var numbers: [Key: Int] = [:]
    private var followed: Set<Key> = []
    private var databases: Set<String> = []
    /// Where the script writes, as far as that is known.
    private var outputs: Set<String> = []

    mutating func take(_ run: ShellRun) {
        if outputs.count < 1000 { outputs.formUnion(run.outputs) }
        for dump in run.dumps {
            let key = Key(database: dump.database, server: dump.server)
            databases.insert(dump.database)
            if dump.isFollowed { followed.insert(key) }
            if let keep = dump.keep { numbers[key] = max(keep, numbers[key] ?? 0) }
            for prune in run.prunes {
                let depth = zip(prune.calls, dump.calls).prefix { $0 == $1 }.count
                var prune = prune
                prune.calls = []
                candidates[key, default: []].insert(Candidate(prune: prune, depth: depth))
            }
        }
    }

    /// Of several removals that may be meant the one that keeps most; each by itself keeps what all of them would, and more.
    func kept(_ key: Key, root: String?, named: [String: Set<String>]) -> Kept {
        var own: [Candidate] = []
        var common: [Candidate] = []
        for candidate in candidates[key] ?? [] where candidate.prune.days != nil || candidate.prune.keep != nil {
            let named = named[candidate.prune.place] ?? []
            if named.contains(key.database) {
                own.append(candidate)
            } else if named.isEmpty, candidate.depth > 0 || isOfDumps(candidate.prune.place, root) {
                common.append(candidate)
            }
        }
        let depth = common.map(\.depth).max()
        let chosen = (own.isEmpty ? common.filter { $0.depth == depth } : own).map(\.prune)
        var kept = Kept(days: chosen.compactMap(\.days).max().map { min($0, 36_000) })
        let counts = chosen.filter { $0.keep != nil }
        if Set(counts.map(\.place)).count > 1 {
            // Seven daily and four weekly ones are no eleven.
            return Kept(notes: [
                "\(key.database) is removed by number in more than one place: all its dumps are kept, write what is to be kept"
            ])
        }
        kept.last = counts.compactMap(\.keep).max()
        if !chosen.isEmpty, let spared = self.spared(key.database, chosen) {
            let path = spared.path.map { $0.replacing(String(ShellValue.gap), with: "…") } ?? "every dump"
            let what =
                spared.line.map { "what line \($0) removes is not \(path)" } ?? "\(path) is where nothing is removed"
            return Kept(notes: ["\(what): all dumps of \(key.database) are kept, write what is to be kept"])
        }
        if chosen.isEmpty, let number = numbers[key] { tell(number, key, &kept) }
        return kept
    }

    private func tell(_ number: Int, _ key: Key, _ kept: inout Kept) {
        guard followed.contains(key) else {
            kept.last = number
            kept.notes.append(
                "\(number), the greatest number behind \(key.database), is taken for dumps to keep: for days write keepWithin"
            )
            return
        }
        kept.notes.append(
            "\(number), behind \(key.database), is not seen to remove a dump: all are kept, write what is to be kept")
    }

    private func spared(_ database: String, _ prunes: [FoundPrune]) -> Spared? {
        let dumps = outputs.filter { FoundPrune.isDump($0) }.sorted()
        let own = dumps.filter { Self.named(in: $0, databases).contains(database) }
        let paths = own.isEmpty ? dumps.filter { Self.named(in: $0, databases).isEmpty } : own
        guard !paths.isEmpty else {
            return prunes.contains { $0.isOfAll(database) } ? nil : Spared(line: prunes.map(\.line).min())
        }
        for path in paths {
            let looking = prunes.filter { $0.looks(at: path) }
            if !looking.contains(where: { $0.removes(path) }) {
                return Spared(path: path, line: looking.map(\.line).min())
            }
        }
        return nil
    }

    /// By place, the databases whose names stand in it.
    func named(_ names: Set<String>, root: String? = nil) -> [String: Set<String>] {
        var named: [String: Set<String>] = [:]
        for candidate in candidates.values.joined() where named[candidate.prune.place] == nil {
            // The folder of all may be called like one of them.
            let place = candidate.prune.place
            named[place] = Self.named(in: root.map { place.replacing($0, with: "") } ?? place, names)
        }
        return named
    }

    /// The longest names that stand in a path: n8n_db, and not n8n.
    private static func named(in place: String, _ names: Set<String>) -> Set<String> {
        let found = names.filter { place.contains($0) && isWhole($0, in: place) }
        return found.filter { name in !found.contains { $0 != name && $0.contains(name) } }
    }

    private static func isWhole(_ name: String, in place: String) -> Bool {
        place.ranges(of: name).contains { range in
            let before = range.lowerBound == place.startIndex ? nil : place[place.index(before: range.lowerBound)]
            let after = range.upperBound == place.endIndex ? nil : place[range.upperBound]
            return before?.isLetter != true && before?.isNumber != true && after?.isLetter != true
                && after?.isNumber != true
        }
    }

    /// Below or above a folder into which the script writes; what cannot be told is.
    private func isOfDumps(_ place: String, _ root: String?) -> Bool {
        let paths = place.split(separator: " ").filter { $0.hasPrefix("/") }
        guard !paths.isEmpty else { return true }
        let known = outputs.union(root.map { [$0] } ?? [])
        return paths.contains { path in
            let folder = FoundPrune.known(String(path))
            return folder == "/" ? false : known.contains { $0.hasPrefix(folder) || folder.hasPrefix($0) }
        }
    }
}
