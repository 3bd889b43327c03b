/// The roles of a whole server, from the scripts that lie beside the dumps of its databases.
package struct ServerRoles: Sendable {
    /// A script, and the roles that its dump needs; nil when that is not known.
    package struct Source: Sendable {
        package var script: RoleScript
        package var needed: Set<String>?

        package init(script: RoleScript, needed: Set<String>?) {
            self.script = script
            self.needed = needed
        }
    }

    package private(set) var roles: [String] = []
    private var groups: [(script: RoleScript, roles: Set<String>)] = []

    /// The newest script first: all of its roles, as it has them. Of each older one, those that its dump needs and that no newer
    /// one has: others were dropped in between.
    package init(_ newestFirst: [Source]) {
        var taken: Set<String> = []
        for (index, source) in newestFirst.enumerated() {
            let new = source.script.roles.filter { role in
                !role.hasPrefix("pg_") && !taken.contains(role)
                    && (index == 0 || source.needed?.contains(role) ?? true)
            }
            taken.formUnion(new)
            roles += new
            groups.append((source.script, Set(new)))
        }
    }

    /// What makes those of them that are not left as they are; memberships last, for they need both sides.
    package func statements(leaving present: Set<String>) -> [String] {
        groups.flatMap { $0.script.definitions(of: $0.roles.subtracting(present)) }
            + groups.flatMap { $0.script.memberships(of: $0.roles.subtracting(present)) }
    }
}
