import BackupCore

/// One session with a server. Text in, text out; a cancelled task asks the server to cancel the statement. Ended when it is no
/// longer used.
package final class Session: Sendable {
    /// What the server said against a statement.
    package struct Fault: Error, Sendable {
        package let sqlState: String
        package let message: String
        package let detail: String?
    }

    /// What carries the words: libpq, or a psql inside a container. One call at a time is carried out, in their order.
    protocol Line: Sendable {
        var serverVersion: Int { get }
        var serverVersionText: String { get }
        var backendPID: Int32 { get }
        func query(_ sql: String, _ parameters: [String?]) async throws -> [[String?]]
        func copyOut(_ sql: String, onLine: @escaping @Sendable (UnsafeRawBufferPointer) -> Void) async throws -> Int
        func copyIn(_ sql: String, next: @escaping @Sendable () throws -> [UInt8]?) async throws
    }

    private let line: any Line

    private init(_ line: any Line) { self.line = line }

    /// Of a server that says so.
    static func missing(_ database: String, _ said: String) -> Failure {
        Failure(
            .unavailable, "the database \(database) does not exist",
            hint:
                "Is the name right? It is \"database\" of the job, or the job's own. A new one is made with createdb, a lost one comes back with `archon-backupd restore`.",
            cause: said)
    }

    /// Throws `.unavailable` with the server's words when there is no connection to be had.
    package static func open(_ settings: ConnectionSettings, database: String, applicationName: String) async throws
        -> Session
    {
        guard settings.container == nil else {
            return Session(try await PsqlLine.open(settings, database: database, applicationName: applicationName))
        }
        return Session(try await LibPQLine.open(settings, database: database, applicationName: applicationName))
    }

    /// As `SHOW server_version_num`: 150018.
    package var serverVersion: Int { line.serverVersion }
    /// As the server writes it: `15.18 (Debian 15.18-0+deb12u1)`.
    package var serverVersionText: String { line.serverVersionText }
    package var backendPID: Int32 { line.backendPID }

    /// The rows of a statement, each value as text or nil for NULL; of several statements, which are one transaction, those of
    /// the last. Throws `Session.Fault` for what the server refuses, `.unavailable` when the connection is lost.
    @discardableResult
    package func query(_ sql: String, _ parameters: [String?] = []) async throws -> [[String?]] {
        try await line.query(sql, parameters)
    }

    /// The only value of the only row; nil for NULL or no row.
    package func value(_ sql: String, _ parameters: [String?] = []) async throws -> String? {
        try await query(sql, parameters).first?.first ?? nil
    }

    /// All of the statements or none.
    package func transaction(_ statements: [String]) async throws {
        try await query("BEGIN")
        do {
            for statement in statements { try await query(statement) }
            try await query("COMMIT")
        } catch {
            try await query("ROLLBACK")
            throw error
        }
    }

    /// Runs a `COPY … TO STDOUT` and hands over each line, without its line feed, one after the other. Returns how many there
    /// were. Throws as `query` does, for instance when the task is cancelled.
    package func copyOut(_ sql: String, onLine: @escaping @Sendable (UnsafeRawBufferPointer) -> Void) async throws
        -> Int
    {
        try await line.copyOut(sql, onLine: onLine)
    }

    /// Runs a `COPY … FROM STDIN`. `next` gives whole lines with their line feeds, nil at the end; it may wait, on a thread of
    /// the session's own. Where it throws, nothing of the COPY is kept once the transaction, which must be open, is rolled back.
    package func copyIn(_ sql: String, next: @escaping @Sendable () throws -> [UInt8]?) async throws {
        try await line.copyIn(sql, next: next)
    }
}

extension Session.Fault: CustomStringConvertible {
    package var description: String { [message, detail].compactMap { $0 }.joined(separator: "\n") + " (\(sqlState))" }
}
