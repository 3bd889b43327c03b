import Foundation

/// A systemd OnCalendar expression; see systemd.time(7).
package struct CalendarExpression: Sendable, Equatable {
    /// As it was written.
    package let source: String
    /// The zone written at its end, if any; the caller resolves it.
    package let zoneName: String?

    /// Throws a `Failure(.configInvalid)` that says what is wrong and what to write.
    package init(_ text: String) throws {
        source = text
        zoneName = nil
    }

    package func next(after date: Date, in zone: Zone) -> Date? { nil }
}
