import BackupCore

/// Holds what a run has dumped to what its job expects, and tells when the database is not, or again, like that. What the dump
/// cannot say, because it leaves something out, is looked at in the live database. The dump is as good in any case.
struct RunAudit: Sendable {
    let ledger: Ledger
    let report: @Sendable (Event) -> Void

    func perform(_ request: RunRequest, _ manifest: Manifest, _ fields: [String: String]) async {
        let job = request.job
        guard let expected = job.expected, let audit = await audit(request, expected, manifest, fields) else { return }
        let (last, drift) = await ledger.noteDrift(job.name, audit)
        if !audit.isMet, let drift {
            let command = "archon-backupd audit \(ShellCommand.word(job.name))"
            let text = "\(job.name): \(job.database) is not as expected: \(drift.text); `\(command)`"
            report(Event(.databaseDrifted, text, fields.merging(["REASON": drift.text]) { $1 }))
        } else if last != nil, drift == nil {
            report(Event(.databaseAsExpected, "\(job.name): \(job.database) is as expected again", fields))
        }
    }

    /// Of the dump, and of the live database where the dump is silent; nil when both are.
    private func audit(
        _ request: RunRequest, _ expected: ExpectedContents, _ manifest: Manifest, _ fields: [String: String]
    ) async -> Audit? {
        let job = request.job
        let dumped = DatabaseContents(manifest, of: job).map { Audit(expected, $0, database: job.database) }
        if let dumped, !dumped.isPartial { return dumped }
        do {
            let contents = try await LiveContents.read(job, request.server)
            let live = Audit(expected, contents, database: job.database)
            return dumped?.completed(by: live) ?? live
        } catch {
            // Told to stop: the next run looks again.
            guard !Task.isCancelled else { return dumped }
            let reason = (error as? Failure)?.description ?? "\(error)"
            let text = "\(job.name): what is expected of \(job.database) could not be looked at: \(reason)"
            report(Event(.warning, text, fields.merging(["REASON": reason]) { $1 }))
            return dumped
        }
    }
}
