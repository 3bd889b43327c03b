/// The roles in a `pg_dumpall --globals-only` script.
package struct RoleScript: Sendable, Equatable {
    /// In the order of the script.
    package private(set) var roles: [String] = []
    private var lines: [(role: String, statement: String)] = []

    package static func == (left: RoleScript, right: RoleScript) -> Bool {
        left.roles == right.roles && left.lines.map(\.statement) == right.lines.map(\.statement)
    }

    package init(_ text: String) {
        for line in text.split(separator: "\n") {
            if line.hasPrefix("CREATE ROLE "), let role = Self.identifier(line.dropFirst(12)) {
                roles.append(role.name)
                lines.append((role.name, String(line)))
            } else if line.hasPrefix("ALTER ROLE "), let role = Self.identifier(line.dropFirst(11)) {
                lines.append((role.name, String(line)))
            } else if line.hasPrefix("GRANT "), let group = Self.identifier(line.dropFirst(6)),
                group.rest.hasPrefix(" TO "),
                let member = Self.identifier(group.rest.dropFirst(4))
            {
                lines.append((member.name, String(line)))
            }
        }
    }

    /// The statements that make those roles and what they are members of; of roles that exist nothing is touched.
    package func statements(creating missing: Set<String>) -> [String] {
        lines.filter { missing.contains($0.role) && !$0.statement.contains(" IN DATABASE ") }.map(\.statement)
    }

    private static func identifier(_ text: Substring) -> (name: String, rest: Substring)? {
        guard text.first == "\"" else {
            let name = text.prefix { $0 != " " && $0 != ";" }
            return name.isEmpty ? nil : (String(name), text.dropFirst(name.count))
        }
        var name = ""
        var rest = text.dropFirst()
        while let character = rest.popFirst() {
            if character == "\"" {
                guard rest.first == "\"" else { return (name, rest) }
                rest = rest.dropFirst()
            }
            name.append(character)
        }
        return nil
    }
}
