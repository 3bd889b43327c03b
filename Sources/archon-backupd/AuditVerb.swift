import ArgumentParser
import BackupCore
import BackupRuntime

struct AuditVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Hold databases and their newest dumps to what the schedule expects of them.",
        discussion: """
            A job says in "expect" how many tables of a name there are, which extensions and schemas, and whose the database
            is. Ends with 0 when all is as expected, 1 for a difference, also when something else could not be looked at, and
            with 69 when a server does not answer and no difference was found.

            EXAMPLES
              archon-backupd audit                     all jobs that expect something
              archon-backupd audit archon_db postgres
              archon-backupd audit --json
            """)

    @OptionGroup var config: ConfigOption
    @Argument(help: "The jobs; all that expect something when none is named.") var jobs: [String] = []
    @Flag(help: "Print JSON.") var json = false

    private struct Answer: Encodable {
        var job: String
        var database: String
        /// `live`, or the name of the dump; `dump` for one that could not be looked at.
        var place: String
        /// Nil when it could not be looked at, or there is nothing to look at.
        var met: Bool?
        var error: String?
        /// Why nothing can be said of it, where nothing went wrong.
        var note: String?
        var lines: [Audit.Line] = []
    }

    func run() async throws {
        let schedule = try config.load()
        let chosen = try chosen(schedule)
        // Live databases are looked at all the same: a table in the wrong place must not hide behind a disk.
        let storage = Result { try StorageCheck.require(schedule, jobs: chosen) }
        var answers: [Answer] = []
        var faults: [Failure] = []
        for job in chosen {
            guard let expected = job.expected, let server = schedule.server(of: job) else { continue }
            for (kind, look) in [("live", live(job, server)), ("dump", dump(job, schedule.storage.root, storage))] {
                var answer = Answer(job: job.name, database: job.database, place: kind)
                do {
                    let found = try await look()
                    answer.place = found.name ?? kind
                    answer.note = found.note
                    if let contents = found.contents {
                        let audit = Audit(expected, contents, database: job.database)
                        (answer.met, answer.lines) = (audit.isMet, audit.lines)
                    }
                } catch let failure as Failure {
                    faults.append(failure)
                    answer.error = "\(failure)"
                }
                answers.append(answer)
            }
        }
        try show(answers)
        let drifted = answers.filter { $0.met == false }.map { "\($0.job) (\($0.place))" }
        guard drifted.isEmpty else {
            // What was found goes before what was not looked at: a script that tests for 1 must not miss it.
            for one in answers { if let error = one.error { tell("\(one.job), \(one.place): \(error)") } }
            throw Failure(.failed, "not as expected: \(drifted.joined(separator: ", "))")
        }
        if let fault = faults.first { throw fault }
    }

    private static let example = #""expect": {"tables": {"public.archon_*": 11}, "extensions": ["vector"]}"#

    private func chosen(_ schedule: Schedule) throws -> [Job] {
        let named = try schedule.jobs(named: jobs)
        if let idle = named.first(where: { $0.expected == nil }), !jobs.isEmpty {
            throw Failure(
                .usage, "the job \(idle.name) expects nothing",
                hint: "Give it \(Self.example).")
        }
        let expecting = named.filter { $0.expected != nil }
        guard expecting.isEmpty else { return expecting }
        throw Failure(
            .configInvalid, "no job in \(config.path) expects anything",
            hint: "Give one \(Self.example).")
    }

    private struct Found {
        /// The dump's; nil when there is none, or it is no dump.
        var name: String?
        var contents: DatabaseContents?
        var note: String?
    }

    private typealias Place = () async throws -> Found

    private func live(_ job: Job, _ server: Server) -> Place {
        { Found(contents: try await LiveContents.read(job, server)) }
    }

    /// Throws what `storage` has failed with.
    private func dump(_ job: Job, _ root: String, _ storage: Result<Void, any Error>) -> Place {
        {
            try storage.get()
            guard let manifest = try JobFolder(job: job, root: root).newest() else { return Found(note: "no dump yet") }
            guard let contents = DatabaseContents(manifest, of: job) else {
                return Found(
                    name: manifest.dump,
                    note: "an older program made it: its manifest does not say what it holds")
            }
            return Found(name: manifest.dump, contents: contents)
        }
    }

    private func show(_ answers: [Answer]) throws {
        if json { return try answerJSON(answers) }
        var table = Table(["JOB", "PLACE", "WHAT", "EXPECTED", "FOUND", ""])
        for one in answers {
            if let text = one.error ?? one.note {
                table.add([one.job, one.place, "", "", String(text.prefix { $0 != "\n" }), "?"])
            }
            for line in one.lines {
                let word = line.met.map { $0 ? "ok" : "DIFFERS" } ?? "?"
                table.add([one.job, one.place, "\(line.kind.rawValue) \(line.name)", line.expected, line.found, word])
            }
        }
        answer(table.text)
        for one in answers {
            for line in one.lines { if let text = line.difference { tell("\(one.job), \(one.place): \(text)") } }
        }
    }
}
