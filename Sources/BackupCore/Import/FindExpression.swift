/// What a `find` asks of the files that it removes. Names, `-type f`, ages and depths are followed; any other test leaves files that
/// an age does not tell of, so that nothing is made of it.
struct FindExpression {
    private(set) var places: [String]
    /// Of which a file has one; none is any name.
    private(set) var names: [String] = []
    /// So many days are kept at least.
    private(set) var days: Int?
    private(set) var maxDepth: Int?
    private(set) var removes = false
    private(set) var isFollowed = true

    init(_ words: [String]) {
        var rest = words.dropFirst().drop { ["-H", "-L", "-P"].contains($0) }
        places = Array(rest.prefix { !$0.hasPrefix("-") && !["(", ")", "!"].contains($0) })
        rest = rest.dropFirst(places.count)
        // `find "$DIR" $OPTIONS`: what is not known may be a test.
        isFollowed = !places.dropFirst().contains { $0.first == ShellValue.gap }
        while let word = rest.popFirst() { take(word, &rest) }
    }

    private mutating func take(_ word: String, _ rest: inout ArraySlice<String>) {
        switch word {
        case "-delete": removes = true
        case "-exec", "-execdir": execute(&rest)
        case "-print", "-print0", "-a", "-and", "-daystart", "-depth", "-xdev", "-mount", "-follow", "-noleaf",
            "-nowarn", "-ignore_readdir_race":
            break
        case "-printf": rest.removeFirst(min(1, rest.count))
        case _:
            let isKnown = test(word, &rest)
            // A test behind the removal keeps nothing back.
            isFollowed = isFollowed && isKnown && !removes
        }
    }

    /// False for a test that is not followed.
    private mutating func test(_ word: String, _ rest: inout ArraySlice<String>) -> Bool {
        switch word {
        case "-name", "-iname":
            let isFirst = names.isEmpty
            names.append(rest.popFirst() ?? "")
            return isFirst
        case "(": return alternatives(&rest)
        case "!", "-not":
            if rest.first == "-name" || rest.first == "-iname" { rest.removeFirst(min(2, rest.count)) }
            return false
        case "-type": return rest.popFirst() == "f"
        case "-mtime", "-ctime": return age(rest.popFirst(), unitsPerDay: 1)
        case "-mmin", "-cmin": return age(rest.popFirst(), unitsPerDay: 1440)
        case "-maxdepth":
            maxDepth = rest.popFirst().flatMap { Int($0) }
            return maxDepth.map { $0 > 0 } ?? false
        case "-mindepth": return rest.popFirst() == "1"
        case _: return false
        }
    }

    /// `( -name A -o -name B )`, behind the first of them.
    private mutating func alternatives(_ rest: inout ArraySlice<String>) -> Bool {
        guard names.isEmpty else { return false }
        repeat {
            guard let test = rest.popFirst(), test == "-name" || test == "-iname", let name = rest.popFirst() else {
                return false
            }
            names.append(name)
            guard let sign = rest.popFirst() else { return false }
            if sign == ")" { return true }
            guard sign == "-o" || sign == "-or" else { return false }
        } while !rest.isEmpty
        return false
    }

    /// Older than N days is N + 1 at least.
    private mutating func age(_ text: String?, unitsPerDay: Int) -> Bool {
        guard let text, text.hasPrefix("+"), let number = ShellReading.meant.number(String(text.dropFirst())) else {
            return false
        }
        days = max(days ?? 0, unitsPerDay == 1 ? number + 1 : (number + unitsPerDay - 1) / unitsPerDay)
        return true
    }

    private mutating func execute(_ rest: inout ArraySlice<String>) {
        let program = rest.first ?? ""
        if program == "rm" || program.hasSuffix("/rm") { removes = true } else { isFollowed = false }
        while let word = rest.popFirst(), word != ";", word != "+" {}
    }
}
