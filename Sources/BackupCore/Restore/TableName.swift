/// A table as a person names it: `archon_settings`, `public.archon_settings`, `"Odd schema"."Odd table"`. What is not in double
/// quotes is folded to lower case, as in SQL.
package struct TableName: Sendable, Hashable, CustomStringConvertible {
    /// Nil when none was named.
    package let schema: String?
    package let name: String

    package init(schema: String?, name: String) {
        self.schema = schema
        self.name = name
    }

    /// Nil when `text` is no name: a quote is not closed, a part is empty, or there are more than two.
    package init?(_ text: String) {
        var parts = [""]
        var isQuoted = false
        var characters = Array(text)[...]
        while let character = characters.popFirst() {
            switch character {
            case "\"" where isQuoted && characters.first == "\"":
                parts[parts.count - 1] += "\""
                characters.removeFirst()
            case "\"": isQuoted.toggle()
            case "." where !isQuoted: parts.append("")
            default: parts[parts.count - 1] += isQuoted ? String(character) : character.lowercased()
            }
        }
        guard !isQuoted, parts.count <= 2, parts.allSatisfy({ !$0.isEmpty }) else { return nil }
        self.init(schema: parts.count == 2 ? parts[0] : nil, name: parts[parts.count - 1])
    }

    /// Quoted where two names might be taken for one.
    package var description: String { [schema, name].compactMap(\.self).joined(separator: ".") }

    /// Whether an entry of a table of contents, `schema name owner`, may be this table. The list puts no quotes around names.
    package func matches(entry: String) -> Bool {
        let wanted = Self.listed(name) + " "
        if let schema { return entry.hasPrefix("\(Self.listed(schema)) \(wanted)") }
        // A schema's name may have spaces.
        return entry.indices.contains { entry[$0] == " " && entry[entry.index(after: $0)...].hasPrefix(wanted) }
    }

    /// A name as pg_restore's list writes it.
    package static func listed(_ name: String) -> String { name.replacing("\n", with: " ").replacing("\r", with: " ") }
}
