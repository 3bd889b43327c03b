import BackupCore

/// A dry run of `isolate` as a person reads it.
struct IsolationText {
    private let report: IsolationReport

    init(_ report: IsolationReport) { self.report = report }

    var text: String {
        var lines = [heading, ""]
        if !report.ties.isEmpty { lines += ["what the move would cut, leave or take along:"] + ties + [""] }
        for step in report.steps {
            let state: String
            switch step.state {
            case .toDo: state = ""
            case .done: state = "  (done)"
            case .notAsked: state = "  (not in the plan)"
            }
            lines.append("step \(step.number)  \(step.kind.title)\(state)")
            lines += step.changes.map { "    \($0)" }
            lines += step.sql.map { "    \($0.replacing("\n", with: "\n    "));" }
        }
        if !report.refusals.isEmpty { lines += ["", "in the way:"] + report.refusals.map { "    \($0)" } }
        lines += [
            "",
            report.refusals.isEmpty
                ? "Nothing was changed. --yes does it."
                : "Nothing was changed, and --yes changes nothing as long as that is in the way.",
        ]
        return lines.joined(separator: "\n")
    }

    private var heading: String {
        let tables = "\(Plural.tables(report.tables.count)) \(report.tables.joined(separator: ", "))"
        let (from, to) = (report.sourceDatabase, report.targetDatabase)
        return report.work == "undo"
            ? "back from \(report.archiveSchema) of \(from): \(tables)" : "from \(from) to \(to): \(tables)"
    }

    /// Of one kind and object the tables in one line.
    private var ties: [String] {
        var lines: [String] = []
        var meaning: IsolationTie.Kind?
        for (index, tie) in report.ties.enumerated() {
            guard report.ties[..<index].allSatisfy({ $0.kind != tie.kind || $0.object != tie.object }) else { continue }
            if meaning != tie.kind { lines.append("  \(tie.kind.meaning)") }
            meaning = tie.kind
            let tables = report.ties.filter { $0.kind == tie.kind && $0.object == tie.object }.map(\.table)
            lines.append("    \(tie.object) (\(tables.joined(separator: ", ")))")
        }
        return lines
    }
}
