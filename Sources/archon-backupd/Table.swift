/// Rows in aligned columns under a line of titles, for people; JSON is for programs.
struct Table {
    private var rows: [[String]]
    private let rightAligned: Set<Int>

    init(_ titles: [String], rightAligned: Set<Int> = []) {
        rows = [titles]
        self.rightAligned = rightAligned
    }

    mutating func add(_ cells: [String]) { rows.append(cells) }

    var text: String {
        let widths = (0..<(rows[0].count)).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            // Nothing stands behind the last cell that has something in it: no space either.
            let last = row.lastIndex { !$0.isEmpty } ?? 0
            return row[...last].enumerated().map { column, cell in
                let space = String(repeating: " ", count: widths[column] - cell.count)
                if rightAligned.contains(column) { return space + cell }
                return column == last ? cell : cell + space
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}
