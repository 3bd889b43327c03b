/// Something that the place of a restore lacks, told from what PostgreSQL's programs say in English: no fault of the dump.
package struct RestoreLack: Sendable, Equatable {
    package let what: String
    package let hint: String

    /// The first that `errors` speaks of; nil when it is about something else. What is quoted of the dump, its rows and commands,
    /// is no sign of anything.
    package static func find(in errors: String) -> RestoreLack? {
        let said = words(of: errors)
        return signs.first { sign, _ in said.contains(sign) }?.lack
    }

    /// Without the fields of a message that quote what was restored, and the lines that go on with them.
    private static func words(of errors: String) -> String {
        var isQuoted = false
        return errors.split(separator: "\n").filter { line in
            if quotes.contains(where: line.hasPrefix) {
                isQuoted = true
            } else if ["pg_restore: ", "HINT: ", "DETAIL: "].contains(where: line.hasPrefix) {
                isQuoted = false
            }
            return !isQuoted
        }.joined(separator: "\n")
    }

    private static let quotes = [
        "CONTEXT: ", "STATEMENT: ", "LINE ", "Command was: ", "DETAIL:  Key (", "DETAIL:  Failing row",
    ]

    private static let room = RestoreLack(
        what: "there is no room left", hint: "Free some room where the server keeps its data.")
    private static let disk = RestoreLack(
        what: "the server's disk did not take what it wrote",
        hint: "Look at the server's log, and at the kernel's with `journalctl -k`.")
    private static let gone = RestoreLack(
        what: "the connection to the server was lost", hint: "Look at the server's log.")
    private static let memory = RestoreLack(
        what: "there was too little memory",
        hint: "Lower \"workers\" of the job, or the server's maintenance_work_mem, or add memory.")
    private static let program = RestoreLack(
        what: "an extension's files are missing", hint: "Install the extension on the server's host.")
    private static let signs: [(sign: String, lack: RestoreLack)] = [
        ("No space left on device", room), ("Disk quota exceeded", room),
        // A page of which half had room: a server up to 15 at least then has no error of the system to tell (md.c).
        (": wrote only ", room), ("could not extend file", disk),
        ("could not open extension control file", program), ("extension control file", program),
        ("could not access file \"$libdir", program), ("could not load library", program),
        (
            "shared_preload_libraries",
            RestoreLack(
                what: "an extension must be loaded when the server starts",
                hint: "Drill on a server that has it in shared_preload_libraries.")
        ),
        (
            "security label provider \"",
            RestoreLack(
                what: "a provider of security labels is not loaded",
                hint: "Restore on a server that has it in shared_preload_libraries.")
        ),
        (
            "could not create locale",
            RestoreLack(what: "a collation's locale is missing", hint: "Install the locale on the server's host.")
        ),
        (
            "tablespace \"",
            RestoreLack(what: "a tablespace is missing", hint: "Make the tablespace on the server first.")
        ),
        ("connection to server", gone), ("server closed the connection", gone), ("terminating connection", gone),
        ("in recovery mode", gone), ("shutting down", gone),
        ("out of memory", memory), ("Cannot allocate memory", memory),
        (
            "Too many open files",
            RestoreLack(
                what: "the system's open files were used up", hint: "Raise fs.file-max, or the service's LimitNOFILE.")
        ),
        (
            "out of shared memory",
            RestoreLack(what: "the server has too few locks", hint: "Raise its max_locks_per_transaction.")
        ),
    ]
}
