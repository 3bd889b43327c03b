/// How an old script reaches the server of a dump.
struct FoundServer: Sendable, Hashable {
    var container: String?
    var engine = "docker"
    var user: String?
    var host: String?
    var port: String?

    static let local = FoundServer()
}

/// One database that a script dumps.
struct FoundDump: Sendable, Hashable {
    var database: String
    var server: FoundServer
    /// How many dumps of it are kept, where the call says so.
    var keep: Int?
    /// Of the call in the script's outermost lines.
    var line: Int
    /// It hangs on something that is not known here.
    var isDoubtful: Bool

    /// `backup_database "postgres" 30`: the first whole number behind the database.
    static func keepCount(in words: ArraySlice<ShellValue>) -> Int? {
        words.lazy.compactMap { $0.text.flatMap { ShellReading.meant.number($0) } }.first { (1...100_000).contains($0) }
    }
}

/// What a script removes of its old dumps.
struct FoundPrune: Sendable, Hashable {
    /// `find -mtime +N`: older than N whole days.
    var days: Int?
    /// `tail -n +31`, `head -n -30`: all but so many.
    var keep: Int?
    /// The line of the call in which it stands; nil for the script itself.
    var scope: Int?

    /// Of `ls -t … | tail -n +31 | xargs rm`.
    static func kept(by pipeline: [[String]]) -> Int? {
        guard pipeline.contains(where: { $0.contains("rm") }) else { return nil }
        for words in pipeline {
            guard let count = words.last.flatMap({ Int($0.replacing("-n", with: "")) }) else { continue }
            if words.first == "tail", words.last?.contains("+") == true, count > 1 { return count - 1 }
            if words.first == "head", count < 0 { return -count }
        }
        return nil
    }
}
