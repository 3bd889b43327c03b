import BackupCore

/// The rows of all tables of a restored database, read on several sessions; a large table in pieces, which any of them takes.
struct RestoredTables: Sendable {
    let expected: [String: ArchiveFacts.TableData]
    /// A session with the dump's text settings.
    let open: @Sendable () async throws -> Session
    /// A piece is not smaller: each costs a question.
    var pieceBytes: Int64 = 32 << 20

    private struct Piece: Sendable {
        var table: String
        var columns: String
        /// Rows by their place, or those that pg_dump takes; nil for all.
        var condition: String?
        var bytes: Int64
    }

    /// Of each session, so that all end at about the same time.
    private static let piecesPerSession: Int64 = 4

    /// Of those that are there.
    func read(sessions: Int) async throws -> [String: ArchiveFacts.TableData] {
        let first = try await open()
        let pieces = try await pieces(first, sessions: sessions)
        let next = Shared(0)
        return try await withThrowingTaskGroup(of: [String: ArchiveFacts.TableData].self) { group in
            for number in 0..<max(1, min(sessions, pieces.count)) {
                group.addTask {
                    let session = number == 0 ? first : try await open()
                    var found: [String: ArchiveFacts.TableData] = [:]
                    while true {
                        let index = next.with { next in
                            next += 1
                            return next - 1
                        }
                        guard index < pieces.count else { return found }
                        let piece = pieces[index]
                        let read = try await TableReading.take(
                            piece.table, columns: piece.columns, where: piece.condition, session)
                        if let read { found.merge([piece.table: read], uniquingKeysWith: Self.sum) }
                    }
                }
            }
            return try await group.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: Self.sum) }
        }
    }

    private static func sum(_ one: ArchiveFacts.TableData, _ other: ArchiveFacts.TableData) -> ArchiveFacts.TableData {
        .init(rows: one.rows + other.rows, fingerprint: one.fingerprint + other.fingerprint, columns: one.columns)
    }

    // MARK: pieces

    private struct Size {
        var bytes: Int64 = 0
        /// Of a heap, whose rows can be asked for by their place.
        var blocks: Int64 = 0
        /// Of an extension's table, which rows are its users': the others come with the extension, and are in no dump.
        var condition: String?
    }

    private static let sizes = """
        SELECT format('%I.%I', n.nspname, c.relname), pg_table_size(c.oid),
          CASE WHEN a.amname = 'heap' THEN pg_relation_size(c.oid) / current_setting('block_size')::int ELSE 0 END, e.condition
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_am a ON a.oid = c.relam
        LEFT JOIN (SELECT unnest(extconfig) AS relation, unnest(extcondition) AS condition FROM pg_extension) e
          ON e.relation = c.oid
        WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
        """

    /// The largest first.
    private func pieces(_ session: Session, sessions: Int) async throws -> [Piece] {
        var sizes: [String: Size] = [:]
        for row in try await session.query(Self.sizes) {
            sizes[row[0] ?? ""] = Size(
                bytes: row[1].flatMap { Int64($0) } ?? 0, blocks: row[2].flatMap { Int64($0) } ?? 0,
                condition: row[3].flatMap { $0.isEmpty ? nil : $0 })
        }
        let total = sizes.values.reduce(0) { $0 + $1.bytes }
        let most = max(pieceBytes, total / (Int64(max(1, sessions)) * Self.piecesPerSession))
        // Before 14 a question for some places reads the whole table.
        let isSplit = sessions > 1 && session.serverVersion >= 140_000
        return expected.flatMap { name, table in
            let size = sizes[name] ?? Size()
            let count = isSplit && size.condition == nil ? min(size.blocks, size.bytes / most + 1) : 1
            guard count > 1 else {
                return [Piece(table: name, columns: table.columns, condition: size.condition, bytes: size.bytes)]
            }
            return (0..<count).map { number in
                let begin = "ctid >= '(\(size.blocks * number / count),0)'"
                // The last has no end: the table may be longer now.
                let end = number == count - 1 ? "" : " AND ctid < '(\(size.blocks * (number + 1) / count),0)'"
                return Piece(
                    table: name, columns: table.columns, condition: "WHERE \(begin)\(end)", bytes: size.bytes / count)
            }
        }.sorted { ($0.bytes, $1.table) > ($1.bytes, $0.table) }
    }
}
