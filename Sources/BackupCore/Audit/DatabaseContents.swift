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
    /// On which a dump is silent though they may be there: the system's own, and those of extensions. Nil when nobody knows which.
    package var undumpedSchemas: Set<String>? = []
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
        let names = EntryNames(manifest)
        let isPartial = !job.schemas.isEmpty || !job.excludeTables.isEmpty
        tables = isPartial ? nil : (contents["TABLE"] ?? []).map(names.table)
        // An adopted dump's manifest has none, its table of contents has.
        let listed = (contents["EXTENSION"] ?? []).map { String($0.dropFirst(2).prefix { $0 != " " }) }
        extensions = Set(manifest.extensions.map(\.name) + listed)
        // pg_dump makes none of these: they are in each new database.
        schemas = job.schemas.isEmpty ? Set(names.schemas).union(["public"]) : nil
        let known = manifest.extensions.filter { $0.schemas != nil }
        // plpgsql, which every database has, has no schema of its own.
        let unknown = extensions.subtracting(known.map(\.name)).subtracting(["plpgsql"])
        undumpedSchemas =
            unknown.isEmpty
            ? Set(known.flatMap { $0.schemas ?? [] } + ["pg_catalog", "pg_toast", "information_schema"]) : nil
        owner = manifest.properties.owner.isEmpty ? nil : manifest.properties.owner
    }
}
