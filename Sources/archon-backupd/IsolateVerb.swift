import ArgumentParser
import BackupCore
import BackupRuntime
import Foundation

struct IsolateVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "isolate", abstract: "Move an application's tables out of a shared database.",
        discussion: """
            Prints what would be done, each step with its SQL, and what the move would cut; changes nothing without --yes. Then
            both databases are backed up, the schema file is applied to the target, rows are copied and compared, and the old
            tables go into an archive schema of the source, where --undo fetches them back from. A run that fails or is
            killed leaves both databases as they were before its step; the same command goes on. See docs/isolate.md.

            EXAMPLES
              archon-backupd isolate archon.json            what would be done
              archon-backupd isolate archon.json --yes      do it, or go on with it
              archon-backupd isolate archon.json --undo     what would be moved back
            """)

    @OptionGroup var config: ConfigOption
    @Argument(help: "The plan: a JSON file.") var plan: String
    @Flag(help: "Do it.") var yes = false
    @Flag(help: "Move the old tables back from the archive schema; the target stays as it is.") var undo = false
    @Flag(help: "Wait for a job that another process works on.") var wait = false
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let decoded = try IsolationPlanDecoder.decode(
            try bytes(of: plan, limit: IsolationPlanDecoder.sizeLimit), file: plan)
        let schedule = try config.load()
        let work = try IsolationRun(decoded, script: undo ? nil : try script(decoded), schedule: schedule) { tell($0) }
        let now = Date()
        guard yes else { return try await dryRun(work, now) }
        let report: IsolationReport
        if undo {
            report = try await interruptible { try await work.undo() }
        } else {
            let ledger = try Ledger(folder: Daemon.stateFolder(of: schedule), schedule: schedule) { tell($0.message) }
            let backUp = backUp(schedule, ledger)
            report = try await interruptible { try await work.perform(now: now, backUp: backUp) }
        }
        for note in report.notes { tell(note) }
        if json { return try answerJSON(report) }
        answer(outcome(report))
    }

    private func dryRun(_ work: IsolationRun, _ now: Date) async throws {
        let report: IsolationReport
        if undo {
            report = IsolationReport(try await work.lookBack())
        } else {
            report = IsolationReport(try await work.look(now: now))
        }
        for note in report.notes { tell(note) }
        if json { try answerJSON(report) } else { answer(IsolationText(report).text) }
        guard let first = report.refusals.first else { return }
        throw Failure(
            .failed, "the plan cannot be carried out: \(first)", hint: "Nothing was changed.",
            cause: report.refusals.count > 1
                ? report.refusals.dropFirst().map { "and \($0)" }.joined(separator: "\n") : nil)
    }

    /// As the verb `backup` does it.
    private func backUp(_ schedule: Schedule, _ ledger: Ledger) -> @Sendable (Job) async throws -> Manifest {
        let runner = JobRun(ledger: ledger, waitsForLock: wait) { event in
            switch event.kind {
            // Said by the exit, or by the steps; and before the move no database is as expected.
            case .runFailed, .runBegan, .runInterrupted, .databaseDrifted: break
            default: tell(event.message)
            }
        }
        return { job in
            guard let server = schedule.server(of: job) else {
                throw Failure(.configInvalid, "\(job.name) has no server")
            }
            let previous = await ledger.known(of: schedule, now: Date())[job.name]?.previous
            let request = RunRequest(job: job, server: server, storage: schedule.storage, previous: previous)
            switch await runner.perform(request, progress: { _ in }) {
            case .succeeded(let manifest): return manifest
            case .failed(let failure), .busy(let failure): throw failure
            case .interrupted: throw CancellationError()
            }
        }
    }

    // MARK: files

    private func script(_ decoded: IsolationPlan) throws -> SchemaScript? {
        guard let file = decoded.schemaFile else { return nil }
        let folder = (plan as NSString).deletingLastPathComponent
        let path = file.hasPrefix("/") || folder.isEmpty ? file : "\(folder)/\(file)"
        var bytes = try bytes(of: path, limit: 64 << 20)
        // psql passes over it at the beginning of a file alone.
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { bytes.removeFirst(3) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Failure(.configInvalid, "\(path) is not UTF-8", hint: "Save it as UTF-8.")
        }
        return try SchemaScript(text, file: path)
    }

    private func bytes(of path: String, limit: Int) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure(
                .configInvalid, "\(path) cannot be read",
                hint:
                    "It must be a file that the owner of the dumps can read; docs/isolate.md has a plan to begin with.")
        }
        guard data.count <= limit else {
            throw Failure(
                .configInvalid, "\(path) has \(ByteSize.text(Int64(data.count)))", hint: "Is it the right file?")
        }
        return [UInt8](data)
    }

    // MARK: answers

    private func outcome(_ report: IsolationReport) -> String {
        let place = "the schema \(report.archiveSchema) of \(report.sourceDatabase)"
        let tables = Plural.tables(report.tables.count)
        guard report.work == "isolate" else {
            return report.steps.allSatisfy { $0.sql.isEmpty }
                ? "the tables are where they were: nothing was to be done"
                : "\(tables) moved back from \(place); \(report.targetDatabase) is as it was"
        }
        guard !report.dumps.isEmpty else {
            return
                "\(tables) \(report.tables.count == 1 ? "was" : "were") in \(place) already; both databases are as expected"
        }
        let copied = report.rows.isEmpty ? "" : ", \(Plural.rows(report.rows)) copied and equal"
        return """
            \(tables) moved into \(place)\(copied); both databases are as expected
            dumps of before: \(report.dumps.joined(separator: ", "))
            for dumps of now: archon-backupd backup\(config.repeated) \(ShellCommand.word(report.source)) \(ShellCommand.word(report.target))
            to move them back: archon-backupd isolate\(config.repeated) \(ShellCommand.word(plan)) --undo --yes
            when they are no longer needed: \(report.drop.joined(separator: "; "))
            """
    }
}
