import BackupCore
import Foundation

/// Reads a table as pg_dump does and takes its rows and fingerprint.
enum TableReading {
    /// `table` and `columns` as in an archive's COPY statement. Nil when there is no such table or column. The session must
    /// have its `TextSettings`.
    static func take(_ table: String, columns: String, where condition: String? = nil, _ session: Session) async throws
        -> ArchiveFacts.TableData?
    {
        let fingerprint = Shared(Fingerprint())
        let names = columns.isEmpty ? "*" : String(columns.dropFirst().dropLast())
        let source = condition.map { "(SELECT \(names) FROM ONLY \(table) \($0))" } ?? "\(table) \(columns)"
        do {
            let rows = try await session.copyOut("COPY \(source) TO STDOUT") { line in
                let hash = RowHash.xxh3.whole(line)
                fingerprint.with { $0.add(hash) }
            }
            return .init(rows: rows, fingerprint: fingerprint.with { $0 }, columns: columns)
        } catch let fault as Session.Fault where fault.isAboutMissingRelation {
            return nil
        }
    }
}

/// Reads all large objects.
enum LargeObjectReading {
    /// Of one piece: lo_get gives no more than a value may have.
    private static let pieceBytes = 32 << 20

    /// Their fingerprint as `ArchiveFacts.largeObjectData` defines it.
    static func take(_ session: Session) async throws -> Fingerprint {
        let fingerprint = Shared(Fingerprint())
        // Most are small and come in one go; of the others the first piece alone is read here.
        let large = Shared<[String]>([])
        _ = try await session.copyOut(
            """
            COPY (SELECT oid, encode(lo_get(oid, 0, \(pieceBytes)), 'hex') FROM pg_largeobject_metadata) TO STDOUT
            """
        ) { line in
            guard line.count < 2 * pieceBytes else {
                return large.with { $0.append(String(decoding: line.prefix { $0 != 0x09 }, as: UTF8.self)) }
            }
            let hash = RowHash.xxh3.whole(line)
            fingerprint.with { $0.add(hash) }
        }
        for number in large.with({ $0 }) {
            let hash = try await hash(of: number, session)
            fingerprint.with { $0.add(hash) }
        }
        return fingerprint.with { $0 }
    }

    private static func hash(of number: String, _ session: Session) async throws -> UInt128 {
        let stream = RowHash.xxh3.begin()
        var head = "\(number)\t"
        head.withUTF8 { stream.add(UnsafeRawBufferPointer($0)) }
        var offset = 0
        while true {
            var bytes = 0
            let piece = try await session.value("SELECT encode(lo_get(\(number), \(offset), \(pieceBytes)), 'hex')")
            var text = piece ?? ""
            bytes = text.utf8.count / 2
            text.withUTF8 { stream.add(UnsafeRawBufferPointer($0)) }
            guard bytes == pieceBytes else { return stream.finish() }
            offset += bytes
        }
    }
}

extension Session.Fault {
    /// undefined_table, undefined_column, invalid_schema_name.
    var isAboutMissingRelation: Bool { ["42P01", "42703", "3F000"].contains(sqlState) }
}

/// The settings under which a session's values become text. pg_dump sets some itself, others come from the server, the role or
/// the database: those are noted when a dump is made.
enum TextSettings {
    /// What the manifest notes: these change the text of some value, and pg_dump leaves them as they are.
    static let noted = ["TimeZone", "bytea_output", "lc_monetary", "quote_all_identifiers"]
    /// The same wherever a value is read: for what need not be as in a dump.
    static let plain = [
        "TimeZone": "UTC", "bytea_output": "hex", "lc_monetary": "C", "quote_all_identifiers": "off",
    ]
    /// From PostgreSQL 17 on a transaction may have a limit too.
    static let endlessTransactions =
        "SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name = 'transaction_timeout'"

    static func gather(_ session: Session) async throws -> [String: String] {
        var found: [String: String] = [:]
        for name in noted { found[name] = try await session.value("SELECT current_setting($1, true)", [name]) }
        return found
    }

    private static let hasMoney =
        "SELECT 1 FROM pg_attribute WHERE atttypid = 'money'::regtype AND attrelid >= 16384 LIMIT 1"

    /// Makes a session like that of pg_dump, with what was noted.
    static func apply(_ settings: [String: String]?, clientEncoding: String?, _ session: Session) async throws {
        try await session.query(
            """
            SELECT pg_catalog.set_config('search_path', '', false);
            SET DateStyle = ISO; SET IntervalStyle = postgres; SET extra_float_digits = 3; SET row_security = off;
            SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0;
            \(endlessTransactions)
            """)
        for (name, value) in settings ?? [:] {
            do {
                try await session.query("SELECT pg_catalog.set_config($1, $2, false)", [name, value])
            } catch let fault as Session.Fault {
                // It matters for values of type money alone.
                if name == "lc_monetary", try await session.value(hasMoney) == nil { continue }
                throw Failure(
                    .unavailable, "the server does not take the dump's \(name) \(value): \(fault.message)",
                    hint: "Install what it names on the server's host.", cause: fault.description)
            }
        }
        if let clientEncoding {
            try await session.query("SELECT pg_catalog.set_config('client_encoding', $1, false)", [clientEncoding])
        }
    }
}
