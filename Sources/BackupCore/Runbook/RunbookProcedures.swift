/// What to do, server by server and database by database.
extension Runbook {
    private func call(_ verb: String, _ words: [String]) -> String {
        // A name never begins with a dash: the schedule refuses it.
        (["archon-backupd \(verb)"] + words.map(ShellCommand.word)).joined(separator: " ") + option
    }

    var whole: [RunbookBlock] {
        var blocks: [RunbookBlock] = [
            .heading(2, "A whole server"),
            .steps([
                "Install PostgreSQL, of the old major or a newer one, with the extensions that the databases have, and archon-backupd.",
                "Put \(code: config) and \(code: schedule.storage.root) back from their copies; in the schedule, write how the new server is reached.",
                "Run the commands below, in this order: the most critical databases first. Each comes under its own name, compared in everything, or not at all. They end at the first failure; to go on, leave out those that have been done.",
                "Go through the verification below, then start the applications and \(code: "systemctl start archon-backupd").",
            ]),
        ]
        for server in schedule.servers {
            let ours = databases.filter { $0.job.server == server.name }
            // Who names one job asks how that one comes back.
            guard !ours.isEmpty, ours.count == schedule.jobs.count(where: { $0.server == server.name }) else {
                continue
            }
            let chosen = chosen(ours)
            let lost = lost(of: ours, chosen)
            blocks.append(.heading(3, "Server \(code: server.name)"))
            if !lost.isEmpty {
                blocks.append(.paragraph("There is no good dump of these, and they cannot come back:"))
                blocks.append(.list(lost.map { "\(code: $0)" }))
            }
            if !chosen.isEmpty { blocks.append(.commands(commands(server, chosen, lost))) }
        }
        return blocks.count > 2 ? blocks : []
    }

    /// The databases that no job has a good dump of, each once.
    private func lost(of databases: [Database], _ chosen: [Database]) -> [String] {
        var seen = Set(chosen.map(\.job.database))
        return databases.map(\.job.database).filter { seen.insert($0).inserted }
    }

    private func commands(_ server: Server, _ chosen: [Database], _ lost: [String]) -> String {
        // These a new server has, empty: restore-server fills them.
        let usual = ["postgres", server.maintenanceDatabase]
        // restore-server ends with a failure where there is no good dump, or the newest of all is none.
        let excluded = lost + chosen.filter { $0.refused != nil }.map(\.job.database)
        let missing =
            [server.name, "--from", "latest", "--missing"]
            + excluded.flatMap { ["--exclude", DatabasePatterns.literal($0)] }
        var lines = ["(", "set -e", call("restore-server", missing + ["--dry-run"])]
        for entry in chosen {
            if !usual.contains(entry.job.database) {
                lines.append(call("restore", [entry.job.name]))
            } else if entry.refused != nil {
                lines.append(call("restore", [entry.job.name, "--replace", "--yes"]))
            }
        }
        // With nothing left for it, it would say that there is no database to restore.
        guard chosen.contains(where: { $0.refused == nil }) else {
            lines.remove(at: 2)
            return (lines + [")"]).joined(separator: "\n")
        }
        return (lines + [call("restore-server", missing), ")"]).joined(separator: "\n")
    }

    /// One job for each database that has a dump, as restore-server chooses it: a second one would restore it beside the first.
    private func chosen(_ databases: [Database]) -> [Database] {
        var best: [String: Database] = [:]
        // In the schedule's order: of two that leave something out the first counts.
        for job in schedule.jobs {
            guard let entry = databases.first(where: { $0.job.name == job.name }), entry.newest != nil else { continue }
            guard let last = best[job.database] else {
                best[job.database] = entry
                continue
            }
            if last.job.yields(last.newest?.snapshot, to: job, entry.newest?.snapshot) { best[job.database] = entry }
        }
        return databases.filter { best[$0.job.database]?.job.name == $0.job.name }
    }

    func procedure(_ entry: Database) -> [RunbookBlock] {
        let job = entry.job
        var blocks: [RunbookBlock] = [.heading(3, "\(code: job.database)")]
        guard let manifest = entry.newest, let server = schedule.server(of: job) else {
            return blocks + [
                .paragraph(
                    "There is no good dump of it. \(code: call("list", [job.name])) shows what there is; a file of another tool is read by \(code: "archon-backupd adopt")."
                )
            ]
        }
        blocks += [
            .paragraph(
                "Criticality \(job.criticality.rawValue). The newest good dump is \(code: manifest.dump), with the data of \(Self.time(manifest.snapshot)): \(Plural.rows(manifest.rows)), \(ByteSize.text(manifest.bytes))."
            )
        ]
        if let refused = entry.refused {
            blocks.append(
                .paragraph(
                    "There is a newer one, \(code: refused.dump), which is not good and is passed over: \(refused.reason)."
                ))
        }
        if job.isPartial {
            blocks.append(
                .paragraph(
                    "Its dumps leave out, on purpose: \(code: Self.omissions(job)). These do not come back from here."))
        }
        blocks += [
            .paragraph("With this program, when the database is gone:"),
            .commands(call("restore", [job.name])),
            .paragraph(
                "When it is there and spoilt, in its place; the old one is kept beside it, and the command to undo it is printed:"
            ),
            .commands(call("restore", [job.name, "--replace"])),
            .paragraph(
                "With PostgreSQL's own programs alone, pg_restore of \(manifest.pgDumpVersion) or newer, onto a server that has no such database:"
            ),
        ]
        let stock = StockRestore(manifest, server: server, folder: entry.folder)
        blocks.append(.commands(stock.commands))
        let withheld = stock.withheld
        if !withheld.isEmpty {
            blocks.append(
                .paragraph(
                    "These settings may be secrets and are not printed; the manifest beside the dump has them under properties.settings: \(code: withheld.joined(separator: ", "))"
                ))
        }
        if let aside = stock.aside {
            blocks.append(
                .paragraph(
                    "Each new server has a database of this name, which these commands set aside as \(code: aside): drop it when all is well. \(code: "archon-backupd restore-server") fills the empty one instead."
                ))
        }
        return blocks + rows(manifest)
    }

    private static let rowsShown = 20

    /// What somebody without this program compares.
    private func rows(_ manifest: Manifest) -> [RunbookBlock] {
        let largest = manifest.rows.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(Self.rowsShown)
        guard !largest.isEmpty else { return [] }
        let more = manifest.rows.count - largest.count
        return [
            .paragraph(
                "To compare, \(code: "SELECT count(*) FROM ONLY …")\(more > 0 ? "; \(more) smaller tables stand in the manifest under rows" : ""):"
            ),
            .table(["Table", "Rows"], rows: largest.map { ["\(code: $0.key)", "\($0.value)"] }),
        ]
    }

    /// What holds for the stock commands of every database.
    var beforehand: [RunbookBlock] {
        [
            .paragraph("Before the commands with PostgreSQL's own programs, which are for bash:"),
            .list([
                "\(code: "FOLDER=") says where the dump lies, and \(code: "TARGET=") how the server is reached: for other places change these lines.",
                "Whoever runs them must be able to read the dump, and be let in by the server as its superuser. Where root is not let in, as on a new Debian: \(code: "cp -a FOLDER /var/tmp/restore && chown -R postgres: /var/tmp/restore"), write \(code: "FOLDER=/var/tmp/restore"), and paste into \(code: "sudo -u postgres bash").",
                "No password is printed. Where one is asked for, \(code: "export PGPASSWORD") or a PGPASSFILE comes first; only PGPASSWORD goes into a container. The roles file gives each role the password that it had, the superuser too: give the new server's superuser its old password first.",
                "The database comes into the server's default tablespace. A tablespace that its tables lay in is made first, with \(code: "CREATE TABLESPACE"), or left out by \(code: "pg_restore --no-tablespaces").",
                "No dump knows whether a database was a template: after these commands as after \(code: "archon-backupd restore") it is none. \(code: "ALTER DATABASE NAME IS_TEMPLATE true") makes it one again.",
                "After a failure in the middle drop what there is of the database, \(code: "dropdb NAME"), and begin again; the line that sets a database aside is to be left out then.",
            ]),
        ]
    }
}
