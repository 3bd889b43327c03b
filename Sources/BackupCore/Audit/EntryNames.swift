/// Takes the entries of a manifest's contents apart: `schema name owner`, in which nothing is quoted and each may have spaces.
/// What the manifest knows better decides: the keys of its rows, which are quoted, and the roles that the database needs.
struct EntryNames {
    /// By `schema name`.
    private var tables: [Substring: DatabaseContents.Table] = [:]
    /// Those that may stand at the end of an entry.
    private var owners: Set<Substring> = []
    /// The longest first.
    private(set) var schemas: [String] = []

    init(_ manifest: Manifest) {
        for key in manifest.rows.keys {
            guard let name = TableName(key), let schema = name.schema else { continue }
            let entry = "\(TableName.listed(schema)) \(TableName.listed(name.name))"
            tables[Substring(entry)] = .init(schema: schema, name: name.name)
        }
        owners = Set(((manifest.roles ?? []) + [manifest.properties.owner]).filter { !$0.isEmpty }.map { $0[...] })
        let contents = manifest.contents ?? [:]
        if manifest.roles == nil {
            // An adopted dump's: the owners of tables with rows are what is behind their names.
            for entry in contents["TABLE DATA"] ?? [] {
                if let known = known(entry[...]) { owners.insert(known.owner) }
            }
        }
        let used = Set(tables.values.map(\.schema))
        schemas = (contents["SCHEMA"] ?? []).map { schema(in: $0, used) }.sorted { $0.count > $1.count }
    }

    func table(_ entry: String) -> DatabaseContents.Table {
        if let known = known(entry[...]) { return known.table }
        let schema =
            schemas.first { entry.hasPrefix(TableName.listed($0) + " ") } ?? String(entry.prefix { $0 != " " })
        return .init(schema: schema, name: Self.withoutOwner(entry.dropFirst(schema.count + 1), owners))
    }

    /// `- name owner`.
    private func schema(in entry: String, _ used: Set<String>) -> String {
        let rest = entry.dropFirst(2)
        if Self.owner(in: rest, owners) == nil,
            let name = used.filter({ rest.hasPrefix($0 + " ") }).max(by: { $0.count < $1.count })
        {
            return name
        }
        return Self.withoutOwner(rest, owners)
    }

    /// Of a table with rows. Where two may be meant, the one that leaves an owner behind it, then the longer one.
    private func known(_ entry: Substring) -> (table: DatabaseContents.Table, owner: Substring)? {
        var found: (table: DatabaseContents.Table, owner: Substring)?
        for place in entry.indices where entry[place] == " " {
            guard let table = tables[entry[..<place]] else { continue }
            let owner = entry[entry.index(after: place)...]
            if let found, owners.contains(found.owner), !owners.contains(owner) { continue }
            found = (table, owner)
        }
        return found
    }

    /// The longest end of `text` that is an owner.
    private static func owner(in text: Substring, _ owners: Set<Substring>) -> Substring? {
        // Something must be left for the name.
        text.indices.dropFirst().lazy.filter { text[$0] == " " }.map { text[text.index(after: $0)...] }
            .first { owners.contains($0) }
    }

    private static func withoutOwner(_ text: Substring, _ owners: Set<Substring>) -> String {
        if let owner = owner(in: text, owners) { return String(text.dropLast(owner.count + 1)) }
        return String(text.lastIndex(of: " ").map { text[..<$0] } ?? text)
    }
}
