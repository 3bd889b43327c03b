/// Counts as people say them: "1 row", "500 rows".
package enum Plural {
    package static func of(_ count: Int, _ one: String, _ many: String) -> String {
        "\(count) \(count == 1 ? one : many)"
    }

    package static func rows(_ count: Int) -> String { of(count, "row", "rows") }
    package static func tables(_ count: Int) -> String { of(count, "table", "tables") }
    package static func jobs(_ count: Int) -> String { of(count, "job", "jobs") }

    /// "6152 rows in 11 tables".
    package static func rows(_ rows: [String: Int]) -> String {
        "\(self.rows(rows.values.reduce(0, +))) in \(tables(rows.count))"
    }
}
