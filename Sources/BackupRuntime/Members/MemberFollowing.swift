import BackupCore
import CLinux
import Foundation

/// What one thread does with one member: it compresses what pg_dump has written, piece by piece, takes the pieces out of pg_dump's
/// file, reads back what it has written itself, and gives the whole its name once it is complete and equal.
struct MemberFollowing {
    let folder: String
    let coding: MemberCoding
    /// Where pieces are compressed by others.
    let crew: ThreadQueue<Piece>
    let ownCompressor: PieceCompressor
    /// How many pieces may be on their way.
    let depth: Int
    let pieces: Shared<[Piece]>
    let fault: FirstFault
    /// Told of bytes written.
    let wrote: (Int) -> Void

    /// Returns when the member has its name, and pg_dump's file is gone.
    func follow(_ member: GrowingMember) throws -> MemberReading {
        let path = "\(folder)/\(member.name)"
        let source = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        guard source >= 0 else { throw Disk.failure("cannot open \(path)") }
        defer { close(source) }
        let partial = "\(path)\(coding.suffix).partial"
        let target = open(partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard target >= 0 else { throw Disk.failure("cannot make \(partial)") }
        defer { close(target) }
        var output = Output(descriptor: target, path: partial, scan: try MemberScan(file: member.name + coding.suffix))
        var line: [Piece] = []
        defer {
            // Another thread may still be at work on them.
            for piece in line { try? piece.isCompressed() }  // the first fault is told
        }
        var offset: Int64 = 0
        var isLast = false
        while !isLast {
            let count = try member.awaitBytes(Piece.bytes, at: offset, of: source, fault)
            isLast = count < Piece.bytes
            // A file without a byte becomes one piece without a byte: what decompresses it must find its end.
            if count > 0 || offset == 0 {
                let piece = pieces.with { $0.popLast() } ?? Piece()
                try piece.fill(count, from: source, at: offset, path)
                if isLast && line.isEmpty { piece.compress(with: ownCompressor) } else { crew.put(piece) }
                line.append(piece)
                offset += Int64(count)
                release(source, to: offset)
                member.consume(to: offset)
            }
            while line.count > (isLast ? 0 : depth), let first = line.first {
                line.removeFirst()
                try first.isCompressed()
                wrote(try output.add(first))
                pieces.with { $0.append(first) }
            }
        }
        return try publish(output.scan.finish(), path, partial)
    }

    /// Gives the room of what has been taken back to the disk. A file system that cannot do that keeps the whole until its end.
    private func release(_ descriptor: Int32, to offset: Int64) {
        _ = archon_punch_hole(descriptor, Int(offset))
    }

    /// The name first, then the end of pg_dump's file: nothing of this is listed before all of it is durable.
    private func publish(_ reading: MemberReading, _ path: String, _ partial: String) throws -> MemberReading {
        if case .damaged(let reason) = reading.content {
            throw Failure(
                .inputOutput, "\(partial) does not read back as it was written: \(reason)",
                hint: "Look at the disk and the memory: dmesg, smartctl.")
        }
        try Disk.rename(partial, path + coding.suffix)
        try Disk.remove(path)
        return reading
    }

    /// The file that is written, and the scan of what stands in it.
    private struct Output {
        let descriptor: Int32
        let path: String
        let scan: MemberScan
        private var position: Int64 = 0
        private var flushed: Int64 = 0
        private let again = ReadBuffer()

        init(descriptor: Int32, path: String, scan: MemberScan) {
            self.descriptor = descriptor
            self.path = path
            self.scan = scan
        }

        /// Writes a piece and reads it back. Returns its length. Throws `.inputOutput` when what it holds is not what it was made of.
        mutating func add(_ piece: Piece) throws -> Int {
            let bytes = piece.compressed
            try Disk.write(bytes, to: descriptor, path)
            let read = again.part(bytes.count)
            try Piece.read(descriptor, read, at: position, path)
            let raw = piece.rawBytes
            var compared = 0
            var isEqual = true
            try scan.take(UnsafeRawBufferPointer(read)) { part in
                let rest = UnsafeRawBufferPointer(rebasing: raw[min(compared, raw.count)...])
                isEqual = isEqual && part.count <= rest.count && Self.isPrefix(part, of: rest)
                compared += part.count
            }
            guard isEqual, compared == raw.count else {
                throw Failure(
                    .inputOutput, "\(path) does not read back as it was written",
                    hint: "Look at the disk and the memory: dmesg, smartctl.")
            }
            position += Int64(bytes.count)
            // So that little is left to wait for when all is written through at the end.
            if position - flushed >= 8 << 20 {
                _ = archon_begin_writing(descriptor, Int(flushed), Int(position - flushed))
                flushed = position
            }
            return bytes.count
        }

        private static func isPrefix(_ part: UnsafeRawBufferPointer, of whole: UnsafeRawBufferPointer) -> Bool {
            guard let left = part.baseAddress, let right = whole.baseAddress else { return part.isEmpty }
            return memcmp(left, right, part.count) == 0
        }
    }

    private final class ReadBuffer {
        private let bytes = UnsafeMutableRawBufferPointer.allocate(
            byteCount: PieceCompressor.room(for: Piece.bytes), alignment: 4096)
        deinit { bytes.deallocate() }
        func part(_ count: Int) -> UnsafeMutableRawBufferPointer {
            UnsafeMutableRawBufferPointer(rebasing: bytes[..<count])
        }
    }
}
