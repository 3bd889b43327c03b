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

    /// All of the file is applied, or nothing. Throws `.failed` with what psql said, or `LostCommit` when its connection was lost
    /// or it ended in another way than by the file's last line or an error in it.
    func perform(serverMajor: Int) async throws {
        let tools = try await Tools.find(for: side.settings, serverMajor: serverMajor)
        let connection = side.settings.argument(
            database: side.job.database, applicationName: IsolationSide.applicationName)
        let text = script.input(lockTimeoutSeconds: lockTimeoutSeconds, lock: lock, ending: ending)
        let ending = try await tools.talk(
            .psql,
            [
                "--no-psqlrc", "--no-password", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-",
                "--dbname=\(connection) client_encoding=UTF8",
            ], saying: Array(text.utf8), settings: side.settings, timeoutSeconds: side.job.timeoutSeconds)
        switch ending.cause {
        case .exited(0): return
        case .interrupted: throw CancellationError()
        case .timedOut:
            throw LostCommit(
                failure: Failure(
                    .failed, "psql did not apply \(file) within \(TimeSpan.text(side.job.timeoutSeconds))",
                    hint: "Write a longer \"timeout\" for the job \(side.job.name).", cause: ending.errors))
        case .exited, .signaled:
            let failure = Failure(
                .failed, "psql \(ending.description) at \(file) in \(side.job.database)",
                hint: "psql:<stdin>:N is line N of the file.", cause: ending.errors)
            // 3 is an error in the file, 1 one before it: psql's manual page, EXIT STATUS.
            guard [.exited(1), .exited(3)].contains(ending.cause) else { throw LostCommit(failure: failure) }
            throw failure
        }
    }
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
