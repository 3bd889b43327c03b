/// The place of a value in the schedule, as a JSON path.
struct SchedulePath {
    let text: String

    static let root = SchedulePath(text: "$")

    func key(_ key: String) -> SchedulePath {
        let isPlain =
            !key.isEmpty
            && key.unicodeScalars.allSatisfy {
                $0 == "_" || $0 == "$" || ($0.isASCII && $0.properties.isAlphabetic) || ("0"..."9").contains($0)
            }
        guard !isPlain else { return SchedulePath(text: "\(text).\(key)") }
        let escaped = key.unicodeScalars.map { scalar in
            scalar == "'" || scalar == "\\"
                ? "\\\(scalar)"
                : scalar.value < 0x20 || scalar.value == 0x7f ? "\\u{\(String(scalar.value, radix: 16))}" : "\(scalar)"
        }
        return SchedulePath(text: "\(text)['\(escaped.joined())']")
    }

    func index(_ index: Int) -> SchedulePath { SchedulePath(text: "\(text)[\(index)]") }
}
