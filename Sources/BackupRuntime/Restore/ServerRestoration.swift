import BackupCore
import Foundation

/// Brings a whole server back onto an empty one: its roles, then every database, each as `Restoration` does it. A database has its
/// name when it is whole and compared, never before; one that fails stops no other.
package struct ServerRestoration: Sendable {
    /// How one database went, for people and as JSON.
    package struct Line: Sendable, Encodable {
        package var database: String
        package var job: String
        /// `restored`, `failed`, `present` (there already, and left), `planned`.
        package var outcome: String
        package var dump: String?
        /// When the data are of.
        package var snapshot: Date?
        package var tables: Int?
        package var rows: Int?
        package var seconds: Double?
        package var error: String?
        package var notes: [String] = []
        package var failure: Failure?

        private enum CodingKeys: String, CodingKey {
            case database, job, outcome, dump, snapshot, tables, rows, seconds, error, notes
        }

        init(_ choice: ServerDumps.Choice, _ outcome: String) {
            database = choice.database
            job = choice.job.name
            self.outcome = outcome
            dump = choice.manifest?.dump
            snapshot = choice.manifest?.snapshot
            if let absence = choice.job.found?.absence { notes = [absence] }
            if choice.manifest != nil, !(choice.job.schemas + choice.job.excludeTables).isEmpty {
                notes.append("its dump leaves tables out, as the schedule says")
            }
        }

        init(_ choice: ServerDumps.Choice, _ failure: Failure) {
            self.init(choice, "failed")
            self.failure = failure
            error = failure.message
        }
    }

    package struct Result: Sendable, Encodable {
        /// Where it was restored to.
        package var server: String
        package var roles: [String]
        package var databases: [Line]
        package var notes: [String]
    }

    let target: Server
    let choices: [ServerDumps.Choice]
    /// Whether what is there already is left as it is, and only the rest restored.
    let onlyMissing: Bool
    /// Nil for as many as fit the server.
    let workers: Int?
    /// Told of each database when it ends.
    let report: @Sendable (Line) -> Void

    package init(
        onto target: Server, _ choices: [ServerDumps.Choice], onlyMissing: Bool, workers: Int?,
        report: @escaping @Sendable (Line) -> Void
    ) {
        self.target = target
        self.choices = choices
        self.onlyMissing = onlyMissing
        self.workers = workers
        self.report = report
    }

    /// What `perform` would do, and all that stands in its way; changes nothing.
    package func plan() async throws -> Result {
        let settings = try ConnectionSettings(target)
        let (found, roles) = try await look(settings)
        let lines = choices.map { choice in
            if let failure = choice.failure { return Line(choice, failure) }
            guard !found.isInTheWay(choice.database) else { return Line(choice, "present") }
            let present = found.roles.union(roles.roles)
            return lack(choice, present).map { Line(choice, $0) } ?? Line(choice, "planned")
        }
        return Result(
            server: target.name, roles: roles.roles.filter { !found.roles.contains($0) }, databases: lines,
            notes: notes(found))
    }

    /// Throws a `Failure` when nothing was done, and `CancellationError` when the task was cancelled: then what was restored is
    /// there, whole, and nothing else.
    package func perform() async throws -> Result {
        let settings = try ConnectionSettings(target)
        let (found, roles) = try await look(settings)
        var created = try await create(roles, found, settings)
        var notes = notes(found)
        var lines: [Line] = []
        for choice in choices {
            if let failure = choice.failure { lines.append(Line(choice, failure)) }
            if choice.failure == nil, found.isInTheWay(choice.database) { lines.append(Line(choice, "present")) }
        }
        for line in lines { report(line) }
        // Where sessions for the whole server are: last, for they are ended when it is replaced.
        let wanted = choices.filter { $0.failure == nil && !found.isInTheWay($0.database) }
        let last = [settings.maintenanceDatabase, ServerTarget.postgres]
        let total = try await totalWorkers(settings)
        lines += await restore(wanted.filter { !last.contains($0.database) }, settings, workers: total)
        for choice in wanted where last.contains(choice.database) && !Task.isCancelled {
            lines += await restore([choice], settings, workers: total)
        }
        if !lines.contains(where: { $0.outcome == "restored" || $0.outcome == "present" }) {
            (created, notes) = await drop(created, settings, notes)
        }
        try Task.checkCancellation()
        return Result(
            server: target.name, roles: created, databases: lines.sorted { $0.database < $1.database }, notes: notes)
    }

    // MARK: before anything is changed

    /// An adopted dump came without its roles, and may know which it needs.
    private func lack(_ choice: ServerDumps.Choice, _ present: Set<String>) -> Failure? {
        guard let manifest = choice.manifest, manifest.globals == nil, manifest.isAdopted, let needed = manifest.roles
        else { return nil }
        return RestoreEngine.lack(of: RestoreEngine.missing(of: Set(needed), present))
    }

    private func look(_ settings: ConnectionSettings) async throws -> (ServerTarget, ServerRoles) {
        let found = try await ServerTarget.look(settings)
        let roles = try mergedRoles()
        guard !onlyMissing else { return (found, roles) }
        let databases = choices.filter { $0.failure == nil && found.isInTheWay($0.database) }.map(\.database)
        let names = found.rolesInTheWay(roles.roles)
        let parts = [
            databases.isEmpty ? nil : "the databases \(databases.sorted().joined(separator: ", "))",
            names.isEmpty ? nil : "the roles \(names.joined(separator: ", "))",
        ].compactMap(\.self)
        guard parts.isEmpty else {
            throw Failure(
                .failed, "the server \(target.name) is not empty: it has \(parts.joined(separator: " and "))",
                hint:
                    "Nothing was done. Name an empty server with --onto or --connection; or add --missing to leave what is there as it is and restore only the rest."
            )
        }
        return (found, roles)
    }

    private func notes(_ found: ServerTarget) -> [String] {
        found.leftovers.map { "\($0) was left by a restore that was killed: DROP DATABASE \(SQL.identifier($0))" }
    }

    /// From the files beside the dumps. One that is damaged is told by the restore of its database.
    private func mergedRoles() throws -> ServerRoles {
        let newestFirst = choices.filter { $0.manifest?.globals != nil }
            .sorted { ($0.manifest?.snapshot ?? .distantPast) > ($1.manifest?.snapshot ?? .distantPast) }
        return ServerRoles(
            try newestFirst.compactMap { choice in
                guard let globals = choice.manifest?.globals else { return nil }
                let path = (choice.path as NSString).deletingLastPathComponent + "/" + globals.file
                guard let data = FileManager.default.contents(atPath: path),
                    try Digest.hex(ofFile: path).sha256 == globals.sha256
                else { return nil }
                return ServerRoles.Source(
                    script: RoleScript(String(decoding: data, as: UTF8.self)),
                    needed: choice.manifest?.roles.map { Set($0) })
            })
    }

    // MARK: roles

    private func create(_ roles: ServerRoles, _ found: ServerTarget, _ settings: ConnectionSettings) async throws
        -> [String]
    {
        let new = roles.roles.filter { !found.roles.contains($0) }
        guard !new.isEmpty else { return [] }
        let admin = try await AdminSession.open(settings, avoiding: "")
        do {
            try await admin.transaction(roles.statements(leaving: found.roles))
        } catch let fault as Session.Fault {
            throw Failure(
                .failed, "the server refused the roles: \(fault.message)",
                hint: "Nothing was done. The user must be a superuser, or may create roles.", cause: fault.description)
        }
        return new
    }

    /// Nothing has come of it: as before. Returns the roles that are left, and the notes with what is to be known of them.
    private func drop(_ roles: [String], _ settings: ConnectionSettings, _ notes: [String]) async -> (
        [String], [String]
    ) {
        guard !roles.isEmpty else { return (roles, notes) }
        // In a task of its own: this one may be cancelled.
        let work = Task {
            let admin = try await AdminSession.open(settings, avoiding: "")
            try await admin.query("DROP ROLE \(roles.map(SQL.identifier).joined(separator: ", "))")
        }
        guard case .failure(let error) = await work.result else { return ([], notes) }
        return (roles, notes + ["no database was restored, and the roles made for them could not be dropped: \(error)"])
    }

    // MARK: databases

    private func totalWorkers(_ settings: ConnectionSettings) async throws -> Int {
        if let workers { return workers }
        let admin = try await AdminSession.open(settings, avoiding: "")
        return RestoreResources(try await RestoreFacts.gather(admin, nil), workers: nil).workers
    }

    /// The largest first, so that none is left alone at the end: each with its share of the workers by what it weighs, the
    /// last with all that are free.
    private func restore(_ choices: [ServerDumps.Choice], _ settings: ConnectionSettings, workers total: Int) async
        -> [Line]
    {
        let ordered = choices.sorted { ($0.manifest?.bytes ?? 0) > ($1.manifest?.bytes ?? 0) }
        let shares = WorkerShares(total, among: ordered.map { $0.manifest?.bytes ?? 0 })
        return await withTaskGroup(of: (line: Line, share: Int).self) { group in
            var lines: [Line] = []
            var free = total
            for (index, choice) in ordered.enumerated() {
                while !shares.mayBegin(index, free: free), let ended = await group.next() {
                    lines.append(ended.line)
                    free += ended.share
                }
                if Task.isCancelled { break }
                let share = shares.share(of: index, free: free)
                free -= share
                group.addTask {
                    let line = await restore(choice, settings, workers: share, otherWorkers: total - share)
                    report(line)
                    return (line, share)
                }
            }
            return await group.reduce(into: lines) { $0.append($1.line) }
        }
    }

    private func restore(
        _ choice: ServerDumps.Choice, _ settings: ConnectionSettings, workers: Int, otherWorkers: Int
    ) async -> Line {
        do {
            let exists = try await AdminSession.exists(choice.database, on: target)
            // In place of an empty one, which nobody misses.
            var restoration = Restoration(
                server: target, archive: choice.path, manifest: choice.manifest,
                target: exists && choice.database == ServerTarget.postgres
                    ? .replacing(choice.database) : .new(choice.database), workers: workers)
            restoration.takesLackingTablespaces = true
            restoration.otherWorkers = otherWorkers
            let result = try await restoration.perform(now: Date())
            var line = Line(choice, "restored")
            line.tables = result.tables
            line.rows = result.rows
            line.seconds = result.seconds
            line.notes += result.notes
            if let previous = result.previous { line.notes += try await dropFresh(previous, settings) }
            return line
        } catch {
            return Line(choice, error as? Failure ?? Failure(.failed, "the restore was interrupted"))
        }
    }

    /// Drops the `postgres` of a new server, if still nobody has made anything in it. Returns what is worth knowing.
    private func dropFresh(_ previous: String, _ settings: ConnectionSettings) async throws -> [String] {
        guard try await ServerTarget.isFresh(previous, settings) else {
            return ["the database that was there is kept as \(previous)"]
        }
        let admin = try await AdminSession.open(settings, avoiding: previous)
        try await admin.query("DROP DATABASE \(SQL.identifier(previous)) WITH (FORCE)")
        return []
    }
}
