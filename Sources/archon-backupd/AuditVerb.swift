import ArgumentParser
import BackupCore
import BackupRuntime

struct AuditVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Hold databases and their newest dumps to what the schedule expects of them.",
        discussion: """
            A job says in "expect" how many tables of a name there are, which extensions and schemas, and whose the database
            is. Ends with 0 when all is as expected, 1 for a difference, 69 when a server does not answer.

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
        /// Nil when it could not be looked at.
        var met: Bool?
        var error: String?
        var lines: [Audit.Line]
    }

    func run() async throws {
        let schedule = try config.load()
        let chosen = try chosen(schedule)
        var answers: [Answer] = []
        var faults: [Failure] = []
        for job in chosen {
            guard let expected = job.expected, let server = schedule.server(of: job) else { continue }
            for (kind, look) in [("live", live(job, server)), ("dump", dump(job, root: schedule.storage.root))] {
                do {
                    guard let (name, contents) = try await look() else { continue }
                    let audit = Audit(expected, contents, database: job.database)
                    answers.append(
                        Answer(
                            job: job.name, database: job.database, place: name, met: audit.isMet, lines: audit.lines))
                } catch let failure as Failure {
                    faults.append(failure)
                    answers.append(
                        Answer(job: job.name, database: job.database, place: kind, error: "\(failure)", lines: []))
                }
            }
        }
        try show(answers)
        if let fault = faults.first { throw fault }
        let drifted = answers.filter { $0.met == false }.map { "\($0.job) (\($0.place))" }
        guard drifted.isEmpty else {
            throw Failure(.failed, "not as expected: \(drifted.joined(separator: ", "))")
        }
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

    private typealias Place = () async throws -> (String, DatabaseContents)?

    private func live(_ job: Job, _ server: Server) -> Place {
        { ("live", try await LiveContents.read(job, server)) }
    }

    /// Nothing of a job that has no dump yet; one whose manifest says too little is told.
    private func dump(_ job: Job, root: String) -> Place {
        {
            guard let manifest = try JobFolder(job: job, root: root).newest() else { return nil }
            guard let contents = DatabaseContents(manifest, of: job) else {
                tell("\(manifest.dump) was made by an older program: its manifest does not say what it holds")
                return nil
            }
            return (manifest.dump, contents)
        }
    }

    private func show(_ answers: [Answer]) throws {
        if json { return try answerJSON(answers) }
        var table = Table(["JOB", "PLACE", "WHAT", "EXPECTED", "FOUND", ""])
        for one in answers {
            if let error = one.error {
                table.add([one.job, one.place, "", "", String(error.prefix { $0 != "\n" }), "?"])
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
