import BackupCore

/// PostgreSQL itself.
enum ServerChecks {
    static func reach(_ server: Server) async -> CheckResult {
        let subject = "server \(server.name)"
        do {
            let session = try await Session.open(
                try ConnectionSettings(server), database: server.maintenanceDatabase,
                applicationName: ApplicationName.own)
            let version = session.serverVersion
            return .pass(.postgresql, subject, "PostgreSQL \(version / 10_000).\(version % 10_000)")
        } catch {
            return fault(error, .postgresql, subject)
        }
    }

    /// One result for each extension that the job expects.
    static func extensions(_ job: Job, _ names: [String], _ server: Server) async -> [CheckResult] {
        do {
            let session = try await Session.open(
                try ConnectionSettings(server), database: job.database, applicationName: ApplicationName.own)
            let available = try await session.query("SELECT name FROM pg_available_extensions")
            let installed = try await session.query("SELECT extname FROM pg_extension")
            return names.map {
                .extensionState(
                    $0, of: job.name, available: Set(available.compactMap { $0[0] }),
                    installed: Set(installed.compactMap { $0[0] }))
            }
        } catch {
            return names.map { fault(error, .extensions, "\(job.name): \($0)") }
        }
    }

    private static func fault(_ error: any Error, _ check: CheckName, _ subject: String) -> CheckResult {
        let failure = error as? Failure ?? Failure(.failed, "\(error)")
        let cause = failure.cause.map { $0.isEmpty ? "" : ": \($0)" } ?? ""
        return .fail(
            check, subject, failure.message + cause,
            mend: failure.hint ?? "`archon-backupd check --connect` says more.")
    }
}
