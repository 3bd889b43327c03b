/// What the comment on a schema of the target says: which rows `isolate` has put there, and out of which tables. It is written in
/// the transaction that copies them, or after the schema file has put some in, and stays: by it a later run knows rows of its own
/// from those written since.
package struct TargetMark: Sendable, Equatable, Codable {
    /// Of a table all rows with all columns, as the server itself sees them: it can be noted in the transaction of a schema file.
    package struct Content: Sendable, Equatable, Codable {
        package var rows: Int
        /// The sum of the rows' hashes, a whole number.
        package var hash: String

        package init(rows: Int, hash: String) {
            self.rows = rows
            self.hash = hash
        }
    }
    package struct Entry: Sendable, Equatable, Codable {
        /// The job that the table comes from.
        package var source: String
        /// The table's number there: one that was made anew under its name has another.
        package var oid: String
        /// ISO 8601.
        package var noted: String
        /// SHA-256 of the schema file that was applied by then.
        package var schemaFile: String?
        /// False for rows that the schema file has put in.
        package var copied: Bool
        /// Nil where nobody looked: whatever there is, may be the application's.
        package var content: Content?

        package init(
            source: String, oid: String, noted: String, schemaFile: String?, copied: Bool, content: Content?
        ) {
            self.source = source
            self.oid = oid
            self.noted = noted
            self.schemaFile = schemaFile
            self.copied = copied
            self.content = content
        }
    }

    /// By `schema.table`: of several plans where they have one target.
    package var tables: [String: Entry]

    package init(tables: [String: Entry]) { self.tables = tables }

    /// For a comparison of what it says of the rows.
    var withoutTimes: TargetMark {
        TargetMark(
            tables: tables.mapValues { entry in
                var entry = entry
                entry.noted = ""
                return entry
            })
    }

    /// Holds nothing; the comment is all.
    package static let schema = "archon_backupd_isolate"

    /// Both columns of a `Content`; `table` is a name for SQL. What values look like must not depend on the session: `settings`.
    package static func question(_ table: String) -> String {
        """
        SELECT count(*), coalesce(sum(hashtextextended((r.*)::text COLLATE "C", 0)::numeric), 0)::text FROM ONLY \(table) AS r
        """
    }

    /// In a transaction, ahead of the question.
    private static let settings = """
        SET LOCAL search_path = ''; SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = ISO; SET LOCAL IntervalStyle = postgres;
        SET LOCAL extra_float_digits = 3; SET LOCAL bytea_output = hex; SET LOCAL lc_monetary = 'C';
        SET LOCAL quote_all_identifiers = off; SET LOCAL row_security = off;
        """

    /// For the end of a transaction: writes this mark with the contents that these tables have by then, as far as they are there.
    package func noting(_ tables: [IsolatedTable]) -> String {
        let names = tables.filter { !$0.isPartitioned }.map {
            "(\(SQL.literal($0.shown)), \(SQL.literal($0.qualified)))"
        }
        guard !names.isEmpty else { return "" }
        let schema = SQL.identifier(Self.schema)
        return """
            \(Self.settings)
            DO \(SQL.literal("""
                DECLARE
                  mark jsonb := \(SQL.literal(CommentFacts.json(self)));
                  one record;
                  content jsonb;
                BEGIN
                  FOR one IN SELECT shown, name FROM (VALUES \(names.joined(separator: ", "))) AS t (shown, name)
                    JOIN pg_class c ON c.oid = to_regclass(name) AND c.relkind = 'r'
                  LOOP
                    EXECUTE format('SELECT jsonb_build_object(''rows'', n, ''hash'', h) FROM (%s) AS t (n, h)',
                      replace(\(SQL.literal(Self.question("%%"))), '%%', one.name)) INTO content;
                    mark := jsonb_set(mark, ARRAY['tables', one.shown, 'content'], content);
                  END LOOP;
                  IF to_regnamespace(\(SQL.literal(schema))) IS NULL THEN
                    CREATE SCHEMA \(schema);
                  END IF;
                  EXECUTE format('COMMENT ON SCHEMA \(schema) IS %L', \(SQL.literal(CommentFacts.comment(Self.sentence, json: ""))) || mark::text);
                END
                """));
            """
    }

    private static let sentence =
        "By this archon-backupd isolate knows the rows that it has put here from those written since."

    package var comment: String { CommentFacts.comment(Self.sentence, json: CommentFacts.json(self)) }

    /// Nil for a comment of somebody else's.
    package init?(comment: String?) {
        guard let mark = CommentFacts.read(TargetMark.self, in: comment) else { return nil }
        self = mark
    }
}
