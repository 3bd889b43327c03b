/// What an audit looks at, be it of a live database or of a dump.
package struct DatabaseContents: Sendable, Equatable {
    package struct Table: Sendable, Hashable, Comparable {
        package var schema: String
        package var name: String

        package init(schema: String, name: String) {
            self.schema = schema
            self.name = name
        }

        package static func < (left: Table, right: Table) -> Bool {
            (left.schema, left.name) < (right.schema, right.name)
        }
    }

    /// Ordinary and partitioned ones, partitions among them, but for those of extensions. Nil when some were left out on purpose.
    package var tables: [Table]?
    package var extensions: Set<String>
    /// Nil when some were left out on purpose.
    package var schemas: Set<String>?
    /// Nil when nobody knows.
    package var owner: String?

    package init(tables: [Table]?, extensions: Set<String>, schemas: Set<String>?, owner: String?) {
        self.tables = tables
        self.extensions = extensions
        self.schemas = schemas
        self.owner = owner
    }

    /// What a dump holds. Nil when its manifest does not say that: it was made by an older program.
    package init?(_ manifest: Manifest, of job: Job) {
        guard let contents = manifest.contents else { return nil }
        let schemas = (contents["SCHEMA"] ?? []).map { Self.name(in: $0, schema: "-") }
        let isPartial = !job.schemas.isEmpty || !job.excludeTables.isEmpty
        tables = isPartial ? nil : (contents["TABLE"] ?? []).map { Self.table($0, schemas: schemas) }
        // An adopted dump's manifest has none, its table of contents has.
        extensions = Set(
            manifest.extensions.map(\.name) + (contents["EXTENSION"] ?? []).map { Self.name(in: $0, schema: "-") })
        // pg_dump makes none of these: they are in each new database.
        self.schemas = job.schemas.isEmpty ? Set(schemas).union(["public"]) : nil
        owner = manifest.properties.owner.isEmpty ? nil : manifest.properties.owner
    }

    /// `public archon_settings postgres`: each part may have a space in it, the schema only when there is one of that name.
    private static func table(_ entry: String, schemas: [String]) -> Table {
        let first = String(entry.prefix { $0 != " " })
        let odd = schemas.filter { $0.contains(" ") && entry.hasPrefix($0 + " ") }.max { $0.count < $1.count }
        let schema = odd ?? first
        return Table(schema: schema, name: name(in: entry, schema: schema))
    }

    /// Between the schema and the owner.
    private static func name(in entry: String, schema: String) -> String {
        let rest = entry.dropFirst(schema.count + 1)
        return String(rest.lastIndex(of: " ").map { rest[..<$0] } ?? rest)
    }
}
