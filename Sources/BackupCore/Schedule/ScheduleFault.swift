/// One thing that is wrong in a schedule, and where.
package struct ScheduleFault: Sendable, Equatable, CustomStringConvertible {
    package let file: String
    /// From 1.
    package let line: Int
    /// In characters, from 1.
    package let column: Int
    /// `$.databases.archon_db.retention.keepLast`; `$` for the whole.
    package let path: String
    package let message: String
    /// What to write instead.
    package let hint: String?

    package var description: String {
        let place = "\(file):\(line):\(column): \(path): \(message)"
        return hint.map { "\(place)\n    \($0)" } ?? place
    }
}

extension Failure {
    /// All faults of a schedule as one failure, a fault a line.
    package init(_ faults: [ScheduleFault]) {
        let count = faults.count == 1 ? "1 fault" : "\(faults.count) faults"
        self.init(
            .configInvalid, "the schedule has \(count)\n" + faults.map(\.description).joined(separator: "\n"))
    }
}
