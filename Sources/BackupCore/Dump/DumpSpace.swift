/// What the files of a dump take on the disk. Files with equal contents in dumps of one job share their room, so that the sum of
/// two dumps is less than both.
package struct DumpSpace: Sendable, Equatable {
    /// Room that is taken once, however many files stand on it: an inode, or the extents that several inodes share.
    package struct Identity: Sendable, Hashable {
        package var device: UInt64
        package var number: UInt64
        package init(device: UInt64, number: UInt64) {
            self.device = device
            self.number = number
        }
    }

    /// Room that does not go with this dump alone.
    package struct Piece: Sendable, Equatable {
        package var identity: Identity
        package var bytes: Int64
        /// Names for it in this dump, and names for it in the whole file system; nil where the system does not count them.
        package var names: Int
        package var links: Int?

        package init(identity: Identity, bytes: Int64, names: Int = 1, links: Int? = nil) {
            self.identity = identity
            self.bytes = bytes
            self.names = names
            self.links = links
        }
    }

    /// What would become free if only this dump were removed.
    package var own: Int64
    package var pieces: [Piece]
    /// What it holds together with others: they keep it when this dump is removed.
    package var shared: Int64 { pieces.reduce(0) { Self.sum($0, $1.bytes) } }

    package init(own: Int64 = 0, pieces: [Piece] = []) {
        self.own = own
        self.pieces = pieces
    }

    /// What these dumps take together: each piece once.
    package static func used(_ dumps: some Sequence<DumpSpace>) -> Int64 {
        var meter = Meter()
        return dumps.reduce(0) { sum($0, meter.add($1)) }
    }

    /// What becomes free with each of `removed`, one after the other, while `kept` stays. A piece with names that belong to no dump
    /// of these two, such as a copy by links that a person has made, does not become free.
    package static func freed(removing removed: [DumpSpace], keeping kept: [DumpSpace]) -> [Int64] {
        var names: [Identity: Int] = [:]
        for piece in kept.lazy.flatMap(\.pieces) { names[piece.identity, default: 0] += piece.names }
        for piece in removed.lazy.flatMap(\.pieces) { names[piece.identity, default: 0] += piece.names }
        var total = names
        return removed.map { dump in
            dump.pieces.reduce(dump.own) { freed, piece in
                names[piece.identity, default: 0] -= piece.names
                guard names[piece.identity] == 0, let known = total.removeValue(forKey: piece.identity),
                    piece.links.map({ $0 <= known }) ?? true
                else { return freed }
                return sum(freed, piece.bytes)
            }
        }
    }

    /// Counts dump after dump what each adds to those before it.
    package struct Meter {
        private var seen: Set<Identity> = []
        package init() {}

        package mutating func add(_ dump: DumpSpace) -> Int64 {
            dump.pieces.reduce(dump.own) { seen.insert($1.identity).inserted ? DumpSpace.sum($0, $1.bytes) : $0 }
        }
    }

    /// At most the largest number.
    package static func sum(_ one: Int64, _ other: Int64) -> Int64 {
        let (sum, overflow) = one.addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
