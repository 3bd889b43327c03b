/// The smallest of many instants, and of any stretch of them, found and changed in a time that grows with the logarithm of their
/// number. Infinity stands for none.
package struct EarliestTree: Sendable {
    // Each node is the smaller of the two below it; the root is the first, the leaves stand at the end.
    private var nodes: [Double]
    private let leaves: Int

    package init(count: Int) {
        var leaves = 1
        while leaves < count { leaves *= 2 }
        self.leaves = leaves
        nodes = Array(repeating: .infinity, count: 2 * leaves)
    }

    /// The smallest of all; infinity when there is none.
    package var earliest: Double { nodes[1] }

    package subscript(place: Int) -> Double {
        get { nodes[leaves + place] }
        set {
            var node = leaves + place
            guard nodes[node] != newValue else { return }
            nodes[node] = newValue
            while node > 1 {
                node /= 2
                let smaller = min(nodes[2 * node], nodes[2 * node + 1])
                guard nodes[node] != smaller else { return }
                nodes[node] = smaller
            }
        }
    }

    /// The smallest at the places of `range`.
    package func earliest(in range: Range<Int>) -> Double {
        var (low, high) = (leaves + range.lowerBound, leaves + range.upperBound)
        var found = Double.infinity
        while low < high {
            if low % 2 == 1 {
                found = min(found, nodes[low])
                low += 1
            }
            if high % 2 == 1 {
                high -= 1
                found = min(found, nodes[high])
            }
            low /= 2
            high /= 2
        }
        return found
    }

    /// The places, in order, of what is not after `limit`; no more than `most`.
    package func places(notAfter limit: Double, most: Int = .max) -> [Int] {
        var found: [Int] = []
        var node = 1
        while found.count < most {
            if nodes[node] <= limit, nodes[node] < .infinity {
                if node < leaves {
                    node *= 2
                    continue
                }
                found.append(node - leaves)
            }
            // Up from whatever stands on the right, and over to the right of it; past the root there is nothing more.
            node >>= node.trailingOneBitCount
            guard node > 0 else { break }
            node += 1
        }
        return found
    }
}

extension Int {
    fileprivate var trailingOneBitCount: Int { (~self).trailingZeroBitCount }
}
