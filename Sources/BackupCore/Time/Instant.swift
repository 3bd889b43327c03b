import Foundation

/// Instants as people and manifests write them.
package enum Instant {
    /// ISO 8601 with an offset or Z, with or without a fraction of a second; nil for anything else.
    package static func parse(_ text: String) -> Date? {
        let styles = [Date.ISO8601FormatStyle(), Date.ISO8601FormatStyle(includingFractionalSeconds: true)]
        return styles.lazy.compactMap { try? Date(text, strategy: $0) }.first  // the other form may fit
    }
}
