import BackupCore
import Foundation

/// An instant written as `2026-11-23T02:00:00Z`, with any offset in place of the Z.
package func instant(_ text: String) -> Date {
    guard let date = try? Date(text, strategy: .iso8601) else {  // a test's own literal
        fatalError("\(text) is no ISO 8601 instant")
    }
    return date
}

/// The first `count` instants after `date`.
package func slots(_ trigger: Trigger, after date: Date, in zone: Zone, count: Int) -> [Date] {
    var found: [Date] = []
    var cursor = date
    while found.count < count, let next = trigger.next(after: cursor, in: zone) {
        found.append(next)
        cursor = next
    }
    return found
}
