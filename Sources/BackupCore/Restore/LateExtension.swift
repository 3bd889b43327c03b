/// An extension that lives in one database of a server, by that database's name, and makes itself in no other: a restore brings it when
/// the database has its own name, and a drill, whose database never has, leaves it out.
package struct LateExtension: Sendable, Equatable {
    package let name: String
    /// Its own, in which everything of it is.
    package let schema: String
    /// The server's setting that names the database; there when the server has loaded the extension.
    package let setting: String
    /// The table, as in a COPY statement, whose rows are what a person would miss.
    package let table: String

    /// https://github.com/citusdata/pg_cron
    package static let cron = LateExtension(
        name: "pg_cron", schema: "cron", setting: "cron.database_name", table: "cron.job")

    package func isIn(_ contents: [String: [String]]) -> Bool {
        contents["EXTENSION"]?.contains { $0.hasPrefix("- \(name) ") } ?? false
    }

    /// Whether an entry of an archive's list is of it: its type and what `ArchiveFacts.contents` has of it.
    package func owns(_ entry: some StringProtocol) -> Bool {
        let own = ["EXTENSION - \(name) ", "COMMENT - EXTENSION \(name) ", "SCHEMA - \(schema) "]
        let ofSchema = ["ACL", "COMMENT", "SECURITY LABEL"].map { "\($0) - SCHEMA \(schema) " }
        return (own + ofSchema).contains(where: entry.hasPrefix)
            || Self.types.contains { entry.hasPrefix("\($0) \(schema) ") }
    }

    /// Of what stands in a schema. A type ends where its schema begins, which a name in capitals could look like.
    private static let types = [
        "ACL", "AGGREGATE", "CHECK CONSTRAINT", "COMMENT", "CONSTRAINT", "DEFAULT", "DEFAULT ACL", "DOMAIN",
        "FK CONSTRAINT", "FOREIGN TABLE", "FUNCTION", "INDEX", "INDEX ATTACH", "MATERIALIZED VIEW",
        "MATERIALIZED VIEW DATA", "POLICY", "PROCEDURE", "PUBLICATION TABLE", "ROW SECURITY", "RULE", "SECURITY LABEL",
        "SEQUENCE", "SEQUENCE OWNED BY", "SEQUENCE SET", "STATISTICS", "STATISTICS DATA", "TABLE", "TABLE ATTACH",
        "TABLE DATA", "TRIGGER", "TYPE", "VIEW",
    ]
}

extension ArchiveFacts {
    /// What is left of them without an extension, and all that is in its schema.
    package func without(_ late: LateExtension) -> ArchiveFacts {
        var rest = self
        for (type, entries) in contents {
            let others = entries.filter { !late.owns("\(type) \($0)") }
            rest.contents[type] = others.isEmpty ? nil : others
        }
        func isOther(_ name: String) -> Bool { !name.hasPrefix("\(late.schema).") }
        rest.tables = tables.filter { isOther($0.key) }
        rest.sequences = sequences.filter { isOther($0.key) }
        rest.unvalidated = unvalidated.filter(isOther)
        rest.inlineConstraints = inlineConstraints.filter(isOther)
        rest.grants = grants.filter { statement in
            !statement.contains(" IN SCHEMA \(late.schema) ")
                && aclEntries[statement].map { !late.owns("ACL \($0)") } ?? true
        }
        return rest
    }
}
