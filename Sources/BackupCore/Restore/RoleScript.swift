/// The roles in a `pg_dumpall --globals-only` script.
package struct RoleScript: Sendable {
    /// In the order of the script.
    package private(set) var roles: [String] = []
    private var definitions: [(role: String, statement: String)] = []
    private var memberships: [(role: String, statement: String)] = []

    package init(_ text: String) {
        for line in text.split(separator: "\n") {
            if line.hasPrefix("CREATE ROLE "), let role = Self.identifier(line.dropFirst(12)) {
                roles.append(role.name)
                definitions.append((role.name, String(line)))
            } else if line.hasPrefix("ALTER ROLE "), let role = Self.identifier(line.dropFirst(11)) {
                definitions.append((role.name, String(line)))
            } else if line.hasPrefix("GRANT "), let group = Self.identifier(line.dropFirst(6)),
                group.rest.hasPrefix(" TO "),
                let member = Self.identifier(group.rest.dropFirst(4))
            {
                memberships.append((member.name, Self.membership(line, member.rest)))
            }
        }
    }

    /// The statements that make those roles; of roles that exist nothing is touched.
    package func definitions(of missing: Set<String>) -> [String] {
        definitions.filter { missing.contains($0.role) && !$0.statement.contains(" IN DATABASE ") }.map(\.statement)
    }

    /// Those that make them members of others, which must be there by then. Where the server does not let the old grantor have
    /// granted that, it takes whom it takes for one itself: from 16 on only its first superuser and who has ADMIN OPTION may be named,
    /// and the old server's first superuser may have had another name.
    package func memberships(of missing: Set<String>) -> [String] {
        memberships.filter { missing.contains($0.role) }.map(\.statement)
    }

    /// `rest` is what stands behind the member: options, and then the grantor.
    private static func membership(_ line: Substring, _ rest: Substring) -> String {
        guard let grantor = rest.range(of: " GRANTED BY ") else { return String(line) }
        let plain = "\(line[..<grantor.lowerBound]);"
        return """
            DO \(SQL.literal("""
                BEGIN \(line)
                EXCEPTION WHEN insufficient_privilege OR invalid_grant_operation OR undefined_object THEN \(plain)
                END
                """))
            """
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
