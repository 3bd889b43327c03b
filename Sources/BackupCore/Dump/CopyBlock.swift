import Foundation

/// The rows of one COPY block while they stream by, from the end of `… FROM stdin;` to the line `\.`: counted and hashed, and
/// not kept, however long a line is.
package struct CopyBlock: Sendable {
    package let table: String
    package let columns: String
    package private(set) var rows = 0
    package private(set) var fingerprint = Fingerprint()

    private let hash: RowHash
    /// The rest of the COPY statement's own line is no row.
    private var isBeforeData = true
    /// The line that a buffer has cut: its hash so far, its length, its first two bytes.
    private var cut: (any RowHashStream)?
    private var cutLength = 0
    private var cutHead: [UInt8] = []

    package init(table: String, columns: String, hash: RowHash) {
        self.table = table
        self.columns = columns
        self.hash = hash
    }

    /// Takes lines from `start` on, as fast as memchr finds their ends. Returns where it has stopped, and whether that is
    /// behind the end mark.
    package mutating func scan(_ buffer: UnsafeRawBufferPointer, from start: Int) -> (position: Int, isEnded: Bool) {
        guard let base = buffer.baseAddress else { return (buffer.count, false) }
        var position = start
        var rows = 0
        var sum = Fingerprint()
        defer {
            self.rows += rows
            fingerprint = fingerprint + sum
        }
        while position < buffer.count {
            let rest = base + position
            guard let end = memchr(rest, 0x0a, buffer.count - position) else {
                keep(UnsafeRawBufferPointer(start: rest, count: buffer.count - position))
                return (buffer.count, false)
            }
            let line = UnsafeRawBufferPointer(start: rest, count: UnsafeRawPointer(end) - rest)
            position += line.count + 1
            if isBeforeData {
                isBeforeData = false
                cut = nil
            } else if cut == nil {
                if line.count == 2, line[0] == 0x5c, line[1] == 0x2e { return (position, true) }
                rows += 1
                sum.add(hash.whole(line))
            } else {
                keep(line)
                let whole = cut?.finish() ?? 0
                cut = nil
                if cutLength == 2, cutHead == [0x5c, 0x2e] { return (position, true) }
                rows += 1
                sum.add(whole)
            }
        }
        return (position, false)
    }

    private mutating func keep(_ part: UnsafeRawBufferPointer) {
        if cut == nil {
            cut = hash.begin()
            cutLength = 0
            cutHead.removeAll(keepingCapacity: true)
        }
        cut?.add(part)
        cutLength += part.count
        cutHead += part.prefix(max(0, 2 - cutHead.count))
    }
}
