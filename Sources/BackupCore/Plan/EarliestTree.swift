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
        var open = [1]
        while let node = open.popLast(), found.count < most {
            guard nodes[node] <= limit, nodes[node] < .infinity else { continue }
            if node >= leaves {
                found.append(node - leaves)
            } else {
                open.append(2 * node + 1)
                open.append(2 * node)
            }
        }
        return found
    }
}
