import Foundation

/// A new dump far smaller than those before it: perhaps somebody lost data, and then the old dumps are the treasure.
package enum Suspicion {
    /// How many dumps the median is taken of.
    package static let window = 5

    /// Why the newest dump is suspicious, or nil. Each dump is held to the normal ones before it: a suspicious one is no
    /// measure for those that follow, or a third small dump would make the loss look normal. A dump that a person has
    /// accepted is the measure from then on. With no dump before it there is nothing to compare with.
    package static func find(_ newestFirst: [RetentionDump], acceptedAt: Date? = nil) -> String? {
        var normal: [RetentionDump] = []
        var suspicion: String?
        for dump in newestFirst.reversed() where acceptedAt.map({ dump.time >= $0 }) ?? true {
            suspicion = faults(of: dump, measure: normal.suffix(window))
            if suspicion == nil { normal.append(dump) }
        }
        return suspicion
    }

    private static func faults(of dump: RetentionDump, measure: ArraySlice<RetentionDump>) -> String? {
        guard !measure.isEmpty else { return nil }
        var faults: [String] = []
        let bytes = median(measure.map(\.bytes))
        if dump.bytes * 2 < bytes {
            faults.append("\(ByteSize.text(dump.bytes)) where the last normal ones had \(ByteSize.text(bytes))")
        }
        let rows = median(measure.map { Int64($0.rows) })
        if Int64(dump.rows) * 2 < rows {
            faults.append("\(Plural.rows(dump.rows)) where the last normal ones had \(rows)")
        }
        return faults.isEmpty ? nil : "\(dump.name) is suspiciously small: \(faults.joined(separator: ", "))"
    }

    private static func median(_ values: [Int64]) -> Int64 {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? sorted[middle - 1] / 2 + sorted[middle] / 2 : sorted[middle]
    }
}
