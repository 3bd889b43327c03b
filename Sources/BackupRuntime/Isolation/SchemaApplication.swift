import BackupCore
import Foundation

/// Applies a plan's schema file by psql of the server's version, where its tools are.
struct SchemaApplication: Sendable {
    let script: SchemaScript
    /// As the plan names it, for messages.
    let file: String
    let side: IsolationSide
    let lockTimeoutSeconds: Double
    let lock: Int64
    /// SQL for the end of the file's transaction.
    let ending: String

    /// All of the file is applied, or nothing. Throws `.unavailable` when psql could not connect, `.busy` when a psql that was left
    /// behind is still at work, `.failed` with what psql said, or `LostCommit` when its connection was lost or it ended in another
    /// way than by the file's last line or an error in it.
    func perform(serverMajor: Int) async throws {
        let tools = try await Tools.find(for: side.settings, serverMajor: serverMajor)
        let limit = SchemaLockLimit(try await side.open(), seconds: lockTimeoutSeconds, lock: lock)
        let waitedAhead = Shared(false)
        do {
            try await side.waiting(lockTimeoutSeconds) {
                let ending = try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { await limit.watch() }
                    defer { group.cancelAll() }
                    return try await tell(tools)
                }
                let answer = SchemaAnswer(ending.errors, script: script, file: file)
                waitedAhead.with { $0 = answer.isAhead && answer.sqlState == "55P03" }
                try judge(ending, answer, isCancelled: await limit.hasCancelled)
            }
        } catch let failure as Failure where waitedAhead.with({ $0 }) {
            let holder = try await limit.holder()
            throw Failure(
                .busy, "the psql of a run that was killed is still applying a schema file to \(side.job.database)",
                hint:
                    "It ends by itself once it has its own lock or waits too long for it; or end it: SELECT pg_terminate_backend(\(holder?.pid ?? "PID")).",
                cause: [holder?.description, failure.cause].compactMap(\.self).joined(separator: "\n"))
        }
    }

    private func tell(_ tools: Tools) async throws -> Child.Ending {
        let connection = side.settings.argument(
            database: side.job.database, applicationName: IsolationSide.applicationName)
        let text = script.input(lockTimeoutSeconds: lockTimeoutSeconds, lock: lock, ending: ending)
        return try await tools.talk(
            .psql,
            [
                "--no-psqlrc", "--no-password", "--quiet", "--set=ON_ERROR_STOP=1", "--set=VERBOSITY=verbose",
                "--file=-",
                "--dbname=\(connection) client_encoding=UTF8",
            ], saying: Array(text.utf8), settings: side.settings, timeoutSeconds: side.job.timeoutSeconds)
    }

    private func judge(_ ending: Child.Ending, _ answer: SchemaAnswer, isCancelled: Bool) throws {
        switch ending.cause {
        case .exited(0): return
        case .interrupted: throw CancellationError()
        case .timedOut:
            throw LostCommit(
                failure: Failure(
                    .failed, "psql did not apply \(file) within \(TimeSpan.text(side.job.timeoutSeconds))",
                    hint: "Write a longer \"timeout\" for the job \(side.job.name).", cause: answer.text))
        // 2 is a connection that was not made or was lost, 3 an error in the file, 1 one before it: psql's manual page, EXIT STATUS.
        case .exited(2) where !answer.wasConnected:
            throw Failure(
                .unavailable, "psql could not connect to \(side.job.database), and has done nothing",
                hint: "Does the server run, and does it take more connections?", cause: answer.text)
        case .exited(1), .exited(3):
            if let state = answer.sqlState, ["55P03", "40P01"].contains(state) || isCancelled {
                // `waiting` names who holds the lock.
                throw Session.Fault(
                    sqlState: isCancelled ? "55P03" : state, message: answer.text, detail: nil)
            }
            throw Failure(
                .failed, "psql \(ending.description) at \(file) in \(side.job.database)",
                hint: answer.isRepeated ? Self.twice : nil, cause: answer.text)
        case .exited, .signaled:
            throw LostCommit(
                failure: Failure(
                    .failed, "psql \(ending.description) at \(file) in \(side.job.database)", cause: answer.text))
        }
    }

    private static let twice =
        "The file must be one that can be applied twice: IF NOT EXISTS for tables, indexes, columns and schemas, OR REPLACE for functions, DROP … IF EXISTS before CREATE TRIGGER and CREATE POLICY, ON CONFLICT DO NOTHING for rows."
}

extension Tools {
    /// Runs one of them, where they are, with `text` as its stdin. A program of this host sees the end of it also when this one
    /// is killed.
    func talk(
        _ program: Program, _ arguments: [String], saying text: [UInt8], settings: ConnectionSettings,
        timeoutSeconds: Double
    ) async throws -> Child.Ending {
        let input = host == nil ? try ChildInput() : try ContainerHost.input(passfile: try settings.passfileLines())
        // Blocks until the program takes it; what it does not take any more is told by its end.
        let feeding = Task {
            try await blocking { _ in
                input.write(text)
                input.close()
            }
        }
        defer {
            input.close()
            feeding.cancel()
        }
        guard let host else {
            return try await Child.run(
                path(program), arguments, environment: settings.environment, timeoutSeconds: timeoutSeconds,
                input: input)
        }
        return try await host.run([path(program)] + arguments, .feed, timeoutSeconds: timeoutSeconds, input: input)
    }
}
