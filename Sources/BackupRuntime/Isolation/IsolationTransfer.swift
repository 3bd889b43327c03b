import BackupCore
import Foundation

/// Steps 3 to 5.
extension IsolationRun {
    /// In one transaction of the source: from its beginning on nobody writes into the old tables, so that no row falls between the
    /// copy and the move. Killed at any line, the source has all of its tables, and the target all of the rows or none.
    /// Gives the rows of each table, the dump of what was replaced, and what is worth knowing.
    func transfer(_ now: Date, _ backUp: @escaping @Sendable (Job) async throws -> Manifest) async throws -> (
        rows: [String: Int], dump: String?, notes: [String]
    ) {
        let holder = try await source.open()
        let session = try await target.open()
        let replaced = Shared<String?>(nil)
        do {
            let (rows, isolation) = try await step(.copyRows) {
                let isolation = try await hold(holder, session, now)
                let copy = RowCopy(isolation: isolation, holder: holder, session: session, target: target) { tables in
                    let name = try await dump(target, holding: tables, withHooks: false, backUp)
                    replaced.with { $0 = name }
                }
                return (try await copy.perform(tell), isolation)
            }
            try await step(.expectTarget) { try await expect([target]) }
            try await step(.moveTables) { try await move(isolation, holder) }
            return (rows, replaced.with { $0 }, isolation.notes)
        } catch {
            await IsolationSide.rollBack(session)
            await IsolationSide.rollBack(holder)
            throw error
        }
    }

    /// Begins both transactions: locks first, so that the snapshot has what was written before them; then the same questions
    /// again, whose answers hold until the end.
    private func hold(_ holder: Session, _ session: Session, _ now: Date) async throws -> Isolation {
        let tables = try await moving(holder)
        try await IsolationSide.begin(
            holder, isolation: "REPEATABLE READ", lockTimeoutSeconds: plan.lockTimeoutSeconds)
        try await IsolationSide.begin(session, lockTimeoutSeconds: plan.lockTimeoutSeconds)
        guard !tables.isEmpty else { return try await look(now, held: (holder, session)) }
        try await source.waiting(plan.lockTimeoutSeconds) {
            try await holder.query(Isolation.lockSource(tables))
        }
        let there = plan.copyRows ? try await moving(session).filter { one in tables.contains(where: one.isNamed) } : []
        if !there.isEmpty {
            try await target.waiting(plan.lockTimeoutSeconds) {
                try await session.query(Isolation.lockTarget(there))
            }
        }
        let isolation = try await look(now, held: (holder, session))
        try Self.refuse(isolation.refusalsAfterSchema, hint: nil)
        for (side, one, other) in [
            (source, isolation.facts.tables, tables),
            (target, plan.copyRows ? isolation.facts.targetTables : [], there),
        ] where one != other {
            throw Failure(
                .failed, "the tables of \(side.job.database) have changed meanwhile", hint: "Who makes tables there?")
        }
        return isolation
    }

    private func moving(_ session: Session) async throws -> [IsolatedTable] {
        plan.moving(try await IsolationSurvey.tables(session))
    }

    private func move(_ isolation: Isolation, _ holder: Session) async throws {
        try await source.waiting(plan.lockTimeoutSeconds) {
            for statement in isolation.moveStatements { try await holder.query(statement) }
        }
        try await IsolationSide.commit(holder)
    }
}
