/// What a job expects beside what there is.
package struct Audit: Sendable, Equatable {
    /// One thing that is expected. Its keys are a promise.
    package struct Line: Sendable, Equatable, Encodable {
        package enum Kind: String, Sendable, Encodable { case tables, `extension`, schema, owner }

        package var kind: Kind
        /// The pattern of tables, or a name; the database's for its owner.
        package var name: String
        package var expected: String
        package var found: String
        /// Nil when it cannot be said of this dump.
        package var met: Bool?
        /// The tables that were found, by name.
        package var tables: [String]

        /// What is wrong, for people: `12 tables public.archon_* where 11 are expected`.
        package var difference: String? {
            guard met == false else { return nil }
            switch kind {
            case .tables:
                let count = Int(found).map { Plural.of($0, "table", "tables") } ?? found
                let names = expected == "0" ? ": \(Audit.short(tables))" : ""
                return "\(count) \(name) where \(expected) \(expected == "1" ? "is" : "are") expected\(names)"
            case .extension, .schema: return "the \(kind.rawValue) \(name) is missing"
            case .owner: return "it is owned by \(found) where \(expected) is expected"
            }
        }
    }

    package let lines: [Line]
    private let database: String

    private init(lines: [Line], database: String) {
        self.lines = lines
        self.database = database
    }

    package init(_ expected: ExpectedContents, _ found: DatabaseContents, database: String) {
        var lines = expected.tables.map { Self.line($0, found.tables) }
        lines += expected.extensions.map { Self.line(.extension, $0, found.extensions) }
        lines += expected.schemas.map { name in
            let isSilent = found.schemas?.contains(name) == false && found.undumpedSchemas?.contains(name) ?? true
            return isSilent
                ? Line(
                    kind: .schema, name: name, expected: "present", found: "unknown: not part of a dump", met: nil,
                    tables: [])
                : Self.line(.schema, name, found.schemas)
        }
        if let owner = expected.owner {
            lines.append(
                Line(
                    kind: .owner, name: database, expected: owner, found: found.owner ?? "unknown",
                    met: found.owner.map { $0 == owner }, tables: []))
        }
        self.init(lines: lines, database: database)
    }

    /// With what `other`, for the same expectations, says of that on which this one is silent.
    package func completed(by other: Audit) -> Audit {
        Audit(lines: zip(lines, other.lines).map { $0.met == nil ? $1 : $0 }, database: database)
    }

    /// True when something cannot be said.
    package var isPartial: Bool { lines.contains { $0.met == nil } }

    /// What is known to differ after this, when `last` was known before; nil for nothing. Of that on which this one is silent,
    /// what was known stays; all of it where nothing else differs, for nobody knows then that it is over.
    package func noted(after last: Drift?) -> Drift? {
        let found = lines.compactMap { line in
            line.difference.map { Drift.Difference(expectation: expectation(line), text: $0) }
        }
        if found.isEmpty { return isPartial ? last : nil }
        let unknown = Set(lines.filter { $0.met == nil }.map(expectation))
        let kept = last?.differences.filter { $0.expectation.map(unknown.contains) ?? false } ?? []
        return Drift(differences: found + kept)
    }

    /// Each thing that is expected, as a difference from it is kept under.
    static func expectations(_ expected: ExpectedContents, database: String) -> Set<String> {
        let nothing = DatabaseContents(tables: nil, extensions: [], schemas: nil, owner: nil)
        let audit = Audit(expected, nothing, database: database)
        return Set(audit.lines.map(audit.expectation))
    }

    private func expectation(_ line: Line) -> String {
        "\(line.kind.rawValue) \(line.name): \(line.expected), in \(database)"
    }

    package var isMet: Bool { !lines.contains { $0.met == false } }

    /// All that is wrong in one line; nil when nothing is.
    package var drift: String? {
        isMet ? nil : lines.compactMap(\.difference).joined(separator: "; ")
    }

    private static func line(_ wanted: ExpectedContents.Tables, _ tables: [DatabaseContents.Table]?) -> Line {
        let found = tables?.filter { wanted.pattern.matches(schema: $0.schema, table: $0.name) }.sorted()
        return Line(
            kind: .tables, name: wanted.pattern.source, expected: "\(wanted.count)",
            found: found.map { "\($0.count)" } ?? "unknown: the dump leaves tables out",
            met: found.map { $0.count == wanted.count }, tables: found?.map { "\($0.schema).\($0.name)" } ?? [])
    }

    private static func line(_ kind: Line.Kind, _ name: String, _ found: Set<String>?) -> Line {
        let isThere = found?.contains(name)
        return Line(
            kind: kind, name: name, expected: "present",
            found: isThere.map { $0 ? "present" : "missing" } ?? "unknown: the dump leaves schemas out", met: isThere,
            tables: [])
    }

    private static func short(_ names: [String]) -> String {
        let first = names.prefix(5).joined(separator: ", ")
        return names.count > 5 ? "\(first) and \(names.count - 5) more" : first
    }
}
