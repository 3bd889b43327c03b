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

    /// One word of a bash command line, on one line whatever is in it.
    package static func word(_ text: String) -> String {
        let plain = text.utf8.allSatisfy { byte in
            let letter = byte | 0x20
            return (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(letter)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "_-./:=@%+,".utf8.contains(byte)
        }
        if plain, !text.isEmpty { return text }
        guard text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) else { return quoted(text) }
        var word = "$'"
        for scalar in text.unicodeScalars {
            switch scalar {
            case "'", "\\": word += "\\\(scalar)"
            case _ where scalar.value < 0x20 || scalar.value == 0x7f:
                let digits = String(scalar.value, radix: 8)
                word += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
            default: word.unicodeScalars.append(scalar)
            }
        }
        return word + "'"
    }

    private static func quoted(_ text: String) -> String { "'" + text.escaping("'", as: "'\\''") + "'" }
}
