import Foundation

/// A time zone read from TZif bytes (RFC 9636).
package struct Zone: Sendable, Equatable {
    package let name: String

    package static let utc = Zone(name: "UTC")

    private init(name: String) { self.name = name }

    /// Throws a `Failure(.configInvalid)` when the bytes are not a TZif file.
    package init(name: String, tzif: [UInt8]) throws { self.name = name }

    /// Seconds east of UTC at `date`.
    package func offset(at date: Date) -> Int { 0 }

    /// `2026-11-23T02:00:00Z`, or with the offset of this zone: `2026-11-23T04:00:00+02:00`. Whole seconds unless the
    /// instant has a fraction.
    package func iso8601(_ date: Date) -> String { "" }
}
