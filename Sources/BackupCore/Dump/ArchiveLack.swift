/// What keeps an archive of pg_dump from being a backup of its database, told by its table of contents alone: pg_dump writes
/// nowhere that it was asked for a part. `contents` are entries by type, as in a manifest.
package enum ArchiveLack {
    /// A good dump of the same database, next to the archive in time.
    package struct Neighbour: Sendable {
        package var dump: String
        package var contents: [String: [String]]

        package init(dump: String, contents: [String: [String]]) {
            self.dump = dump
            self.contents = contents
        }
    }

    /// Rows without their tables (`--data-only`), or tables without any rows (`--schema-only`): `it has the rows of 3 tables and
    /// not the tables`. Nil when they belong together.
    package static func find(in contents: [String: [String]]) -> String? {
        let data = Set(contents["TABLE DATA"] ?? [])
        let tables = contents["TABLE"] ?? []
        let missing = data.subtracting(tables + (contents["FOREIGN TABLE"] ?? []))
        // An extension makes its own tables, whose rows are in a dump all the same.
        if !missing.isEmpty, (contents["EXTENSION"] ?? []).isEmpty {
            return "it has the rows of \(Plural.of(missing.count, "table", "tables")) and not the tables"
        }
        guard data.isEmpty, !tables.isEmpty else { return nil }
        return "it has \(Plural.of(tables.count, "table", "tables")) and no rows, not even of an empty one"
    }

    /// Half or more of what the dump before it has, and the one after it has again, is missing: `it has 1 table where … has 11`.
    /// An application drops a table now and then, and hardly half of them. Without an earlier dump nothing is said: databases grow.
    package static func find(in contents: [String: [String]], before: Neighbour?, after: Neighbour?) -> String? {
        guard let before else { return nil }
        for part in parts {
            let found = part.count(contents)
            let earlier = part.count(before.contents)
            let measure = min(earlier, after.map { part.count($0.contents) } ?? earlier)
            let isLack = part.isLackingWhenFew ? found * 2 <= measure : found == 0
            guard measure > 0, isLack else { continue }
            return "it has \(Plural.of(found, part.one, part.many)) where \(before.dump) has \(earlier)"
        }
        return nil
    }

    private struct Part {
        var types: [String]
        var one: String
        var many: String
        /// Indexes come and go; all of them at once only with `--section`.
        var isLackingWhenFew: Bool

        func count(_ contents: [String: [String]]) -> Int { types.reduce(0) { $0 + (contents[$1]?.count ?? 0) } }
    }

    private static let parts = [
        Part(types: ["TABLE"], one: "table", many: "tables", isLackingWhenFew: true),
        Part(types: ["TABLE DATA"], one: "table with rows", many: "tables with rows", isLackingWhenFew: true),
        Part(
            types: ["INDEX", "CONSTRAINT", "FK CONSTRAINT"], one: "index or constraint",
            many: "indexes and constraints",
            isLackingWhenFew: false),
    ]
}
