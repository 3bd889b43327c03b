import BackupCore
import Foundation

/// Carries a plan out, or takes the move back. What has been done is asked of the databases before each step: a run that was
/// killed is gone on with by the next.
package struct IsolationRun: Sendable {
    /// Keeps a second run out of the same databases, and the schema file of a killed one apart from the next.
    private static let runLock: Int64 = 0x6172_6368_6f6e_01
    private static let schemaLock: Int64 = 0x6172_6368_6f6e_02

    let plan: IsolationPlan
    private let script: SchemaScript?
    private let schemaFile: String?
    let source: IsolationSide
    let target: IsolationSide
    private let schedule: Schedule
    let tell: @Sendable (String) -> Void

    /// `script` is the plan's schema file. Throws `.usage` for a job that the schedule does not have.
    package init(
        _ plan: IsolationPlan, script: SchemaScript?, schedule: Schedule, tell: @escaping @Sendable (String) -> Void
    ) throws {
        func side(_ name: String, _ key: String) throws -> IsolationSide {
            guard let job = schedule.job(named: name) else {
                throw Failure(
                    .usage, "there is no job \"\(name)\" in the schedule, which the plan names as \"\(key)\"",
                    hint: schedule.jobsHint)
            }
            return try IsolationSide(job, schedule)
        }
        self.plan = plan
        self.script = script
        schemaFile = try script.map { try Digest.hex(of: $0.text) }
        self.schedule = schedule
        self.tell = tell
        source = try side(plan.source, "source")
        target = try side(plan.target, "target")
    }

    // MARK: looking

    /// What would be done now. Changes nothing.
    package func look(now: Date) async throws -> Isolation { try await look(now, held: nil) }

    func look(_ now: Date, held: (here: Session, there: Session)?) async throws -> Isolation {
        Isolation(plan, try await asking { try await $0.facts(held) }, moved: Zone.utc.iso8601(now))
    }

    func asking<Answer: Sendable>(_ question: (IsolationSurvey) async throws -> Answer) async throws -> Answer {
        do {
            return try await question(
                IsolationSurvey(plan: plan, source: source, target: target, schemaFile: schemaFile))
        } catch {
            if Task.isCancelled { throw CancellationError() }
            guard let fault = error as? Session.Fault else { throw error }
            throw Failure(
                .failed, "the server refused a question about the tables: \(fault.message)",
                hint: "May this user read the tables and the system catalogs of both databases?",
                cause: fault.description)
        }
    }

    static func refuse(_ refusals: [String], hint: String? = "Nothing was changed.") throws {
        guard !refusals.isEmpty else { return }
        let rest = refusals.dropFirst().map { "and \($0)" }.joined(separator: "\n")
        throw Failure(
            .failed, "the plan cannot be carried out: \(refusals[0])",
            hint: hint, cause: rest.isEmpty ? nil : rest)
    }

    /// In these databases, as long as the sessions are there.
    func alone(in sides: [IsolationSide]) async throws -> [Session] {
        var sessions: [Session] = []
        for side in sides {
            let session = try await side.open()
            guard try await session.value("SELECT pg_try_advisory_lock(\(Self.runLock))") == "t" else {
                throw Failure(
                    .busy, "another isolate works in \(side.job.database)",
                    hint: "Try again when it has ended; pg_stat_activity shows it as \(IsolationSide.applicationName).")
            }
            sessions.append(session)
        }
        return sessions
    }

    // MARK: doing

    /// All of the plan, or what is left of it. `backUp` makes a dump and gives its manifest. Throws a `Failure` that names the step
    /// and says how to go on, or `CancellationError`.
    package func perform(now: Date, backUp: @escaping @Sendable (Job) async throws -> Manifest) async throws
        -> IsolationReport
    {
        // One database is locked once; that it is one is refused below.
        let isOne = try await asking { try await $0.isOneDatabase() }
        let guards = try await alone(in: isOne ? [source] : [source, target])
        let first = try await look(now: now)
        try Self.refuse(first.refusals)
        var report = IsolationReport(first)
        if !first.isMoved {
            let tables = first.facts.tables
            report.dumps = try await step(.backUp) { try await self.backUp(tables, backUp) }
            try await step(.applySchema) { try await applySchema(first) }
            let (rows, dump, notes) = try await transfer(now, backUp)
            report.rows = rows
            report.notes = notes
            if let dump { report.dumps.append(dump) }
        }
        try await step(.expectBoth) { try await expect([source, target]) }
        withExtendedLifetime(guards) {}
        report.finish()
        return report
    }

    /// Names the step in what it throws.
    func step<Result: Sendable>(_ kind: IsolationStep.Kind, _ body: () async throws -> Result) async throws
        -> Result
    {
        let name = "step \(kind.number) of \(IsolationStep.Kind.order.count), \(kind.title)"
        tell(name)
        do {
            return try await body()
        } catch {
            if error is CancellationError || Task.isCancelled { throw CancellationError() }
            let fault = error as? Session.Fault
            let lost = error as? LostCommit
            let failure =
                lost?.failure ?? error as? Failure
                ?? Failure(
                    .failed, fault.map { "the server refused it: \($0.message)" } ?? "\(error)",
                    cause: fault?.description)
            let going =
                if lost != nil {
                    "It broke off at its end: whether it was done is not known; the same command asks, and goes on."
                } else if kind == .expectBoth {
                    "The tables have moved, and this step only looks; `--undo` moves them back."
                } else {
                    "Both databases are as they were before this step; the same command goes on with it."
                }
            throw Failure(
                failure.kind, "\(name): \(failure.message)",
                hint: [failure.hint, going].compactMap(\.self).joined(separator: " "), cause: failure.cause)
        }
    }

    /// Step 1. The dump of the source must hold every row that moves.
    private func backUp(_ tables: [IsolatedTable], _ backUp: (Job) async throws -> Manifest) async throws -> [String] {
        [
            try await dump(source, holding: tables, backUp), try await dump(target, holding: [], backUp),
        ]
    }

    /// The name of a dump that is proven and holds the rows of these tables.
    func dump(
        _ side: IsolationSide, holding tables: [IsolatedTable], withHooks: Bool = true,
        _ backUp: (Job) async throws -> Manifest
    ) async throws -> String {
        var job = side.job
        job.proof = .sourceContent
        // One that needs the tables would wait for us.
        if !withHooks { (job.before, job.after) = (nil, nil) }
        let manifest = try await backUp(job)
        guard manifest.proof == .matched || manifest.proof == .drilled else {
            throw Failure(.failed, "the dump \(manifest.dump) is not proven equal to \(job.database)")
        }
        let entries = manifest.contents?["TABLE DATA"] ?? []
        for table in tables where !table.isPartitioned {
            guard !entries.contains(where: TableName(schema: table.schema, name: table.name).matches) else { continue }
            throw Failure(
                .failed, "the dump \(manifest.dump) does not hold the rows of \(table.shown)",
                hint: "Take it out of \"excludeTables\", \"excludeTableData\" or \"schemas\" of the job \(job.name).")
        }
        return manifest.dump
    }

    /// Step 2. `first` is how things stood before it.
    private func applySchema(_ first: Isolation) async throws {
        guard first.schemaState == .toDo, let script else { return }
        let session = try await target.open()
        try await SchemaApplication(
            script: script, file: plan.schemaFile ?? "", side: target, lockTimeoutSeconds: plan.lockTimeoutSeconds,
            lock: Self.schemaLock, ending: first.seedNote
        ).perform(serverMajor: session.serverVersion / 10_000)
    }

    /// Steps 4 and 6.
    func expect(_ sides: [IsolationSide]) async throws {
        for side in sides {
            guard let expected = side.job.expected else { continue }
            let contents = try await LiveContents.read(side.job, side.server)
            guard let drift = Audit(expected, contents, database: side.job.database).drift else { continue }
            throw Failure(
                .failed, "\(side.job.database) is not as expected: \(drift)",
                hint: "`archon-backupd audit \(ShellCommand.word(side.job.name))` shows it.")
        }
    }
}
