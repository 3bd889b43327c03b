/// The place of a value in the schedule, as a JSON path.
struct SchedulePath {
    enum Step {
        case key(String)
        case index(Int)
    }

    let text: String

    static let root = SchedulePath(text: "$")

    private init(text: String) { self.text = text }

    init(_ steps: [Step]) {
        self = steps.reduce(.root) { path, step in
            switch step {
            case .key(let key): path.key(key)
            case .index(let index): path.index(index)
            }
        }
    }

    func key(_ key: String) -> SchedulePath {
        let isPlain =
            !key.isEmpty && key.utf8.count <= 64
            && key.unicodeScalars.allSatisfy { scalar in
                scalar == "_" || scalar == "$" || (scalar.isASCII && scalar.properties.isAlphabetic)
                    || ("0"..."9").contains(scalar)
            }
        guard !isPlain else { return SchedulePath(text: "\(text).\(key)") }
        // A connection string where a name belongs may have a password in it.
        guard !PasswordText.isIn(key) else { return SchedulePath(text: "\(text)['…']") }
        let scalars = key.unicodeScalars
        let start = scalars.prefix(64).map { $0 == "'" || $0 == "\\" ? "\\\($0)" : "\($0)" }.joined()
        return SchedulePath(text: "\(text)['\(start)\(scalars.dropFirst(64).isEmpty ? "" : "…")']")
    }

    func index(_ index: Int) -> SchedulePath { SchedulePath(text: "\(text)[\(index)]") }
}
