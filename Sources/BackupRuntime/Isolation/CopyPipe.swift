import BackupCore
import Foundation

/// Lines on their way from one session's COPY to another's, with no more than a few megabytes in between. Both sides are threads
/// of their own, and wait for each other.
final class CopyPipe: @unchecked Sendable {
    // Safe: all of it is used with the condition locked, but for `filling`, which the giving side alone touches.
    private static let chunkBytes = 256 << 10
    private static let chunkLimit = 16

    private let condition = NSCondition()
    private var chunks: [[UInt8]] = []
    private var filling: [UInt8] = []
    private var isEnded = false
    private var isBroken = false

    /// Takes one line without its line feed; waits while there is too much. A pipe that broke takes and forgets.
    func put(_ line: UnsafeRawBufferPointer) {
        filling += line
        filling.append(0x0a)
        if filling.count >= Self.chunkBytes { flush() }
    }

    private func flush() {
        condition.lock()
        while chunks.count >= Self.chunkLimit, !isBroken { condition.wait() }
        if !isBroken, !filling.isEmpty { chunks.append(filling) }
        condition.broadcast()
        condition.unlock()
        filling.removeAll(keepingCapacity: true)
    }

    /// All lines have been given.
    func end() {
        flush()
        condition.lock()
        isEnded = true
        condition.broadcast()
        condition.unlock()
    }

    /// One of the two sides has failed: nobody waits any more.
    func breakOff() {
        condition.lock()
        isBroken = true
        chunks = []
        condition.broadcast()
        condition.unlock()
    }

    /// Nil at the end. Throws when the pipe broke.
    func next() throws -> [UInt8]? {
        condition.lock()
        defer { condition.unlock() }
        while chunks.isEmpty, !isEnded, !isBroken { condition.wait() }
        if isBroken { throw Failure(.failed, "the rows broke off") }
        guard !chunks.isEmpty else { return nil }
        defer { condition.broadcast() }
        return chunks.removeFirst()
    }
}
