/// Gives event triggers to the owners that they had. One who is no superuser may have none, but may have been one when it was made:
/// Supabase takes that from its `postgres` when its database is set up.
package enum EventTriggerOwners {
    /// For one transaction in the database of the triggers, by a superuser: no other session sees an owner as a superuser who is
    /// none. `script` is what pg_restore prints of the triggers; those of `maker`, who has made them, are left.
    package static func statements(in script: String, maker: String) -> [String] {
        let owned = script.split(separator: "\n").compactMap { line -> String? in
            let statement = String(line)
            let owners = MentionedRoles.find(in: statement)
            guard statement.hasPrefix("ALTER EVENT TRIGGER "), let owner = owners.first, owners.count == 1,
                owner != maker
            else { return nil }
            return give(statement, to: owner)
        }
        // Two databases that are restored at once would change one role, which the server lets only one of them do.
        return owned.isEmpty ? [] : ["LOCK TABLE pg_catalog.pg_authid IN SHARE ROW EXCLUSIVE MODE"] + owned
    }

    private static func give(_ statement: String, to owner: String) -> String {
        let role = SQL.identifier(owner)
        let body = """
            BEGIN
              IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = \(SQL.literal(owner))) THEN \(statement)
              ELSE ALTER ROLE \(role) SUPERUSER; \(statement) ALTER ROLE \(role) NOSUPERUSER; END IF;
            END
            """
        return "DO \(SQL.literal(body))"
    }
}
