import Foundation

/// Gives found databases the names of jobs: the database's own, made safe; where that is taken, with the server before it; and
/// where that is taken too, with a number that follows from both. So a name is the same on every machine.
package struct FoundNames {
    /// By folder: two names that a file system may take for one are one.
    private var taken: Set<String>

    /// With the names that the written jobs have, and the catalog's folder where it lies beside theirs.
    package init(written schedule: Schedule) {
        taken = Set(schedule.jobs.filter { $0.found == nil }.map { NameRule.folder(of: $0.name) })
        let root = schedule.storage.root + "/"
        if let state = schedule.storage.state, state.hasPrefix(root),
            let first = state.dropFirst(root.count).split(separator: "/").first
        {
            taken.insert(NameRule.folder(of: String(first)))
        }
    }

    /// False when somebody has it already.
    mutating func take(_ name: String) -> Bool { taken.insert(NameRule.folder(of: name)).inserted }

    /// The first free name, taken from now on.
    mutating func name(of database: String, on server: String) -> String {
        let names = Self.possible(database, on: server)
        for name in names where take(name) { return name }
        // Two with one number: they are counted.
        var count = 2
        while !take("\(names[names.count - 1])-\(count)") { count += 1 }
        return "\(names[names.count - 1])-\(count)"
    }

    /// The names that the job of a database may have, the first choice first.
    package static func possible(_ database: String, on server: String) -> [String] {
        let number = Self.number("\(server)/\(database)")
        let plain = safe(database)
        let numbered = cut(plain, to: 54) + "-" + number
        // What is not the database's own name might be that of another one.
        guard plain == database else { return [numbered] }
        let beside = "\(server)-\(plain)"
        return [plain] + (NameRule.isSafe(beside) ? [beside] : []) + [numbered]
    }

    private static func safe(_ database: String) -> String {
        guard !NameRule.isSafe(database) else { return database }
        // With = or @ a name may read like a password.
        let spared = database.unicodeScalars.map { scalar in
            "/.=@".unicodeScalars.contains(scalar) || scalar.properties.isWhitespace || NameRule.isControl(scalar)
                ? "_" : scalar
        }
        let name = cut(String(String.UnicodeScalarView(spared)), to: 54)
        return NameRule.isSafe(name) ? name : "_" + name
    }

    /// Never inside a character.
    private static func cut(_ name: String, to bytes: Int) -> String {
        var name = name
        while name.utf8.count > bytes { name.removeLast() }
        return name
    }

    /// FNV-1a: eight hexadecimal digits.
    private static func number(_ text: String) -> String {
        let hash = text.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}
