/// One thing that is wrong in a schedule, and where.
package struct ScheduleFault: Sendable, Equatable, CustomStringConvertible {
    package let file: String
    /// From 1.
    package let line: Int
    /// In Unicode scalars, from 1.
    package let column: Int
    /// `$.databases.archon_db.retention.keepLast`; `$` for the whole.
    package let path: String
    package let message: String
    /// What to write instead.
    package let hint: String

    package init(file: String, line: Int, column: Int, path: String, message: String, hint: String) {
        self.file = file
        self.line = line
        self.column = column
        self.path = ShownText.of(path)
        self.message = ShownText.of(message)
        self.hint = ShownText.of(hint)
    }

    package var description: String { "\(file):\(line):\(column): \(path): \(message)\n    \(hint)" }
}

extension Failure {
    /// All faults of a schedule as one failure, a fault a line.
    package init(_ faults: [ScheduleFault]) {
        let count = faults.count == 1 ? "1 fault" : "\(faults.count) faults"
        self.init(
            .configInvalid, "the schedule has \(count)\n" + faults.map(\.description).joined(separator: "\n"))
    }
}

/// Text of a file on its way to a terminal or the journal: nothing in it steers either, and it is cut where it gets long.
enum ShownText {
    private static let limit = 500

    static func of(_ text: String) -> String {
        var shown = ""
        for (index, scalar) in text.unicodeScalars.enumerated() {
            if index == limit { return shown + "…" }
            if isSteering(scalar) {
                shown += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }

    /// Controls, line separators, and what changes the direction of writing.
    private static func isSteering(_ scalar: UnicodeScalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7f..<0xa0, 0x2028...0x202e, 0x2066...0x2069, 0x200e, 0x200f, 0xfeff: true
        default: false
        }
    }
}
