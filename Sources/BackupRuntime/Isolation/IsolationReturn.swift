import BackupCore
import Foundation

/// `--undo`. It needs the source alone: the target may be lost.
extension IsolationRun {
    /// What would be moved back now. Changes nothing.
    package func lookBack() async throws -> IsolationUndo { try await asking { try await $0.undo() } }

    /// Moves the tables back, in one transaction.
    package func undo() async throws -> IsolationReport {
        try Self.refuse(try await lookBack().refusals)
        let guards = try await alone(in: [source])
        let undo = try await lookBack()
        try Self.refuse(undo.refusals)
        var report = IsolationReport(undo)
        if !undo.isDone { try await moveBack(undo) }
        withExtendedLifetime(guards) {}
        report.finish()
        return report
    }

    private func moveBack(_ undo: IsolationUndo) async throws {
        let session = try await source.open()
        do {
            try await IsolationSide.begin(session, lockTimeoutSeconds: plan.lockTimeoutSeconds)
            try await source.waiting(plan.lockTimeoutSeconds) {
                for statement in undo.statements { try await session.query(statement) }
            }
            try await IsolationSide.commit(session)
        } catch {
            await IsolationSide.rollBack(session)
            if Task.isCancelled { throw CancellationError() }
            if let lost = error as? LostCommit {
                throw Failure(
                    lost.failure.kind, "\(lost.failure.message) at COMMIT: whether it was done is not known",
                    hint:
                        "Run the same command again: it asks the database, and moves the tables back if they are not.",
                    cause: lost.failure.cause)
            }
            guard let fault = error as? Session.Fault else { throw error }
            throw Failure(
                .failed, "the server refused to move the tables back: \(fault.message)",
                hint: "Nothing has changed; mend it and run the same command again.", cause: fault.description)
        }
    }
}
