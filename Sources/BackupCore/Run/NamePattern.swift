/// A pattern of pg_dump's `--exclude-table` and `--schema` as the regular expressions that it becomes on the server (see
/// "Patterns" in psql's manual page): `*` any characters, `?` any one, a dot between schema and name, case folded and
/// wildcards working outside double quotes only.
package struct NamePattern: Sendable, Equatable {
    /// Nil when the pattern names no schema.
    package let schema: String?
    package let name: String

    package init(_ pattern: String) {
        var parts = [""]
        var isQuoted = false
        var characters = Array(pattern)[...]
        while let character = characters.popFirst() {
            switch character {
            case "\"" where isQuoted && characters.first == "\"":
                parts[parts.count - 1] += "\""
                characters.removeFirst()
            case "\"": isQuoted.toggle()
            case "." where !isQuoted: parts.append("")
            case "*" where !isQuoted: parts[parts.count - 1] += ".*"
            case "?" where !isQuoted: parts[parts.count - 1] += "."
            case "$": parts[parts.count - 1] += "\\$"
            case _ where isQuoted && "|*+?()[]{}.^\\".contains(character): parts[parts.count - 1] += "\\\(character)"
            default: parts[parts.count - 1] += isQuoted ? String(character) : character.lowercased()
            }
        }
        name = "^(\(parts[parts.count - 1]))$"
        schema = parts.count > 1 ? "^(\(parts[parts.count - 2]))$" : nil
    }
}
