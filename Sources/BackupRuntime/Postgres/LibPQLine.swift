import BackupCore
import CLibPQ
import Dispatch
import Foundation

/// A session's line by libpq: each call runs on a thread of the connection's own, for libpq blocks.
final class LibPQLine: Session.Line {
    private final class Connection: @unchecked Sendable {
        // Safe: used on `queue` only, but for PQgetCancel, which the manual allows from any thread.
        let pointer: OpaquePointer
        init(_ pointer: OpaquePointer) { self.pointer = pointer }
        deinit { PQfinish(pointer) }
    }

    private let connection: Connection
    private let queue: DispatchQueue
    let serverVersion: Int
    let serverVersionText: String
    let backendPID: Int32

    private init(_ pointer: OpaquePointer, _ queue: DispatchQueue) {
        connection = Connection(pointer)
        self.queue = queue
        serverVersion = Int(PQserverVersion(pointer))
        serverVersionText = PQparameterStatus(pointer, "server_version").map { String(cString: $0) } ?? ""
        backendPID = PQbackendPID(pointer)
    }

    /// Throws `.unavailable` with the server's words when there is no connection to be had.
    static func open(_ settings: ConnectionSettings, database: String, applicationName: String) async throws
        -> LibPQLine
    {
        let queue = DispatchQueue(label: "archon-backupd.session", qos: .default)
        let parameters = settings.parameters(database: database, applicationName: applicationName)
        return try await withCheckedThrowingContinuation { continuation in
            queue.async { @Sendable in
                continuation.resume(with: Result { try connect(parameters, settings, database, queue) })
            }
        }
    }

    /// Of libpq's `connection to server on socket "…" failed: Connection refused` and its lines the end of the first.
    private static func reason(in said: String) -> Substring {
        let line = said.prefix { $0 != "\n" }
        return line.range(of: " failed: ").map { line[$0.upperBound...] } ?? line
    }

    /// Who comes through a local socket is, by Debian's rule, who the system says: the usual stumbling block of a service with
    /// a user of its own.
    private static func hint(for said: String) -> String {
        let user = getpwuid(geteuid()).map { String(cString: $0.pointee.pw_name) } ?? "\(geteuid())"
        if said.contains("Peer authentication failed") {
            return
                "This program runs as the system's user \(user). Make a role for it, CREATE ROLE \"\(user)\" SUPERUSER LOGIN, and write user=\(user) in the connection, or map \(user) in pg_ident.conf: docs/install.md has both."
        }
        if said.contains("role \"\(user)\" does not exist") {
            return "Make the role: CREATE ROLE \"\(user)\" SUPERUSER LOGIN; docs/install.md has what less will do."
        }
        if said.contains("timeout expired") {
            return
                "Nobody answered. Is the server's host up, and does the service's IPAddressAllow= let it through (docs/install.md)?"
        }
        return "Is the server running, and may this user connect? Try psql with the same parameters."
    }

    private static func connect(
        _ parameters: [(name: String, value: String)], _ settings: ConnectionSettings, _ database: String,
        _ queue: DispatchQueue
    ) throws -> LibPQLine {
        let all = parameters + [("client_encoding", "UTF8"), ("fallback_application_name", "archon-backupd")]
        var names: [UnsafePointer<CChar>?] = all.map { UnsafePointer(strdup($0.name)) } + [nil]
        var values: [UnsafePointer<CChar>?] = all.map { UnsafePointer(strdup($0.value)) } + [nil]
        defer { for text in names + values { free(UnsafeMutablePointer(mutating: text)) } }
        guard let pointer = PQconnectdbParams(&names, &values, 1) else {
            throw Failure(.unavailable, "no memory for a connection to \(settings.place)")
        }
        guard PQstatus(pointer) == CONNECTION_OK else {
            let said = String(cString: PQerrorMessage(pointer)).trimmingCharacters(in: .whitespacesAndNewlines)
            PQfinish(pointer)
            if said.contains("database \"\(database)\" does not exist") {
                throw Session.missing(database, said)
            }
            throw Failure(
                .unavailable, "no connection to database \(database) (\(settings.place)): \(reason(in: said))",
                hint: hint(for: said),
                cause: said)
        }
        PQsetNoticeProcessor(pointer, { _, _ in }, nil)
        return LibPQLine(pointer, queue)
    }

    func query(_ sql: String, _ parameters: [String?]) async throws -> [[String?]] {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                queue.async { @Sendable in
                    continuation.resume(with: Result { try self.perform(sql, parameters) })
                }
            }
        } onCancel: {
            cancel()
        }
    }

    private func perform(_ sql: String, _ parameters: [String?]) throws -> [[String?]] {
        let texts = parameters.map { $0.map { UnsafePointer<CChar>(strdup(encoded($0))) } ?? nil }
        defer { for text in texts { free(UnsafeMutablePointer(mutating: text)) } }
        let pointer = connection.pointer
        let sql = encoded(sql)
        // Without parameters the simple protocol, which takes several statements at once.
        let result =
            parameters.isEmpty
            ? PQexec(pointer, sql) : PQexecParams(pointer, sql, Int32(texts.count), nil, texts, nil, nil, 0)
        defer { PQclear(result) }
        switch PQresultStatus(result) {
        case PGRES_TUPLES_OK: return rows(result)
        case PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: return []
        default: throw fault(result)
        }
    }

    /// Hands the lines over on the connection's own thread.
    func copyOut(_ sql: String, onLine: @escaping @Sendable (UnsafeRawBufferPointer) -> Void) async throws
        -> Int
    {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                queue.async { @Sendable in continuation.resume(with: Result { try self.copy(sql, onLine) }) }
            }
        } onCancel: {
            cancel()
        }
    }

    private func copy(_ sql: String, _ onLine: (UnsafeRawBufferPointer) -> Void) throws -> Int {
        let pointer = connection.pointer
        let begun = PQexec(pointer, encoded(sql))
        defer { PQclear(begun) }
        guard PQresultStatus(begun) == PGRES_COPY_OUT else { throw fault(begun) }
        var lines = 0
        var line: UnsafeMutablePointer<CChar>?
        while true {
            let count = PQgetCopyData(pointer, &line, 0)
            guard count > 0 else { break }
            onLine(UnsafeRawBufferPointer(start: line, count: Int(count) - 1))
            PQfreemem(line)
            lines += 1
        }
        var failed: (any Error)?
        while let result = PQgetResult(pointer) {
            if PQresultStatus(result) != PGRES_COMMAND_OK { failed = failed ?? fault(result) }
            PQclear(result)
        }
        if let failed { throw failed }
        return lines
    }

    func copyIn(_ sql: String, next: @escaping @Sendable () throws -> [UInt8]?) async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                queue.async { @Sendable in continuation.resume(with: Result { try self.feed(sql, next) }) }
            }
        } onCancel: {
            cancel()
        }
    }

    private func feed(_ sql: String, _ next: () throws -> [UInt8]?) throws {
        let pointer = connection.pointer
        let begun = PQexec(pointer, encoded(sql))
        defer { PQclear(begun) }
        guard PQresultStatus(begun) == PGRES_COPY_IN else { throw fault(begun) }
        var failed: (any Error)?
        do {
            var isTaken = true
            while isTaken, let chunk = try next() {
                isTaken = chunk.withUnsafeBytes {
                    PQputCopyData(pointer, $0.bindMemory(to: CChar.self).baseAddress, Int32($0.count)) == 1
                }
            }
        } catch {
            failed = error
        }
        // What the server thinks of it comes with the results.
        _ = PQputCopyEnd(pointer, failed == nil ? nil : "there is no more to copy")
        while let result = PQgetResult(pointer) {
            if PQresultStatus(result) != PGRES_COMMAND_OK { failed = failed ?? fault(result) }
            PQclear(result)
        }
        if let failed { throw failed }
    }

    /// False after client_encoding was set to another one: then names and values are bytes, see `ByteText`.
    private var isUTF8: Bool {
        ByteText.isUTF8(PQparameterStatus(connection.pointer, "client_encoding").map { String(cString: $0) })
    }

    private func encoded(_ text: String) -> [CChar] {
        ByteText.encode(text, isUTF8: isUTF8).map { CChar(bitPattern: $0) } + [0]
    }

    private func decoded(_ text: UnsafePointer<CChar>) -> String {
        let bytes = UnsafeRawBufferPointer(start: text, count: strlen(text))
        return ByteText.decode(bytes, isUTF8: isUTF8)
    }

    private func rows(_ result: OpaquePointer?) -> [[String?]] {
        let columns = PQnfields(result)
        return (0..<PQntuples(result)).map { row in
            (0..<columns).map { column in
                PQgetisnull(result, row, column) == 1 ? nil : decoded(PQgetvalue(result, row, column))
            }
        }
    }

    private func fault(_ result: OpaquePointer?) -> any Error {
        func field(_ code: Character) -> String? {
            PQresultErrorField(result, Int32(code.asciiValue ?? 0)).map { decoded($0) }
        }
        guard PQstatus(connection.pointer) == CONNECTION_OK, let message = field("M") else {
            let said = String(cString: PQerrorMessage(connection.pointer)).trimmingCharacters(
                in: .whitespacesAndNewlines)
            return Failure(
                .unavailable, "the connection to the server was lost", hint: "Was the server restarted?", cause: said)
        }
        return Session.Fault(sqlState: field("C") ?? "", message: message, detail: field("D"))
    }

    private func cancel() {
        guard let handle = PQgetCancel(connection.pointer) else { return }
        defer { PQfreeCancel(handle) }
        var message = [CChar](repeating: 0, count: 256)
        _ = PQcancel(handle, &message, Int32(message.count))
    }
}
