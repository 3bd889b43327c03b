import Foundation

/// The one error that leaves a module: what failed, what to do, and the exit code it ends the program with.
///
/// `message` names the thing and the fact, lower case, with no final stop; `hint` is a sentence the user can act on;
/// `cause` is what another program or library said, verbatim.
package struct Failure: Error, Sendable, Equatable, CustomStringConvertible {
    /// The raw value is the exit code; docs/exit-codes.md lists them.
    package enum Kind: Int32, Sendable, CaseIterable {
        case failed = 1
        case usage = 64
        case damaged = 65
        case unavailable = 69
        case cannotWrite = 73
        case inputOutput = 74
        case busy = 75
        case configInvalid = 78

        /// From the least to the worst, for those who do many things and end with one code. What a command line got wrong about
        /// one of them hides no damage of another.
        fileprivate static let bySeverity: [Kind] = [
            .busy, .usage, .unavailable, .failed, .cannotWrite, .inputOutput, .damaged, .configInvalid,
        ]
    }

    package let kind: Kind
    package let message: String
    package let hint: String?
    package let cause: String?

    package init(_ kind: Kind, _ message: String, hint: String? = nil, cause: String? = nil) {
        self.kind = kind
        self.message = message
        self.hint = hint
        self.cause = cause
    }

    /// The first of the worst; nil when there is none.
    package static func worst(_ failures: [Failure]) -> Failure? {
        Kind.bySeverity.reversed().lazy.compactMap { kind in failures.first { $0.kind == kind } }.first
    }

    /// The message, then the cause and the hint on lines of their own.
    package var description: String {
        var lines = [message]
        if let cause, !cause.isEmpty { lines.append(cause) }
        if let hint { lines.append("hint: \(hint)") }
        return lines.joined(separator: "\n")
    }
}
