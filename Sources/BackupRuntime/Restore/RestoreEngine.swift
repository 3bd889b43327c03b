import BackupCore
import Foundation

/// Makes a database of a dump on a server: complete, compared with the dump in everything, with statistics, under a name that
/// nobody uses yet. `restore` and `drill` both do it with this, so that what is drilled is what is run on the worst night.
struct RestoreEngine: Sendable {
    /// How long each part took, in seconds, and what came of it.
    struct Outcome: Sendable {
        /// What the archive was found to hold.
        var reading: ArchiveReading
        /// What of it is in the database, and was compared: all, or all but `late`.
        var facts: ArchiveFacts
        /// An extension that only a database with a name of its own can have.
        var late: LateExtension?
        var fillingSeconds: Double
        /// With the statistics, which are gathered beside it.
        var comparingSeconds: Double
        var databaseBytes: Int64
        /// What is worth knowing and no fault: an extension came back in another version.
        var notes: [String]
    }

    let settings: ConnectionSettings
    let admin: Session
    let archive: String
    let manifest: Manifest?
    let tools: Tools
    /// What it takes of the server.
    let resources: RestoreResources
    let limit: TimeLimit
    let progress: @Sendable (RunProgress) -> Void
    /// Whether the database keeps the comment it has, which says whose it is.
    var keepsComment = false
    /// Whether everything goes into the database's own tablespace.
    var leavesTablespaces = false
    /// Called with the database's name when it is filled and before it is compared; a test changes something there.
    var whenFilled: @Sendable (String) async throws -> Void = { _ in }

    // MARK: what can be known before anything is changed

    /// Throws `.unavailable` that names what the server's installation lacks. `late` is one that would be left out.
    static func checkExtensions(_ manifest: Manifest?, _ admin: Session, without late: LateExtension?) async throws {
        let available = Set(try await admin.query("SELECT name FROM pg_available_extensions").compactMap { $0[0] })
        let missing = (manifest?.extensions ?? []).filter { !available.contains($0.name) && $0.name != late?.name }
        guard missing.isEmpty else {
            throw Failure(
                .unavailable,
                "the server lacks extensions that the dump needs: \(missing.map { "\($0.name) \($0.version)" }.joined(separator: ", "))",
                hint:
                    "Install them on the server's host first; Debian has most as postgresql-\(admin.serverVersion / 10_000)-NAME."
            )
        }
    }

    // MARK: roles and database

    /// Makes the roles of the dump that are not there; those that are stay as they are. Returns the new ones.
    func createRoles() async throws -> [String] {
        guard let globals = manifest?.globals else { return [] }
        let path = (archive as NSString).deletingLastPathComponent + "/" + globals.file
        guard let data = FileManager.default.contents(atPath: path),
            try Digest.hex(ofFile: path).sha256 == globals.sha256
        else {
            throw Failure(
                .damaged, "the roles file \(path) is missing or damaged",
                hint: "Choose another dump, or restore the archive by its path.")
        }
        let script = RoleScript(String(decoding: data, as: UTF8.self))
        let present = Set(try await admin.query("SELECT rolname FROM pg_roles").compactMap { $0[0] })
        // The script has every role of the server it came from, one perhaps that was dropped there for a reason.
        let needed = manifest?.roles.map { Set($0) }
        let missing = script.roles.filter {
            !present.contains($0) && !$0.hasPrefix("pg_") && needed?.contains($0) ?? true
        }
        guard !missing.isEmpty else { return [] }
        try await admin.transaction(script.definitions(of: Set(missing)) + script.memberships(of: Set(missing)))
        return missing
    }

    /// Throws `.unavailable` that names all roles which a dump without a roles file needs and the server has not. `known` are those
    /// that the archive was found to need, when it has been read already.
    func checkRoles(_ known: Set<String>?) async throws {
        guard manifest?.globals == nil else { return }
        let needed: Set<String>
        // Those of a dump of our own have groups too, without which it restores.
        if let known = known ?? (manifest?.isAdopted == true ? manifest?.roles.map { Set($0) } : nil) {
            needed = known
        } else {
            needed = try await mentionedRoles()
        }
        if let lack = Self.lack(of: try await missing(of: needed)) { throw lack }
    }

    /// `missing` are roles that a dump needs and nobody has kept; nil when there are none.
    static func lack(of missing: [String]) -> Failure? {
        guard !missing.isEmpty else { return nil }
        return Failure(
            .unavailable, "the server lacks roles that the dump needs: \(missing.joined(separator: ", "))",
            hint:
                "Nobody has kept what they may do. Make them, with what you know of them: \(missing.map { "CREATE ROLE \(SQL.identifier($0));" }.joined(separator: " "))"
        )
    }

    private func missing(of needed: Set<String>) async throws -> [String] {
        Self.missing(of: needed, Set(try await admin.query("SELECT rolname FROM pg_roles").compactMap { $0[0] }))
    }

    static func missing(of needed: Set<String>, _ present: Set<String>) -> [String] {
        needed.subtracting(present).subtracting(["", "-"]).filter { !$0.hasPrefix("pg_") }.sorted()
    }

    /// A dump without a roles file needs its roles all the same: in a throwaway they are made by name alone. Returns the new ones.
    func createUnknownRoles() async throws -> [String] {
        guard let manifest, manifest.globals == nil else { return [] }
        let owners = (manifest.contents ?? [:]).values.joined().compactMap { entry in
            entry.lastIndex(of: " ").map { String(entry[entry.index(after: $0)...]) }
        }
        var known = Set(manifest.roles ?? owners)
        if manifest.roles == nil { known.formUnion(try await mentionedRoles()) }
        let needed = try await missing(of: known)
        for role in needed { try await admin.query("CREATE ROLE \(SQL.identifier(role))") }
        return needed
    }

    /// Those in the archive's definitions. None when it cannot be read: the full read says what is wrong with it.
    private func mentionedRoles() async throws -> Set<String> {
        try await PlacedArchive.with(archive, for: tools) { placed in
            let scanner = Shared(ArchiveScanner(hash: .xxh3))
            let ending = try await tools.run(
                .restore, ["--schema-only", "--file=-", placed.path], timeoutSeconds: try limit.remaining()
            ) { buffer in scanner.with { $0.scan(buffer) } }
            if case .interrupted = ending.cause { throw CancellationError() }
            return ending.isSuccess ? scanner.with { $0.facts.roles } : []
        }
    }

    var statements: DatabaseStatements {
        DatabaseStatements(manifest?.properties ?? .init(owner: "", encoding: "", collation: "", characterType: ""))
    }

    func create(_ database: String) async throws {
        do {
            try await admin.query(statements.create(database, serverVersion: admin.serverVersion))
        } catch let fault as Session.Fault where fault.message.contains("locale") || fault.message.contains("collation")
        {
            throw Failure(
                .unavailable, "the server cannot make a database with the dump's locale: \(fault.message)",
                hint: "Install the locale on the server's host (locales-all has them all) and restart the server.",
                cause: fault.description)
        }
    }

    /// Gives the database's sessions what makes them quick. Returns what is worth knowing: where the server refuses that,
    /// it is no reason not to restore.
    func lendSettings(_ database: String) async throws -> [String] {
        do {
            try await admin.transaction(resources.statements(for: database))
            return []
        } catch let fault as Session.Fault {
            return ["the server did not take the settings that make a restore quick: \(fault.message)"]
        }
    }

    /// Takes them back: the database keeps nothing of it. For before it gets its own settings, and its name.
    func takeSettingsBack(_ database: String) async throws {
        try await admin.query(RestoreResources.reset(database))
    }

    // MARK: filling and comparing

    func filling(_ database: String) -> RestoreFilling {
        RestoreFilling(
            settings: settings, admin: admin, database: database, tools: tools, limit: limit, progress: progress)
    }

    /// Everything from the empty database to the finished one; `read` is the archive's full read, which goes on meanwhile.
    /// Throws `.damaged` for a difference, `.unavailable` for something that the server lacks, `.failed` for a step that
    /// pg_restore or the server refused.
    func perform(_ database: String, read: @escaping @Sendable () async throws -> ArchiveReading) async throws
        -> Outcome
    {
        var notes = try await lendSettings(database)
        let began = ContinuousClock.now
        let reading = try await fill(database, read)
        try await whenFilled(database)
        let filled = ContinuousClock.now
        let late = LateExtension.cron.isIn(reading.facts.contents) ? LateExtension.cron : nil
        let facts = late.map(reading.facts.without) ?? reading.facts
        let comparison = RestoredComparison(
            settings: settings, database: database, expected: facts, manifest: manifest, tools: tools,
            isSameMajor: tools.major == reading.dumpMajor, limit: limit)
        progress(RunProgress(phase: .comparing, bytes: 0))
        async let analyzed: Void = RestoreStatistics(settings: settings, database: database)
            .gather(workers: resources.workers)
        notes += try await comparison.perform(workers: resources.workers)
        try await analyzed
        let compared = ContinuousClock.now
        try await takeSettingsBack(database)
        if manifest != nil {
            for statement in statements.finish(database, withComment: !keepsComment) {
                try await admin.query(statement)
            }
        }
        let bytes = try await admin.value("SELECT pg_database_size($1)", [database]).flatMap(Int64.init) ?? 0
        return Outcome(
            reading: reading, facts: facts, late: late, fillingSeconds: began.duration(to: filled).inSeconds,
            comparingSeconds: filled.duration(to: compared).inSeconds, databaseBytes: bytes, notes: notes)
    }

    private enum Part: Sendable {
        case read(ArchiveReading)
        case filled(fault: (any Error)?)
    }

    /// Fills the database while the archive is read. Whatever pg_restore stumbled over, a damaged archive is told as one.
    private func fill(_ database: String, _ read: @escaping @Sendable () async throws -> ArchiveReading) async throws
        -> ArchiveReading
    {
        let arguments = ["--jobs=\(resources.workers)"] + (leavesTablespaces ? ["--no-tablespaces"] : [])
        return try await withThrowingTaskGroup(of: Part.self) { group in
            group.addTask { .read(try await read()) }
            group.addTask {
                do {
                    try await PlacedArchive.with(archive, for: tools) { try await fill(database, arguments, $0) }
                    return .filled(fault: nil)
                } catch {
                    return .filled(fault: error)
                }
            }
            var reading: ArchiveReading?
            var fault: (any Error)?
            // What the full read throws ends the other.
            while let part = try await group.next() {
                switch part {
                case .read(let found): reading = found
                case .filled(let failed): fault = failed
                }
            }
            if let fault { throw fault }
            guard let reading else { throw CancellationError() }
            return reading
        }
    }

    /// All entries, but for those of a late extension and that of the schema public, which is there: it gets its owner. Event
    /// triggers come last, and by themselves when pg_restore could not give them to their owners.
    private func fill(_ database: String, _ arguments: [String], _ placed: PlacedArchive) async throws {
        let filling = filling(database)
        // An archive whose table of contents is known has them, or not.
        if let contents = manifest?.contents, contents["EVENT TRIGGER"] == nil, !LateExtension.cron.isIn(contents),
            contents["SCHEMA"]?.contains(where: { $0.hasPrefix("- public ") }) != true
        {
            return try await filling.run(arguments, placed)
        }
        let list = try await ArchiveList.take(placed.path, tools)
        // One who makes it owns it, whether or not they are a superuser, where a server lets others make some.
        let others = try await admin.query(
            "SELECT rolname FROM pg_roles WHERE NOT rolsuper AND rolname <> current_user"
        ).compactMap { $0[0] }
        let triggers = list.eventTriggers(ofAny: others)
        guard list.publicOwner != nil || triggers != nil || list.late != nil else {
            return try await filling.run(arguments, placed)
        }
        if let owner = list.publicOwner {
            let session = try await Session.open(settings, database: database, applicationName: ApplicationName.own)
            try await session.query("ALTER SCHEMA public OWNER TO \(SQL.identifier(owner))")
        }
        try await filling.run(arguments, list: list.most(withEventTriggers: triggers == nil), placed)
        if let triggers { try await filling.run(eventTriggers: triggers, placed) }
    }

    /// Makes a late extension in the database, which has its name now, and compares what a person would miss.
    func bring(_ late: LateExtension, _ database: String, _ reading: ArchiveReading) async throws {
        try await PlacedArchive.with(archive, for: tools) { placed in
            let list = try await ArchiveList.take(placed.path, tools)
            try await filling(database).run([], list: list.lateEntries(), placed)
        }
        let expected = reading.facts.tables.filter { $0.key == late.table }
        let found = try await RestoredTables(expected: expected, open: { try await textSession(database, reading) })
            .read(sessions: 1)
        var differences = Differences(from: "the dump")
        differences.compareRows(expected.mapValues(\.rows), found.mapValues(\.rows))
        differences.compareContents(expected.mapValues(\.fingerprint), found.mapValues(\.fingerprint))
        if let summary = differences.summary { throw Failure(.damaged, summary) }
    }

    /// A session in which values become the text that pg_dump made of them.
    func textSession(_ database: String, _ reading: ArchiveReading) async throws -> Session {
        let session = try await Session.open(settings, database: database, applicationName: ApplicationName.own)
        try await TextSettings.apply(
            manifest?.textSettings, clientEncoding: reading.facts.clientEncoding, session)
        return session
    }
}

extension Manifest {
    /// The major version of the pg_dump that wrote the archive; 0 when that is not known.
    var dumpMajor: Int { Int(pgDumpVersion.prefix { $0.isNumber }) ?? 0 }

    /// Made of an archive of another tool: of the database itself nothing is known.
    var isAdopted: Bool { properties.owner.isEmpty }
}

extension ArchiveReading {
    /// The major version of the pg_dump that wrote it; 0 when that is not known.
    var dumpMajor: Int { Int(pgDumpVersion.prefix { $0.isNumber }) ?? 0 }
}
