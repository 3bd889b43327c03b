import Foundation

/// What the comment on a schema of the target says: which rows `isolate` has put there, and out of which tables. It is written in
/// the transaction that writes the rows, and stays: by it a later run knows rows of its own from those written since.
package struct TargetMark: Sendable, Equatable, Codable {
    /// Of a table all rows, by the columns that a COPY writes.
    package struct Content: Sendable, Equatable, Codable {
        package var rows: Int
        package var fingerprint: Fingerprint

        package init(rows: Int, fingerprint: Fingerprint) {
            self.rows = rows
            self.fingerprint = fingerprint
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
        /// Nil where no rows were copied: whatever there is, is the application's.
        package var content: Content?

        package init(source: String, oid: String, noted: String, schemaFile: String?, content: Content?) {
            self.source = source
            self.oid = oid
            self.noted = noted
            self.schemaFile = schemaFile
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
    private static let lead = "archon-backupd isolate: "

    package var comment: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Texts and numbers alone: there is nothing in it that could not be encoded.
        let facts = (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? ""  // see above
        return
            "By this archon-backupd isolate knows the rows that it has copied from those written since.\n\(Self.lead)\(facts)"
    }

    /// Nil for a comment of somebody else's.
    package init?(comment: String?) {
        guard let line = comment?.split(separator: "\n").last, line.hasPrefix(Self.lead),
            let mark = try? JSONDecoder().decode(  // somebody has changed it
                TargetMark.self, from: Data(line.dropFirst(Self.lead.count).utf8))
        else { return nil }
        self = mark
    }
}
