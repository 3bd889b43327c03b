import Foundation

/// A member that pg_dump is writing, or has written, for the thread that follows it.
final class GrowingMember: @unchecked Sendable {
    // Safe: all but the name, which never changes, is used with the condition locked.
    let name: String
    private let condition = NSCondition()
    private var isClosed = false
    private var consumed: Int64 = 0

    init(_ name: String) { self.name = name }

    /// Nobody writes it any more.
    func close() {
        condition.lock()
        isClosed = true
        condition.broadcast()
        condition.unlock()
    }

    /// How much of it has been taken out of its file.
    var consumedBytes: Int64 {
        condition.lock()
        defer { condition.unlock() }
        return consumed
    }

    func consume(to offset: Int64) {
        condition.lock()
        consumed = offset
        condition.unlock()
    }

    /// Waits until `wanted` bytes are there beyond `offset`, or the end. Returns how many are, `wanted` at most: fewer mean the end.
    func awaitBytes(_ wanted: Int, at offset: Int64, of descriptor: Int32, _ fault: FirstFault) throws -> Int {
        var pause = 0.001
        condition.lock()
        defer { condition.unlock() }
        while true {
            try fault.check()
            // Before the size: once it is closed, the size is the last one.
            let isLast = isClosed
            var status = stat()
            guard fstat(descriptor, &status) == 0 else { throw Disk.failure("cannot look at \(name)") }
            let there = Int64(status.st_size) - offset
            if there >= Int64(wanted) { return wanted }
            if isLast { return Int(max(0, there)) }
            // The system tells of the end only: what has come in between has to be looked for.
            _ = condition.wait(until: Date(timeIntervalSinceNow: pause))
            pause = min(0.05, pause * 1.5)
        }
    }
}
