/// What a plan of `isolate` says: which tables of which job's database move into which other's. See docs/isolate.md.
package struct IsolationPlan: Sendable, Equatable {
    /// What becomes of rows that the target's tables have and that no run has copied there.
    package enum TargetRows: String, Sendable, CaseIterable {
        case refuse
        /// Those that the schema file has put in go.
        case replace
        /// All go, whoever has written them.
        case overwrite
    }

    /// The job of the database that the tables leave.
    package var source: String
    /// The job of the database that is to be theirs.
    package var target: String
    package var tables: [TablePattern]
    /// Idempotent SQL that makes the tables; a path from the plan's own folder on.
    package var schemaFile: String?
    package var copyRows: Bool
    package var targetRows: TargetRows = .refuse
    /// Where the old tables go, in the source.
    package var archiveSchema = "archon_legacy_archive"
    /// Whether tables that stay may go on referencing the archived ones, or changing their rows.
    package var allowForeignKeys = false
    /// Whether views, rules and functions may go on writing into the archived ones.
    package var allowViews = false
    package var lockTimeoutSeconds: Double = 10

    package init(source: String, target: String, tables: [TablePattern], copyRows: Bool) {
        self.source = source
        self.target = target
        self.tables = tables
        self.copyRows = copyRows
    }

    package static let keys = [
        "version", "source", "target", "tables", "schemaFile", "copyRows", "targetRows", "archiveSchema",
        "allowForeignKeys", "allowViews", "lockTimeout",
    ]

    /// Whether a table of the source is one of those that move. What lies in the archive has moved.
    package func moves(schema: String, table: String) -> Bool {
        schema != archiveSchema && tables.contains { $0.matches(schema: schema, table: table) }
    }

    /// Those of a database's tables that move, in their order.
    package func moving(_ all: [IsolatedTable]) -> [IsolatedTable] {
        all.filter { moves(schema: $0.schema, table: $0.name) }.sorted()
    }
}

/// Makes an `IsolationPlan` of a file's bytes, or says everything that is wrong with them.
package enum IsolationPlanDecoder {
    /// A larger file is no plan.
    package static let sizeLimit = 1 << 20

    /// Throws one `Failure(.configInvalid)` that lists all faults.
    package static func decode(_ bytes: [UInt8], file: String) throws -> IsolationPlan {
        let reader = ScheduleReader(faultLimit: 1000)
        var json = JSONReader(bytes, faultLimit: 1000)
        var ending: [JSONReader.Fault] = []
        var plan: IsolationPlan?
        do throws(JSONReader.Fault) {
            plan = Self.plan(try json.read(), reader)
        } catch {
            ending = [error]
        }
        var noted = (json.faults + ending).map {
            ScheduleReader.Noted(offset: $0.offset, path: $0.path, message: $0.what, hint: $0.hint)
        }
        noted += reader.noted.filter { !json.unreadable.contains($0.offset) }
        let faults = ScheduleDecoder.placed(noted, in: bytes, file: file)
        guard let plan, faults.isEmpty else {
            throw Failure(
                .configInvalid,
                "the plan has \(Plural.of(faults.count, "fault", "faults"))\n"
                    + faults.map(\.description).joined(separator: "\n"))
        }
        return plan
    }

    private static func plan(_ root: JSONNode, _ reader: ScheduleReader) -> IsolationPlan? {
        let path = SchedulePath.root
        guard let top = reader.object(root, path, allowed: IsolationPlan.keys) else { return nil }
        for (key, example) in [
            ("version", "1"), ("source", "\"postgres\""), ("target", "\"archon_db\""),
            ("tables", "[\"public.archon_*\"]"), ("copyRows", "true to take the rows along, false to begin without"),
        ] where top[key] == nil {
            reader.fault(root.offset, path, "\"\(key)\" is missing", "Write \"\(key)\": \(example).")
        }
        _ = reader.integer(top["version"], path.key("version"), 1...1)
        let patterns = tables(top["tables"], path.key("tables"), reader)
        let source = reader.string(top["source"], path.key("source"), "postgres")
        let target = reader.string(top["target"], path.key("target"), "archon_db")
        let copyRows = reader.bool(top["copyRows"], path.key("copyRows"))
        let schemaFile = reader.string(top["schemaFile"], path.key("schemaFile"), "archon.sql")
        let targetRows: IsolationPlan.TargetRows? = reader.choice(top["targetRows"], path.key("targetRows"))
        let archive = reader.databaseName(
            top["archiveSchema"], path.key("archiveSchema"), "archon_legacy_archive")
        if let archive, archive.hasPrefix("pg_") || archive == "information_schema", let node = top["archiveSchema"] {
            reader.fault(
                node.offset, path.key("archiveSchema"), "\"\(archive)\" is a name of the system's",
                "Write one like \"archon_legacy_archive\".")
        }
        let allows = reader.bool(top["allowForeignKeys"], path.key("allowForeignKeys"))
        let allowsViews = reader.bool(top["allowViews"], path.key("allowViews"))
        let lockTimeout = reader.seconds(top["lockTimeout"], path.key("lockTimeout"), 0.1...86_400)
        guard let source, let target, let patterns, let copyRows else { return nil }
        var plan = IsolationPlan(source: source, target: target, tables: patterns, copyRows: copyRows)
        plan.schemaFile = schemaFile
        if let targetRows { plan.targetRows = targetRows }
        if let archive { plan.archiveSchema = archive }
        if let allows { plan.allowForeignKeys = allows }
        if let allowsViews { plan.allowViews = allowsViews }
        if let lockTimeout { plan.lockTimeoutSeconds = lockTimeout }
        return plan
    }

    private static func tables(_ node: JSONNode?, _ path: SchedulePath, _ reader: ScheduleReader) -> [TablePattern]? {
        guard let node, let texts = reader.strings(node, path, "public.archon_*") else { return nil }
        if texts.isEmpty { reader.fault(node.offset, path, "names no table", "Write [\"public.archon_*\"].") }
        return texts.enumerated().compactMap { index, text in
            if let pattern = TablePattern(text) { return pattern }
            reader.fault(
                node.offset, path.index(index), "\"\(text)\" is no schema.table",
                "Write it like \"public.archon_*\"; a name with a dot or capitals goes in double quotes.")
            return nil
        }
    }
}
