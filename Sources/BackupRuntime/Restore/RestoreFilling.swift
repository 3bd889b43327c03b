import BackupCore
import Foundation

/// pg_restore at work in one database: what it is told always, and what its end means.
struct RestoreFilling: Sendable {
    let settings: ConnectionSettings
    /// Asked how large the database is meanwhile.
    let admin: Session
    let database: String
    let tools: Tools
    let limit: TimeLimit
    let progress: @Sendable (RunProgress) -> Void

    /// Restores the entries in `list` alone.
    func run(_ arguments: [String], list: String, _ placed: PlacedArchive) async throws {
        try await placed.withList(list) { try await run(arguments + ["--use-list=\($0)"], placed) }
    }

    /// Makes event triggers, and gives them to their owners whether or not these may have any.
    func run(eventTriggers list: String, _ placed: PlacedArchive) async throws {
        let script = OutputText(limit: 1 << 24)
        try await placed.withList(list) { path in
            try await run(["--no-owner", "--use-list=\(path)"], placed)
            let ending = try await tools.run(
                .restore, ["--use-list=\(path)", "--file=-", placed.path], timeoutSeconds: try limit.remaining()
            ) { script.add($0) }
            try judge(ending)
        }
        let session = try await Session.open(settings, database: database, applicationName: ApplicationName.own)
        let maker = try await session.value("SELECT current_user") ?? ""
        try await session.transaction(EventTriggerOwners.statements(in: script.text, maker: maker))
    }

    /// With more arguments than those it always has. Throws `.unavailable` for something that the place lacks, `.failed` for a
    /// step that was refused.
    func run(_ arguments: [String], _ placed: PlacedArchive) async throws {
        let connection = settings.argument(database: database, applicationName: "archon-backupd/restore")
        let seconds = try limit.remaining()
        let ending = try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await followSize() }
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

    private func followSize() async throws {
        while !Task.isCancelled {
            let bytes = try await admin.value("SELECT pg_database_size($1)", [database]).flatMap(Int64.init) ?? 0
            progress(RunProgress(phase: .restoring, bytes: bytes))
            try await Task.sleep(for: .seconds(1))
        }
    }
}
