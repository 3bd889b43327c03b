/// Compares rows per table as a manifest has them with what was found.
package enum RowDifference {
    /// One line for each table that differs, by name.
    package static func all(expected: [String: Int], found: [String: Int]) -> [String] {
        Set(expected.keys).union(found.keys).sorted().compactMap { table in
            switch (expected[table], found[table]) {
            case (let expected?, let found?):
                expected == found ? nil : "\(table) has \(found) rows where the manifest says \(expected)"
            case (_?, nil): "\(table) is missing"
            case (nil, _): "\(table) is not in the manifest"
            }
        }
    }

    package static func first(expected: [String: Int], found: [String: Int]) -> String? {
        let all = all(expected: expected, found: found)
        return all.first.map { all.count == 1 ? $0 : "\($0), and \(all.count - 1) more tables differ" }
    }
}
