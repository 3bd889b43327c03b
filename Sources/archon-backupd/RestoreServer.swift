import ArgumentParser
import BackupCore
import BackupRuntime
import Foundation

struct RestoreServer: Verb {
    static let configuration = CommandConfiguration(
        commandName: "restore-server",
        abstract: "Bring a whole server back onto an empty one: roles, then every database, at one moment.",
        discussion: """
            Of each database the newest dump whose data are not later than --from is restored and compared; several at once,
            each under a temporary name until it is whole. A database that fails, or whose newest dump is damaged, stops no
            other. Ends with the code of the worst.

            EXAMPLES
              archon-backupd restore-server supabase --from latest --dry-run
              archon-backupd restore-server supabase --from 2026-11-23T02:00:00Z --onto spare --jobs 4
              archon-backupd restore-server supabase --from latest --connection 'host=/run/new user=postgres'
            """)

    @OptionGroup var config: ConfigOption
    @Argument(help: "The server of the schedule whose databases are restored.") var name: String
    @Option(help: "The moment (ISO 8601), or latest.") var from: String
    @Option(help: "Another server of the schedule to restore to.") var onto: String?
    @Option(help: "A libpq connection string of the server to restore to.") var connection: String?
    @Option(help: "Databases to leave out: a pattern with * and ?; may be given several times.") var exclude: [String] =
        []
    @Option(help: "Workers that the databases share by their size; default one for each core of the server.") var jobs:
        Int?
    @Flag(help: "Leave what is there as it is, and restore only the databases and roles that are not.") var missing =
        false
    @Flag(help: "Say what would be done and do nothing.") var dryRun = false
    @Flag(help: "Wait for jobs that another process works on.") var wait = false
    @Flag(help: "Print the outcomes as JSON.") var json = false

    func validate() throws {
        if onto != nil && connection != nil { throw ValidationError("--onto and --connection exclude each other.") }
        if let jobs, !(1...64).contains(jobs) { throw ValidationError("--jobs must be between 1 and 64.") }
    }

    func run() async throws {
        let at = try instant()
        let isExcluded = try DatabasePatterns(exclude).matcher()
        let schedule = try config.load()
        _ = try schedule.servers(named: name)
        let target = try target(schedule)
        let wanted = schedule.jobs.filter { $0.server == name && !isExcluded($0.database) }
        let locks = dryRun ? [] : try await lock(wanted, schedule.storage.root)
        let choices = try ServerDumps(at: at, root: schedule.storage.root).choose(wanted)
        guard !choices.isEmpty else {
            throw Failure(
                .failed, "there is no database of \(name) to restore", hint: "`archon-backupd list` shows the dumps.")
        }
        let restoration = ServerRestoration(onto: target, choices, onlyMissing: missing, workers: jobs) { line in
            // Whoever interrupts it knows so what is back already.
            tell("\(line.database): \(line.outcome)")
        }
        let isPlan = dryRun
        let result = try await interruptible {
            isPlan ? try await restoration.plan() : try await restoration.perform()
        }
        withExtendedLifetime(locks) {}
        try conclude(result)
    }

    private func instant() throws -> Date? {
        guard from != "latest" else { return nil }
        guard let date = Instant.parse(from) else {
            throw Failure(
                .usage, "--from \"\(from)\" is no instant", hint: "Write it like 2026-11-23T02:00:00Z, or latest.")
        }
        return date
    }

    private func target(_ schedule: Schedule) throws -> Server {
        if let connection { return Server(name: "command line", connection: try checked(connection)) }
        return try schedule.servers(named: onto ?? name)[0]
    }

    /// A password in there would be in every list of processes; and a database in there would not be used.
    private func checked(_ connection: String) throws -> String {
        let text: ConnectionText
        do throws(ConnectionText.Fault) {
            text = try ConnectionText(connection)
        } catch {
            throw Failure(
                .usage, "--connection is no connection string: \(error.what)",
                hint: "Write \"host=… port=… user=…\" or \"postgresql://user@host:port\".")
        }
        guard !text.hasPassword else {
            throw Failure(
                .usage,
                "--connection has a password in it, which everybody on this host can read in the list of processes",
                hint:
                    "Put it into ~/.pgpass or the file that PGPASSFILE names, or write the server into the schedule and use --onto."
            )
        }
        guard !text.names.contains("dbname") else {
            throw Failure(
                .usage, "--connection names a database, and a whole server is restored", hint: "Leave dbname out.")
        }
        return connection
    }

    /// Nothing is written into these folders, nor pruned from them, meanwhile; what a crash has left there is put in order.
    private func lock(_ jobs: [Job], _ root: String) async throws -> [JobLock] {
        var locks: [JobLock] = []
        for job in jobs {
            let folder = JobFolder(job: job, root: root)
            guard FileManager.default.fileExists(atPath: folder.path) else { continue }
            locks.append(
                wait ? try await JobLock.wait(job.name, root: root) : try JobLock.take(job.name, root: root))
            _ = try folder.sweep()
        }
        return locks
    }

    private func conclude(_ result: ServerRestoration.Result) throws {
        if json { try answerJSON(result) } else { answer(table(result)) }
        let failures = result.databases.compactMap(\.failure)
        guard let worst = Failure.worst(failures) else { return }
        var others = failures
        if let place = others.firstIndex(of: worst) { others.remove(at: place) }
        for failure in others { tell("archon-backupd: \(failure)") }
        throw worst
    }

    private func table(_ result: ServerRestoration.Result) -> String {
        var table = Table(
            ["DATABASE", "OUTCOME", "DUMP", "DATA OF", "ROWS", "TOOK", "ERROR"], rightAligned: [4])
        for line in result.databases {
            table.add([
                line.database, line.outcome, line.dump ?? "", line.snapshot.map(Zone.utc.wholeSeconds) ?? "",
                line.rows.map { "\($0)" } ?? "", line.seconds.map { TimeSpan.text(max(1, $0)) } ?? "",
                line.error.map { String($0.prefix { $0 != "\n" }) } ?? "",
            ])
        }
        var text = table.text
        let made = dryRun ? "roles to make" : "roles made"
        if !result.roles.isEmpty { text += "\n\(made): \(result.roles.joined(separator: ", "))" }
        for line in result.databases { for note in line.notes { text += "\nnote: \(line.database): \(note)" } }
        for note in result.notes { text += "\nnote: \(note)" }
        return text
    }
}
