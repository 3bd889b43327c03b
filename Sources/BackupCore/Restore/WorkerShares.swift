/// How the databases of a server that are restored one beside the other share its workers: by what they weigh.
package struct WorkerShares: Sendable {
    private let total: Int
    private let shares: [Int]

    /// `bytes` are those of the archives, in the order in which they begin.
    package init(_ total: Int, among bytes: [Int64]) {
        self.total = total
        let all = bytes.reduce(0) { $0 + Double(max(1, $1)) }
        // Rounded up: a large one alone at the end is worse than a small one that waits.
        shares = bytes.map { max(1, min(total, Int((Double(total) * Double(max(1, $0)) / all).rounded(.up)))) }
    }

    /// Whether enough workers are free: half of the share at least.
    package func mayBegin(_ index: Int, free: Int) -> Bool { free > 0 && free * 2 >= shares[index] }

    package func share(of index: Int, free: Int) -> Int {
        index == shares.count - 1 ? max(1, free) : max(1, min(shares[index], free))
    }
}
