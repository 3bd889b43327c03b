import Foundation

/// Something that is done several times over, and how fast that goes.
struct Measure {
    static let rounds = 7

    let name: String
    /// Of what is counted, in a second: `slots/s`.
    let unit: String

    /// One line: the median of the rounds with the slowest and the fastest. `work` says how much it has done; a first round,
    /// which warms the caches, is not counted.
    func run(_ work: () throws -> Double) rethrows {
        _ = try work()
        var rates: [Double] = []
        for _ in 0..<Self.rounds {
            let clock = ContinuousClock()
            let began = clock.now
            let amount = try work()
            let elapsed = began.duration(to: clock.now).components
            rates.append(amount / (Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18))
        }
        rates.sort()
        let figures = [rates[rates.count / 2], rates[0], rates[rates.count - 1]].map(Self.text)
        print(
            name.padding(toLength: 48, withPad: " ", startingAt: 0),
            String(repeating: " ", count: max(0, 12 - figures[0].count)) + figures[0], unit,
            " (\(figures[1]) to \(figures[2]))")
    }

    /// Three digits that mean something, and commas between thousands.
    private static func text(_ rate: Double) -> String {
        let scale = pow(10, max(0, (log10(max(1, rate))).rounded(.down) - 2))
        var digits = String(Int((rate / scale).rounded() * scale))
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        return ([digits] + groups).joined(separator: ",")
    }
}
