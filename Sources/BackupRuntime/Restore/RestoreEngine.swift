import BackupCore
import Foundation

/// Makes a database of a dump on a server: complete, compared with the dump in everything, with statistics, under a name that
/// nobody uses yet. `restore` and `drill` both do it with this, so that what is drilled is what is run on the worst night.
struct RestoreEngine: Sendable {
    /// How long each part took, in seconds, and what came of it.
    struct Outcome: Sendable {
        var databaseBytes: Int64
        /// What is worth knowing and no fault: an extension came back in another version.
        var notes: [String]
    }

    let settings: ConnectionSettings
    let admin: Session
    let archive: String
    let manifest: Manifest?
    /// What the archive was found to hold.
    let expected: ArchiveReading
    let tools: Tools
    let workers: Int
    let limit: TimeLimit
    let progress: @Sendable (RunProgress) -> Void
    /// Whether the database keeps the comment it has, which says whose it is.
    var keepsComment = false
    /// Whether everything goes into the database's own tablespace.
    var leavesTablespaces = false
    /// Called with the database's name when it is filled and before it is compared; a test changes something there.
    var whenFilled: @Sendable (String) async throws -> Void = { _ in }

    // MARK: what can be known before anything is changed

    /// The archive's bytes against the manifest, then its full read against it; a bare file has the read alone. Throws
    /// `.damaged`.
    static func readArchive(
        _ archive: String, _ manifest: Manifest?, _ limit: TimeLimit, container: Container? = nil,
        progress: @escaping @Sendable (RunProgress) -> Void
    ) async throws -> ArchiveReading {
        func damaged(_ what: String) -> Failure {
            Failure(
                .damaged, "\(manifest?.dump ?? archive) is damaged: \(what)",
                hint: manifest.map { "Choose an earlier one: `archon-backupd list \($0.job)`." })
        }
        if let manifest {
            let digest = try await ArchiveDigest.take(archive)
            guard digest.sha256 == manifest.sha256, digest.bytes == manifest.bytes else {
                throw damaged("its SHA-256 is not that of the manifest")
            }
        }
        let reader = try await Tools.reader(major: manifest?.dumpMajor ?? 0, container: container)
        let reading = try await ArchiveReading.take(
            archive, tools: reader, timeoutSeconds: try limit.remaining(), progress: progress)
        if let manifest, let difference = Differences.between(manifest, reading.facts, hash: .xxh3).summary {
            throw damaged(difference)
        }
        return reading
    }

    /// Throws `.unavailable` that names what the server's installation lacks.
    static func checkExtensions(_ manifest: Manifest?, _ admin: Session) async throws {
        let available = Set(try await admin.query("SELECT name FROM pg_available_extensions").compactMap { $0[0] })
        let missing = (manifest?.extensions ?? []).filter { !available.contains($0.name) }
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
        try await admin.transaction(script.statements(creating: Set(missing)))
        return missing
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

    // MARK: filling and comparing

    /// Everything from the empty database to the finished one. Throws `.damaged` for a difference, `.unavailable` for
    /// something that the server lacks, `.failed` for a step that pg_restore or the server refused.
    func perform(_ database: String) async throws -> Outcome {
        try await PlacedArchive.with(archive, for: tools) { placed in
            try await fill(
                database, ["--jobs=\(workers)"] + (leavesTablespaces ? ["--no-tablespaces"] : []), placed)
        }
        try await whenFilled(database)
        let comparison = RestoredComparison(
            settings: settings, database: database, expected: expected.facts, manifest: manifest, tools: tools,
            isSameMajor: tools.major == expected.dumpMajor, limit: limit)
        progress(RunProgress(phase: .comparing, bytes: 0))
        // Statistics: a database without them is slow all morning.
        async let analyzed: Void = analyze(database)
        let notes = try await comparison.perform(workers: workers)
        try await analyzed
        if manifest != nil {
            for statement in statements.finish(database, withComment: !keepsComment) {
                try await admin.query(statement)
            }
        }
        let bytes = try await admin.value("SELECT pg_database_size($1)", [database]).flatMap(Int64.init) ?? 0
        return Outcome(databaseBytes: bytes, notes: notes)
    }

    private func analyze(_ database: String) async throws {
        let session = try await Session.open(settings, database: database, applicationName: ApplicationName.own)
        try await session.query("ANALYZE")
    }

    /// A session in which values become the text that pg_dump made of them.
    func textSession(_ database: String) async throws -> Session {
        let session = try await Session.open(settings, database: database, applicationName: ApplicationName.own)
        try await TextSettings.apply(
            manifest?.textSettings, clientEncoding: expected.facts.clientEncoding, session)
        return session
    }

    /// Runs pg_restore into the database with more arguments than those it always has, and of the entries in `list`
    /// alone.
    func fill(_ database: String, _ arguments: [String], list: String, _ placed: PlacedArchive) async throws {
        if let path = try await placed.put(list, as: "list") {
            return try await fill(database, arguments + ["--use-list=\(path)"], placed)
        }
        var template = Array("/tmp/archon-backupd-list.XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw Disk.failure("cannot make a file in /tmp") }
        close(descriptor)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { try? Disk.remove(path) }  // a small file in /tmp, at worst
        try Disk.append(Data(list.utf8), to: path)
        try await fill(database, arguments + ["--use-list=\(path)"], placed)
    }

    func fill(_ database: String, _ arguments: [String], _ placed: PlacedArchive) async throws {
        let connection = settings.argument(database: database, applicationName: "archon-backupd/restore")
        let seconds = try limit.remaining()
        let ending = try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await followSize(of: database) }
            defer { group.cancelAll() }
            return try await tools.run(
                .restore, ["--exit-on-error", "--no-password", "--dbname=\(connection)"] + arguments + [placed.path],
                settings: settings, timeoutSeconds: seconds)
        }
        try judge(ending)
    }

    private func judge(_ ending: Child.Ending) throws {
        switch ending.cause {
        case .interrupted: throw CancellationError()
        case .timedOut: throw limit.fault
        // An exit code may lie: what it has said counts as well.
        case .exited(0) where !ending.errors.contains("error:") && !ending.errors.contains("errors ignored"): return
        // Whoever ended it (the system, for want of memory) says nothing of the dump.
        case .signaled:
            throw Failure(
                .unavailable, "pg_restore \(ending.description)",
                hint: "Try again; `dmesg` says whether the system ended it for want of memory.", cause: ending.errors)
        case .exited:
            let lack = RestoreLack.find(in: ending.errors)
            throw Failure(
                lack == nil ? .failed : .unavailable,
                "pg_restore \(ending.description)" + (lack.map { ": \($0.what)" } ?? ""), hint: lack?.hint,
                cause: ending.errors)
        }
    }

    private func followSize(of database: String) async throws {
        while !Task.isCancelled {
            let bytes = try await admin.value("SELECT pg_database_size($1)", [database]).flatMap(Int64.init) ?? 0
            progress(RunProgress(phase: .restoring, bytes: bytes))
            try await Task.sleep(for: .seconds(1))
        }
    }
}

extension Manifest {
    /// The major version of the pg_dump that wrote the archive; 0 when that is not known.
    var dumpMajor: Int { Int(pgDumpVersion.prefix { $0.isNumber }) ?? 0 }
}

extension ArchiveReading {
    /// The major version of the pg_dump that wrote it; 0 when that is not known.
    var dumpMajor: Int { Int(pgDumpVersion.prefix { $0.isNumber }) ?? 0 }
}
