/// psql commands for a person to copy into a shell.
package enum ShellCommand {
    /// Puts `previous` back in the place of `database`, which is kept as `undone`: one transaction, as the restore was.
    package static func undo(database: String, previous: String, undone: String, connection: String) -> String {
        let names = "\(SQL.literal(database)), \(SQL.literal(previous))"
        return psql(
            connection,
            [
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN (\(names)) AND pid <> pg_backend_pid()",
                "ALTER DATABASE \(SQL.identifier(database)) RENAME TO \(SQL.identifier(undone))",
                "ALTER DATABASE \(SQL.identifier(previous)) RENAME TO \(SQL.identifier(database))",
            ], options: ["-1"])
    }

    package static func drop(database: String, connection: String) -> String {
        psql(connection, ["DROP DATABASE \(SQL.identifier(database))"])
    }

    private static func psql(_ connection: String, _ statements: [String], options: [String] = []) -> String {
        let words =
            ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null"] + options + ["-d", quoted(connection)]
        return (words + statements.flatMap { ["-c", quoted($0)] }).joined(separator: " ")
    }

    private static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "'\\''") + "'" }
}
