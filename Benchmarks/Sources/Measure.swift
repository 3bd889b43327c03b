import Foundation

/// Something that is done several times over, and how long each takes.
struct Measure {
    static let rounds = 7

    let name: String
    /// What a figure means: `µs a slot`. Lower is better.
    let unit: String
    /// How many of that unit a second has.
    let unitsPerSecond: Double

    /// As README.md describes what a script says: the median of the rounds, with the fastest and the slowest.
    private struct Row: Encodable {
        let row: String
        let ours: Double
        let unit: String
        /// Nil when measured once: that says nothing about how far it may be trusted.
        let spread: [Double]?
        let note: String?
    }

    /// One line, a row in JSON. `work` says how much it has done; a first round, which warms the caches, is not counted.
    func run(_ work: () throws -> Double) throws {
        _ = try work()
        try run(rounds: Self.rounds, note: { nil }, work)
    }

    /// The same without a first round, with a note of what a reader must know.
    func run(rounds: Int, note: () -> String?, _ work: () throws -> Double) throws {
        var figures: [Double] = []
        for _ in 0..<rounds {
            let clock = ContinuousClock()
            let began = clock.now
            let amount = try work()
            let elapsed = began.duration(to: clock.now).components
            let seconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18
            figures.append(seconds * unitsPerSecond / amount)
        }
        figures.sort()
        let row = Row(
            row: name, ours: figures[figures.count / 2], unit: unit,
            spread: rounds > 1 ? [figures[0], figures[figures.count - 1]] : nil, note: note())
        print(String(decoding: try JSONEncoder().encode(row), as: UTF8.self))
    }
}
