/// What the comment on an archive schema says: when and from where its tables came. By it a second run knows what has been done,
/// and `--undo` where they belong.
package struct ArchiveMark: Sendable, Equatable, Codable {
    /// The job and the database that they were moved in.
    package var source: String
    package var database: String
    /// The job whose database is theirs now.
    package var target: String
    package var targetDatabase: String
    /// ISO 8601.
    package var moved: String
    /// By name the schema that each came from.
    package var tables: [String: String]
    /// Whether their rows were copied; nil in a mark of an older version.
    package var copied: Bool?

    package init(
        source: String, database: String, target: String, targetDatabase: String, moved: String,
        tables: [String: String], copied: Bool? = nil
    ) {
        self.source = source
        self.database = database
        self.target = target
        self.targetDatabase = targetDatabase
        self.moved = moved
        self.tables = tables
        self.copied = copied
    }

    package var comment: String {
        let schemas = Set(tables.values).sorted().joined(separator: ", ")
        return CommentFacts.comment(
            "Old tables of \(targetDatabase), moved here from \(schemas) of \(database) at \(moved). Nothing uses them any more.",
            json: CommentFacts.json(self))
    }

    /// Nil for a comment of somebody else's.
    package init?(comment: String?) {
        guard let mark = CommentFacts.read(ArchiveMark.self, in: comment) else { return nil }
        self = mark
    }
}
