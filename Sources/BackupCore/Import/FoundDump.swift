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
    /// The number behind the database's name, where it is called with one.
    var keep: Int?
    /// Of the call that names the database.
    var line: Int
    /// It hangs on something that is not known here.
    var isDoubtful: Bool
    /// Its pg_dump was seen, and so is what the script removes.
    var isFollowed = false
    /// The functions in which it is made, the outermost first.
    var calls: [Int] = []

    /// `backup_database "postgres" 30`: the greatest whole number behind the database, so that no fewer are kept than it means.
    static func keepCount(in words: ArraySlice<ShellValue>) -> Int? {
        words.compactMap { $0.text.flatMap { ShellReading.meant.number($0) } }.filter { (1...100_000).contains($0) }
            .max()
    }
}
