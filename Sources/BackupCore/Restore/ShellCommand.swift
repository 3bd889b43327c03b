/// psql commands for a person to copy into a shell.
package enum ShellCommand {
    /// Puts `previous` back in the place of `database`, which is kept as `undone`: one transaction, as the restore was.
    package static func undo(
        database: String, previous: String, undone: String, connection: String, container: Container? = nil
    ) -> String {
        let names = "\(SQL.literal(database)), \(SQL.literal(previous))"
        return psql(
            connection, container,
            [
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN (\(names)) AND pid <> pg_backend_pid()",
                "ALTER DATABASE \(SQL.identifier(database)) RENAME TO \(SQL.identifier(undone))",
                "ALTER DATABASE \(SQL.identifier(previous)) RENAME TO \(SQL.identifier(database))",
            ], options: ["-1"])
    }

    package static func drop(database: String, connection: String, container: Container? = nil) -> String {
        psql(connection, container, ["DROP DATABASE \(SQL.identifier(database))"])
    }

    private static func psql(
        _ connection: String, _ container: Container?, _ statements: [String], options: [String] = []
    ) -> String {
        let place = container.map { ["\($0.engine.rawValue) exec -i \($0.name)"] } ?? []
        let words =
            place + ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null"] + options + [
                "-d", quoted(connection),
            ]
        return (words + statements.flatMap { ["-c", quoted($0)] }).joined(separator: " ")
    }

    private static func quoted(_ text: String) -> String { "'" + text.escaping("'", as: "'\\''") + "'" }
}
