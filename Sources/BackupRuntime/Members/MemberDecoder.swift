import BackupCore
import CIsal
import CZstd

/// Takes the bytes of a member as they stand in its file, in pieces of any size, and gives what they hold. For one thread at a time.
final class MemberDecoder {
    /// What is wrong with the bytes.
    struct Fault: Error { let reason: String }

    private enum Engine {
        case plain
        case gzip(UnsafeMutableRawPointer)
        case zstd(OpaquePointer)
    }

    private let engine: Engine
    private let output = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)
    /// In the midst of a gzip member or a frame.
    private var isOpen = false
    /// At least one of them has ended.
    private var hasEnded = false

    /// `form` is one that can be read here: not `other`.
    init(_ form: MemberName.Form) throws {
        switch form {
        case .plain, .other: engine = .plain
        case .gzip:
            guard let state = archon_inflate_make() else { throw Failure(.failed, "there is no memory left") }
            engine = .gzip(state)
        case .zstd:
            guard let context = ZSTD_createDCtx() else { throw Failure(.failed, "there is no memory left") }
            engine = .zstd(context)
        }
    }

    deinit {
        output.deallocate()
        switch engine {
        case .plain: break
        case .gzip(let state): archon_inflate_free(state)
        case .zstd(let context): ZSTD_freeDCtx(context)
        }
    }

    /// Throws a `Fault` for bytes that no such file has; a checksum that is wrong is one.
    func take(_ bytes: UnsafeRawBufferPointer, give: (UnsafeRawBufferPointer) throws -> Void) throws {
        switch engine {
        case .plain: try give(bytes)
        case .gzip(let state): try inflate(bytes, state, give)
        case .zstd(let context): try decompress(bytes, context, give)
        }
    }

    /// Throws a `Fault` when the file ends before its content does.
    func end() throws {
        if case .plain = engine { return }
        guard !isOpen, hasEnded else { throw Fault(reason: "it ends too early") }
    }

    private func inflate(
        _ bytes: UnsafeRawBufferPointer, _ state: UnsafeMutableRawPointer,
        _ give: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var rest = bytes
        var isFull = false
        while !rest.isEmpty || isFull {
            if !isOpen {
                archon_inflate_begin(state)
                isOpen = true
            }
            let step = archon_inflate(
                state, rest.baseAddress, UInt32(rest.count), output.baseAddress, UInt32(output.count))
            guard step.code >= 0 else { throw Fault(reason: "its compressed data are wrong (\(step.code))") }
            rest = UnsafeRawBufferPointer(rebasing: rest[step.taken...])
            if step.given > 0 { try give(UnsafeRawBufferPointer(rebasing: output[..<step.given])) }
            isFull = step.given == output.count && step.is_ended == 0
            if step.is_ended != 0 {
                isOpen = false
                hasEnded = true
            }
        }
    }

    private func decompress(
        _ bytes: UnsafeRawBufferPointer, _ context: OpaquePointer, _ give: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        var isFull = false
        while input.pos < input.size || isFull {
            var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
            let left = ZSTD_decompressStream(context, &target, &input)
            guard ZSTD_isError(left) == 0 else {
                throw Fault(reason: "its compressed data are wrong (\(String(cString: ZSTD_getErrorName(left))))")
            }
            if target.pos > 0 { try give(UnsafeRawBufferPointer(rebasing: output[..<target.pos])) }
            isOpen = left != 0
            if left == 0 { hasEnded = true }
            isFull = isOpen && target.pos == target.size
        }
    }
}
