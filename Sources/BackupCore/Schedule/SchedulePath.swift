/// The place of a value in the schedule, as a JSON path. Made for every value, and put into words only where one is wrong.
struct SchedulePath: Sendable {
    enum Step: Sendable {
        case key(String)
        case index(Int)
    }

    private indirect enum Place: Sendable {
        case root
        case step(Place, Step)
    }

    private let place: Place

    static let root = SchedulePath(place: .root)

    private init(place: Place) { self.place = place }

    init(_ steps: [Step]) { place = steps.reduce(.root) { .step($0, $1) } }

    func key(_ key: String) -> SchedulePath { SchedulePath(place: .step(place, .key(key))) }

    func index(_ index: Int) -> SchedulePath { SchedulePath(place: .step(place, .index(index))) }

    var text: String {
        var steps: [Step] = []
        var rest = place
        while case .step(let before, let step) = rest {
            steps.append(step)
            rest = before
        }
        return "$" + steps.reversed().map(Self.text).joined()
    }

    private static func text(_ step: Step) -> String {
        switch step {
        case .key(let key): text(ofKey: key)
        case .index(let index): "[\(index)]"
        }
    }

    private static func text(ofKey key: String) -> String {
        let isPlain =
            !key.isEmpty && key.utf8.count <= 64
            && key.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "$"):
                    true
                default: false
                }
            }
        guard !isPlain else { return ".\(key)" }
        // A connection string where a name belongs may have a password in it.
        guard !PasswordText.isIn(key) else { return "['…']" }
        let scalars = key.unicodeScalars
        let start = scalars.prefix(64).map { $0 == "'" || $0 == "\\" ? "\\\($0)" : "\($0)" }.joined()
        return "['\(start)\(scalars.dropFirst(64).isEmpty ? "" : "…")']"
    }
}
