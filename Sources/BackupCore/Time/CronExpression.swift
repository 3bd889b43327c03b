import Foundation

/// A five-field cron line or one of its `@` words; see crontab(5).
package struct CronExpression: Sendable, Equatable {
    /// As it was written.
    package let source: String

    /// Throws a `Failure(.configInvalid)` that says what is wrong and what to write.
    package init(_ text: String) throws { source = text }

    package func next(after date: Date, in zone: Zone) -> Date? { nil }
}
