import Dispatch
import Foundation

/// A part of a member on its way from pg_dump's file to ours. Whoever holds it is the only one to use it; `isCompressed` is how
/// the thread that compresses it gives it back.
final class Piece: @unchecked Sendable {
    // Safe: it is handed from one thread to the next through a locked queue and back through `done`; nobody has it meanwhile.
    /// So much of a member, from its beginning on, whatever the moment at which it is read: the same data give the same file.
    static let bytes = 1 << 20

    private let raw = UnsafeMutableRawBufferPointer.allocate(byteCount: Piece.bytes, alignment: 4096)
    private let room = UnsafeMutableRawBufferPointer.allocate(
        byteCount: PieceCompressor.room(for: Piece.bytes), alignment: 4096)
    private var rawCount = 0
    private var count = 0
    private var fault: (any Error)?
    private let done = DispatchSemaphore(value: 0)

    deinit {
        raw.deallocate()
        room.deallocate()
    }

    var rawBytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: raw[..<rawCount]) }
    var compressed: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: room[..<count]) }

    /// Takes `count` bytes of a file from `offset` on.
    func fill(_ count: Int, from descriptor: Int32, at offset: Int64, _ path: String) throws {
        rawCount = count
        try Piece.read(descriptor, UnsafeMutableRawBufferPointer(rebasing: raw[..<count]), at: offset, path)
    }

    static func read(_ descriptor: Int32, _ target: UnsafeMutableRawBufferPointer, at offset: Int64, _ path: String)
        throws
    {
        var done = 0
        while done < target.count {
            let count = pread(
                descriptor, target.baseAddress?.advanced(by: done), target.count - done, off_t(offset) + off_t(done))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Disk.failure("cannot read \(path)", count == 0 ? EIO : errno) }
            done += count
        }
    }

    func compress(with compressor: PieceCompressor) {
        do {
            fault = nil
            count = try compressor.compress(rawBytes, into: room)
        } catch {
            fault = error
        }
        done.signal()
    }

    /// Instead of `compress`.
    func fail(_ error: any Error) {
        fault = error
        done.signal()
    }

    /// Waits for `compress` on whatever thread.
    func isCompressed() throws {
        done.wait()
        if let fault { throw fault }
    }
}
