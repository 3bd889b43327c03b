import BackupCore
import CIsal
import CZlib
import CZstd

/// Compresses pieces of a member, each to a gzip member or a zstd frame of its own: what reads the one format or the other reads any
/// number of them one after the other. The same piece gives the same bytes. For one thread at a time.
final class PieceCompressor {
    private enum Engine {
        case isal(UnsafeMutableRawPointer)
        case zlib(Int32)
        case zstd(OpaquePointer)
    }

    private let engine: Engine

    /// ISA-L has no more than three levels; zlib has the others.
    init(_ coding: MemberCoding) throws {
        switch coding {
        case .gzip(let level) where level <= 3:
            guard let state = archon_deflate_make(Int32(level)) else { throw Self.fault("libisal") }
            engine = .isal(state)
        case .gzip(let level): engine = .zlib(Int32(level))
        case .zstd(let level):
            guard let context = ZSTD_createCCtx() else { throw Self.fault("libzstd") }
            ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(level))
            ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
            engine = .zstd(context)
        }
    }

    deinit {
        switch engine {
        case .isal(let state): archon_deflate_free(state)
        case .zstd(let context): ZSTD_freeCCtx(context)
        case .zlib: break
        }
    }

    /// Room that is enough for what a piece of so many bytes becomes, however badly it compresses.
    static func room(for count: Int) -> Int { count + count / 8 + (64 << 10) }

    /// Returns how many bytes of `output` it takes.
    func compress(_ piece: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws -> Int {
        switch engine {
        case .isal(let state):
            let count = archon_deflate(
                state, piece.baseAddress, UInt32(piece.count), output.baseAddress, UInt32(output.count))
            guard count > 0 else { throw Self.fault("libisal") }
            return count
        case .zlib(let level): return try deflate(piece, into: output, level)
        case .zstd(let context):
            let count = ZSTD_compress2(context, output.baseAddress, output.count, piece.baseAddress, piece.count)
            guard ZSTD_isError(count) == 0 else { throw Self.fault("libzstd") }
            return count
        }
    }

    private func deflate(_ piece: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, _ level: Int32)
        throws -> Int
    {
        var stream = z_stream()
        // 15 bits of window, and 16 for gzip's head, which has neither name nor time then.
        guard
            deflateInit2_(
                &stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
                Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { throw Self.fault("zlib") }
        defer { deflateEnd(&stream) }
        stream.next_in = UnsafeMutablePointer(mutating: piece.bindMemory(to: UInt8.self).baseAddress)
        stream.avail_in = UInt32(piece.count)
        stream.next_out = output.bindMemory(to: UInt8.self).baseAddress
        stream.avail_out = UInt32(output.count)
        guard CZlib.deflate(&stream, Z_FINISH) == Z_STREAM_END else { throw Self.fault("zlib") }
        return output.count - Int(stream.avail_out)
    }

    private static func fault(_ library: String) -> Failure {
        Failure(.failed, "\(library) could not compress a part of the archive", hint: "Is the host short of memory?")
    }
}
