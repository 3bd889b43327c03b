/// What may go wrong on that day, how to see that it went well, and the way back.
extension Runbook {
    /// A message of this program, what it means, and what to do; `…` stands for what differs.
    private static let failures: [(message: String, meaning: RunbookText, cure: RunbookText)] = [
        (
            "no connection to database … (…): …", "The server is down, or elsewhere than the schedule says (69).",
            "Start it, or correct \(code: "connection"); \(code: "archon-backupd check --connect") tries again."
        ),
        (
            "the container … does not run (…)", "The container of the server is stopped or paused (69).",
            "Start it: \(code: "docker start NAME")."
        ),
        (
            "there is no pg_restore on this host", "PostgreSQL's client programs are missing (69).",
            "Install postgresql-client, of the server's major or a newer one."
        ),
        (
            "the server lacks extensions that the dump needs: …", "Their files are not on the new server's host (69).",
            "Install them there, as postgresql-15-pgvector for \(code: "vector"), or take the image that has them."
        ),
        (
            "the server lacks roles that the dump needs: …",
            "The dump was adopted, and came without the roles that own or were granted something (69).",
            "Make them with the statements that are printed: \(code: "CREATE ROLE NAME"), with LOGIN and a password where you know that."
        ),
        (
            "the server cannot make a database with the dump's locale: …",
            "The new server's host has not the old one's locales (69).",
            "Install locales-all there, and restart the server."
        ),
        (
            "the database … does not exist", "It is gone, or the server is a new one (69). A backup of it says so too.",
            "Restore it, without \(code: "--replace")."
        ),
        (
            "there is no database … to replace", "\(code: "--replace") has nothing to replace (1).",
            "Leave \(code: "--replace") out."
        ),
        (
            "the database … exists already", "The name after \(code: "--into") is taken (1).",
            "Take another name, or \(code: "--replace")."
        ),
        (
            "the server … is not empty: it has …", "restore-server fills an empty server only; nothing was done (1).",
            "Add \(code: "--missing"): what is there stays as it is."
        ),
        (
            "another process works on …", "The daemon dumps, checks or drills that job at the moment (75).",
            "Add \(code: "--wait"), or stop the daemon: \(code: "systemctl stop archon-backupd")."
        ),
        (
            "… is damaged: …", "The archive is not what its manifest says (65).",
            "Take an older dump: \(code: "archon-backupd list JOB"), then \(code: "archon-backupd restore JOB --dump NAME")."
        ),
        (
            "the restored database does not match the dump: …",
            "What was restored is not what was dumped (65); nothing was replaced.",
            "Keep the dump, restore an older one, and find out why."
        ),
        (
            "the catalog in … cannot be used: …", "The memory of runs is lost (74); no dump is.",
            "\(code: "archon-backupd rebuild-catalog") makes it anew from the dumps."
        ),
    ]

    /// Of PostgreSQL's own programs.
    private static let ofStock: [(message: String, meaning: RunbookText, cure: RunbookText)] = [
        (
            "… is not what was proven: its SHA-256 is another",
            "The file was damaged or changed since, or cannot be read there; nothing was made.",
            "Fetch it from another copy, or take an older dump: write its name in the place of this one, and the sums that its manifest (.json) has under sha256."
        ),
        (
            "role \"…\" does not exist",
            "The roles file was left out, or could not be run to its end; an adopted dump has none.",
            "Run the line with the roles file again, and read what it says; or \(code: "CREATE ROLE NAME")."
        ),
        (
            "extension \"…\" is not available", "Its files are not on the new server's host.",
            "Install them there, as postgresql-15-pgvector for \(code: "vector")."
        ),
        (
            "database \"…\" already exists", "It is there, or an attempt before has made it.",
            "Look into it; when it is nobody's, \(code: "dropdb NAME"), and begin again."
        ),
        (
            "database \"…\" is being accessed by other users",
            "Somebody is connected to what is to be set aside or dropped.",
            "Stop the applications, and begin again."
        ),
        (
            "unsupported version (…) in file header", "pg_restore is older than the pg_dump that wrote the archive.",
            "Install postgresql-client of the version that is named with the commands, or a newer one."
        ),
        (
            "invalid value for parameter \"default_tablespace\"", "The new server lacks a tablespace of the old one.",
            "Make it, or give pg_restore \(code: "--no-tablespaces"); archon-backupd does that by itself."
        ),
    ]

    /// The messages that are told of: each is one of the program's.
    package static var messages: [String] { failures.map(\.message) }

    var trouble: [RunbookBlock] {
        [
            .heading(2, "Failures, and what they look like"),
            .paragraph("In brackets stands the exit code."),
            .table(
                ["Message", "What it means", "What to do"],
                rows: (Self.failures + Self.ofStock).map { ["\(code: $0.message)", $0.meaning, $0.cure] }),
            .heading(2, "Verification"),
            .list([
                "\(code: "archon-backupd show JOB DUMP\(option)") prints the rows of each table in the dump; a restore by this program has compared all of them.",
                "\(code: "archon-backupd audit\(option)"): databases hold what the schedule expects of them.",
                "\(code: "archon-backupd check --connect\(option)"): the schedule, the storage and each server are in place.",
                "Each application logs in with its own role, reads, and writes.",
                "\(code: "archon-backupd backup --all\(option)"): a new dump of each, and \(code: "archon-backupd status\(option)") is calm.",
            ]),
        ] + rollback
    }

    private var rollback: [RunbookBlock] {
        var blocks: [RunbookBlock] = [
            .heading(2, "Rollback"),
            .paragraph(
                "A restore with \(code: "--replace") keeps what it replaced as NAME_before_TIME and prints the command that puts it back. Where that is lost, write the two names into these lines; the first psql lists what was kept. It is one transaction: done, or as it was. A client that comes back at once may be in its way: stop it, and try again."
            ),
        ]
        for server in schedule.servers where databases.contains(where: { $0.job.server == server.name }) {
            blocks.append(.heading(3, "On server \(code: server.name)"))
            blocks.append(.commands(Self.rollback(StockTarget(server))))
        }
        blocks.append(
            .paragraph(
                "What was restored is called NAME_undone_TIME then, which is printed; a long name is cut. When all is well, drop what is not needed; until then it takes its room. A restore under a new name is undone by dropping that database."
            ))
        return blocks
    }

    private static func rollback(_ target: StockTarget) -> String {
        let lines =
            ["(", "set -e"] + target.lines + [
                "export PGDATABASE=template1 PGCLIENTENCODING=UTF8",
                "\(target.run)psql -X -d \"$TARGET\" -Atc \"SELECT datname FROM pg_database WHERE datname ~ '_before_[0-9]{8}T[0-9]{6}Z$'\"",
                "NAME=archon_db BEFORE=archon_db_before_TIME",
                "\(target.feed)psql -X -q -1 -o /dev/null -v ON_ERROR_STOP=1 -v name=\"$NAME\" -v before=\"$BEFORE\" -d \"$TARGET\" <<'SQL'",
                // A name has 63 bytes, and none is cut inside a character.
                "SELECT left(:'name', n) || to_char(now() AT TIME ZONE 'UTC', '\"_undone_\"YYYYMMDD\"T\"HH24MISS\"Z\"') AS undone FROM generate_series(0, 63) n WHERE octet_length(left(:'name', n)) <= 39 ORDER BY n DESC LIMIT 1 \\gset",
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN (:'name', :'before') AND pid <> pg_backend_pid();",
                "ALTER DATABASE :\"name\" RENAME TO :\"undone\";", "ALTER DATABASE :\"before\" RENAME TO :\"name\";",
                "\\echo what was restored is called :undone now", "SQL", ")",
            ]
        return lines.joined(separator: "\n")
    }
}
