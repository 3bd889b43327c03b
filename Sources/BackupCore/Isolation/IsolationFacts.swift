/// A table that moves, or the one that is to take its place.
package struct IsolatedTable: Sendable, Hashable, Comparable {
    package var schema: String
    package var name: String
    /// The server's number of it.
    package var oid: String
    /// Its rows are in its partitions.
    package var isPartitioned: Bool
    /// Those that a COPY writes: no generated ones. In their order.
    package var columns: [String]
    /// Those that the server computes.
    package var generated: [String]

    package init(
        schema: String, name: String, oid: String = "", isPartitioned: Bool = false, columns: [String] = [],
        generated: [String] = []
    ) {
        self.schema = schema
        self.name = name
        self.oid = oid
        self.isPartitioned = isPartitioned
        self.columns = columns
        self.generated = generated
    }

    /// For SQL.
    package var qualified: String { "\(SQL.identifier(schema)).\(SQL.identifier(name))" }
    /// For people, and the key in every answer: `public.notes`.
    package var shown: String { Self.shown(schema, name) }

    /// No two tables have one: a part with a dot or a quote in it stands in quotes.
    package static func shown(_ schema: String, _ name: String) -> String {
        [schema, name].map { part in
            part.contains { $0 == "." || $0 == "\"" } ? SQL.identifier(part) : part
        }.joined(separator: ".")
    }
    /// As in a COPY statement: `("id", "Odd name")`, empty without columns.
    package var columnList: String {
        columns.isEmpty ? "" : "(\(columns.map(SQL.identifier).joined(separator: ", ")))"
    }

    package func isNamed(like other: IsolatedTable) -> Bool { schema == other.schema && name == other.name }

    /// Each after those that it needs, by `shown`; of a circle one comes before what it needs, and nothing else does.
    package static func inOrder(_ tables: [IsolatedTable], needs: [String: Set<String>]) -> [IsolatedTable] {
        var waiting = tables.sorted()
        var ordered: [IsolatedTable] = []
        while !waiting.isEmpty {
            let names = Set(waiting.map(\.shown))
            let open = needs.mapValues { $0.intersection(names) }
            // Down to one whose needs all need it as well, or that has none.
            var next = waiting[0].shown
            while let below = reach(next, open).sorted().first(where: { !reach($0, open).contains(next) }) {
                next = below
            }
            ordered += waiting.filter { $0.shown == next }
            waiting.removeAll { $0.shown == next }
        }
        return ordered
    }

    /// What it needs, and what that needs, itself too where they come back to it.
    private static func reach(_ name: String, _ needs: [String: Set<String>]) -> Set<String> {
        var found: Set<String> = []
        var next = Array(needs[name] ?? [])
        while let one = next.popLast() {
            if found.insert(one).inserted { next += needs[one] ?? [] }
        }
        return found
    }

    package static func < (left: IsolatedTable, right: IsolatedTable) -> Bool {
        (left.schema, left.name) < (right.schema, right.name)
    }
}

/// What live databases say before a step is decided on.
package struct IsolationFacts: Sendable, Equatable {
    /// One of the two databases.
    package struct Side: Sendable, Equatable {
        package var job: String
        package var database: String
        package var expected: ExpectedContents?
        package var contents: DatabaseContents

        package init(job: String, database: String, expected: ExpectedContents?, contents: DatabaseContents) {
            self.job = job
            self.database = database
            self.expected = expected
            self.contents = contents
        }

        /// Nil when all is as expected.
        package var drift: String? { expected.flatMap { Audit($0, contents, database: database).drift } }
    }

    /// The schema of the old tables, when there is one of that name.
    package struct Archive: Sendable, Equatable {
        /// Nil when it was not made by `isolate`.
        package var mark: ArchiveMark?
        package var tables: [IsolatedTable]
        /// Somebody has put other things there: views, functions, types.
        package var hasMore: Bool

        package init(mark: ArchiveMark?, tables: [IsolatedTable], hasMore: Bool = false) {
            self.mark = mark
            self.tables = tables
            self.hasMore = hasMore
        }
    }

    /// The rows of both sides, by table.
    package struct Rows: Sendable, Equatable {
        package enum State: Sendable, Equatable {
            /// Not all tables are in the target.
            case absent
            /// The target's tables have none, and the source's have some.
            case empty
            /// The same in each table, and no sequence of the target's is behind.
            case equal
            /// The same in each table, but a sequence of the target's would give values that are taken.
            case sequencesBehind
            case different
        }
        package var state: State
        package var source: [String: Int]
        /// Of the tables that are there.
        package var target: [String: Int]

        package init(_ state: State, source: [String: Int] = [:], target: [String: Int] = [:]) {
            self.state = state
            self.source = source
            self.target = target
        }
    }

    package var source: Side
    package var target: Side
    /// Both jobs name one database of one server.
    package var isOneDatabase = false
    /// Those of the source that match the plan, sorted.
    package var tables: [IsolatedTable]
    /// Those of the target that have the names of the source's, or of what has moved.
    package var targetTables: [IsolatedTable]
    package var archive: Archive?
    package var ties: [IsolationTie]
    /// Nil when the plan copies none.
    package var rows: Rows?
    /// What the target says of its rows.
    package var mark: TargetMark?
    /// The schema of the mark is there, whatever its comment says.
    package var hasMark = false
    /// Whom that schema belongs to, when this user has no part in it.
    package var markOwner: String?
    /// Tables of the target whose rows are those of the mark; looked at where the copy would remove rows.
    package var unchanged: Set<String> = []
    /// Partitions that the target alone has, and that have rows.
    package var extraPartitions: [String] = []
    /// Foreign keys of the target, from tables that do not move to those that do, each as `key of table to table`.
    package var targetKeys: [String] = []
    /// What this user may not do and the plan needs, each with its cure.
    package var lacks: [String] = []
    /// Tables, indexes and sequences of the source that would have one name in the archive.
    package var namesakes: [[String]] = []
    /// Materialized views of the target over its tables, for SQL.
    package var materializedViews: [String] = []
    /// SHA-256 of the plan's schema file.
    package var schemaFile: String?

    package init(
        source: Side, target: Side, tables: [IsolatedTable], targetTables: [IsolatedTable], archive: Archive?,
        ties: [IsolationTie], rows: Rows?
    ) {
        self.source = source
        self.target = target
        self.tables = tables
        self.targetTables = targetTables
        self.archive = archive
        self.ties = ties
        self.rows = rows
    }

    /// In the target the table of the same name.
    package func counterpart(of table: IsolatedTable) -> IsolatedTable? {
        targetTables.first { $0.isNamed(like: table) }
    }
}
