import BackupCore
import Foundation
import Synchronization

/// A session's line by one psql inside a container: what libpq would be told goes to its stdin, what it would answer comes
/// from its stdout. The psql ends with this.
final class PsqlLine: Session.Line {
    let serverVersion: Int
    let serverVersionText: String
    let backendPID: Int32
    private let talk: PsqlTalk
    private let settings: ConnectionSettings
    private let host: ContainerHost
    /// How long a cancelled statement may go on: a frozen container never answers.
    private let patience: Duration
    private let turns = Turns()
    /// The number of the statement in progress; nil between statements.
    private let current = Mutex<Int?>(nil)
    private let count = Mutex(0)

    private init(
        _ talk: PsqlTalk, _ settings: ConnectionSettings, _ host: ContainerHost, _ patience: Duration,
        greeting: [String]
    ) {
        self.talk = talk
        self.patience = patience
        self.settings = settings
        self.host = host
        serverVersion = Int(greeting[0]) ?? 0
        backendPID = Int32(greeting[1]) ?? 0
        serverVersionText = greeting[2]
    }

    deinit { talk.end() }

    static func open(
        _ settings: ConnectionSettings, database: String, applicationName: String, patience: Duration = .seconds(60)
    ) async throws -> PsqlLine {
        guard let host = try await settings.host() else {
            throw Failure(.unavailable, "\(settings.place) is no container")
        }
        let talk = try PsqlTalk(
            host, connection: settings.argument(database: database, applicationName: applicationName),
            passfile: try settings.passfileLines())
        do {
            let greeting = try await withTaskCancellationHandler {
                try await talk.say(
                    "SELECT current_setting('server_version_num'), pg_backend_pid(), current_setting('server_version')")
            } onCancel: {
                talk.abandon()
            }.rows.first?.compactMap { $0 }
            guard let greeting, greeting.count == 3 else {
                throw Failure(
                    .unavailable, "psql in \(host.container.name) does not say what server it is connected to")
            }
            return PsqlLine(talk, settings, host, patience, greeting: greeting)
        } catch let broken as PsqlTalk.Broken {
            talk.end()
            throw fault(broken, settings, database)
        } catch {
            talk.end()
            throw error
        }
    }

    private static func fault(_ broken: PsqlTalk.Broken, _ settings: ConnectionSettings, _ database: String) -> Failure
    {
        if let failure = broken.failure { return failure }
        let said = broken.errors
        if said.contains("database \"\(database)\" does not exist") {
            return Session.missing(database, said)
        }
        let line = said.split(separator: "\n").first ?? "psql ended"
        let reason = line.range(of: " failed: ").map { line[$0.upperBound...] } ?? line
        let isMissing = said.contains("not found")
        return Failure(
            .unavailable, "no connection to database \(database) (\(settings.place)): \(reason)",
            hint: isMissing
                ? "Does the image have psql, and in its PATH?"
                : "Is the server running in there, and may this user connect? Try psql in the container.",
            cause: said)
    }

    // MARK: statements

    func query(_ sql: String, _ parameters: [String?]) async throws -> [[String?]] {
        try await inTurn(sql, parameters).rows
    }

    func copyOut(_ sql: String, onLine: @escaping @Sendable (UnsafeRawBufferPointer) -> Void) async throws -> Int {
        try await inTurn(sql, [], onLine: onLine).lines
    }

    /// First without a line: were the COPY itself refused, psql would take the lines for statements.
    func copyIn(_ sql: String, next: @escaping @Sendable () throws -> [UInt8]?) async throws {
        _ = try await inTurn(sql, [], next: { nil })
        let fault = Shared<(any Error)?>(nil)
        _ = try await inTurn(
            sql, [],
            next: {
                do {
                    return try next()
                } catch {
                    fault.with { $0 = error }
                    return nil
                }
            })
        if let fault = fault.with({ $0 }) { throw fault }
    }

    private func inTurn(
        _ sql: String, _ parameters: [String?], onLine: (@Sendable (UnsafeRawBufferPointer) -> Void)? = nil,
        next: (@Sendable () -> [UInt8]?)? = nil
    ) async throws -> PsqlTalk.Answer {
        let message: String
        do throws(PsqlText.Refusal) {
            message = try PsqlText.message(sql, parameters)
        } catch {
            throw Session.Fault(sqlState: "42601", message: error.message, detail: nil)
        }
        if message.isEmpty { return PsqlTalk.Answer() }
        await turns.take()
        do {
            let answer = try await cancellable(message, onLine, next)
            await turns.give()
            return answer
        } catch {
            await turns.give()
            throw error
        }
    }

    private func cancellable(
        _ message: String, _ onLine: (@Sendable (UnsafeRawBufferPointer) -> Void)?, _ next: (@Sendable () -> [UInt8]?)?
    ) async throws -> PsqlTalk.Answer {
        let number = count.withLock { count in
            count += 1
            return count
        }
        let canceller = Shared<Task<Void, Never>?>(nil)
        current.withLock { $0 = number }
        let answer = await withTaskCancellationHandler {
            do {
                return Result<PsqlTalk.Answer, any Error>.success(
                    try await talk.say(message, onLine: onLine, next: next))
            } catch {
                return .failure(error)
            }
        } onCancel: {
            let task = Task { await self.cancel(number) }
            canceller.with { $0 = task }
        }
        current.withLock { $0 = nil }
        // One that comes late would end the next statement.
        await canceller.with({ $0 })?.value
        do {
            return try answer.get()
        } catch let broken as PsqlTalk.Broken {
            throw broken.failure
                ?? Failure(
                    .unavailable, "the connection to the server was lost", hint: "Was the server restarted?",
                    cause: broken.errors)
        }
    }

    /// By another psql, again and again as long as the statement is in progress: it may not have begun at the server yet. In the
    /// end the session is given up.
    private func cancel(_ number: Int) async {
        let end = ContinuousClock.now + patience
        while current.withLock({ $0 }) == number {
            let connection = settings.argument(
                database: settings.maintenanceDatabase, applicationName: ApplicationName.own)
            // A cancellation that cannot be asked for leaves the statement to its own end.
            let passfile = (try? settings.passfileLines()) ?? []  // see above
            _ = try? await host.run(  // see above
                [
                    "psql", "--no-psqlrc", "--no-password", "--quiet", "--dbname=\(connection)",
                    "--command=SELECT pg_cancel_backend(\(backendPID))",
                ], passfile: passfile, timeoutSeconds: 30)
            if ContinuousClock.now >= end { talk.abandon() }
            for _ in 0..<10 where current.withLock({ $0 }) == number {
                try? await Task.sleep(for: .milliseconds(100))  // this task is not cancelled
            }
        }
    }
}

/// One after the other, in the order of coming.
private actor Turns {
    private var isTaken = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func take() async {
        if !isTaken {
            isTaken = true
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    func give() {
        if waiting.isEmpty { isTaken = false } else { waiting.removeFirst().resume() }
    }
}
