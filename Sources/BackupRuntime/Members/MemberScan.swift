import BackupCore
import CXXHash
import Foundation

/// What one read of a member of a directory archive has shown, from its first byte to its last.
struct MemberReading: Sendable, Equatable {
    enum Content: Sendable, Equatable {
        /// The rows of one table, to their end mark.
        case rows(Int, Fingerprint)
        /// A large object: its number, a tab, and its bytes as hexadecimal digits, hashed.
        case object(number: String, hash: UInt128)
        /// What no COPY would take: statements, or rows without an end.
        case other
        /// In a form that only pg_restore reads.
        case unread
        /// Not as a member can be, and why.
        case damaged(String)
        /// toc.dat and what is like it.
        case contents
    }

    /// As it stands on the disk.
    var file: Manifest.Member
    var content: Content
    /// Of what it holds, uncompressed.
    var scriptBytes: Int64
}

/// Takes in a member's file in order, in pieces of any size: its SHA-256, what it holds, and of that the rows or the object. For one
/// thread at a time.
final class MemberScan {
    private let name: String
    private let member: MemberName?
    private let decoder: MemberDecoder?
    private var content: ContentScan?
    private var digest: Digest?
    private var bytes: Int64 = 0
    private var scriptBytes: Int64 = 0
    private var fault: String?

    init(file name: String) throws {
        self.name = name
        member = MemberName(file: name)
        digest = try Digest()
        if let member, member.form != .other {
            decoder = try MemberDecoder(member.form)
            content = member.objectNumber.map { .object(ObjectScan(number: String($0))) } ?? .rows(RowScan())
        } else {
            decoder = nil
        }
    }

    /// Rows so far.
    var rows: Int { if case .rows(let scan) = content { scan.rows } else { 0 } }

    /// `check` is given what the bytes hold, in order.
    func take(_ part: UnsafeRawBufferPointer, check: (UnsafeRawBufferPointer) throws -> Void = { _ in }) throws {
        digest?.add(part)
        bytes += Int64(part.count)
        guard let decoder, fault == nil else { return }
        do {
            try decoder.take(part) { piece in
                scriptBytes += Int64(piece.count)
                try check(piece)
                content?.take(piece)
            }
        } catch let wrong as MemberDecoder.Fault {
            fault = wrong.reason
        }
    }

    /// After the last piece.
    func finish() -> MemberReading {
        let sha256 = digest.take()?.hex() ?? ""
        return MemberReading(
            file: Manifest.Member(name: name, bytes: bytes, sha256: sha256), content: outcome(),
            scriptBytes: scriptBytes)
    }

    private func outcome() -> MemberReading.Content {
        guard let member else { return .contents }
        guard let decoder, let content, member.form != .other else { return .unread }
        if let fault { return .damaged(fault) }
        do {
            try decoder.end()
        } catch {
            return .damaged((error as? MemberDecoder.Fault)?.reason ?? "\(error)")
        }
        return content.outcome
    }
}

/// What a member holds, while it streams by.
private enum ContentScan {
    case rows(RowScan)
    case object(ObjectScan)

    func take(_ piece: UnsafeRawBufferPointer) {
        switch self {
        case .rows(let scan): scan.take(piece)
        case .object(let scan): scan.take(piece)
        }
    }

    var outcome: MemberReading.Content {
        switch self {
        case .rows(let scan): scan.outcome
        case .object(let scan): scan.outcome
        }
    }
}

/// The rows of a table as pg_dump writes them to a member: lines, the end mark, and two empty lines.
private final class RowScan {
    private var block = CopyBlock(table: "", columns: "", hash: .xxh3)
    private var isEnded = false
    private var hasMore = false

    init() {
        // In a script the block begins in the COPY statement's own line, of which a line feed is left.
        _ = [UInt8(0x0a)].withUnsafeBytes { block.scan($0, from: 0) }
    }

    var rows: Int { block.rows }

    func take(_ piece: UnsafeRawBufferPointer) {
        var position = 0
        if !isEnded { (position, isEnded) = block.scan(piece, from: 0) }
        guard isEnded else { return }
        if piece[position...].contains(where: { $0 != 0x0a }) { hasMore = true }
    }

    var outcome: MemberReading.Content { isEnded && !hasMore ? .rows(block.rows, block.fingerprint) : .other }
}

private final class ObjectScan {
    private let number: String
    private let hash = RowHash.xxh3.begin()
    private let digits = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 64)
    private static let pairs: [UInt16] = (0..<256).map { byte in
        let letters = Array("0123456789abcdef".utf8)
        // In the order of memory: the high digit first.
        return UInt16(letters[byte >> 4]).littleEndian | UInt16(letters[byte & 15]).littleEndian << 8
    }

    init(number: String) {
        self.number = number
        Array("\(number)\t".utf8).withUnsafeBytes { hash.add($0) }
    }

    deinit { digits.deallocate() }

    func take(_ piece: UnsafeRawBufferPointer) {
        var rest = piece
        while !rest.isEmpty {
            let count = min(rest.count, digits.count / 2)
            Self.pairs.withUnsafeBufferPointer { pairs in
                for index in 0..<count {
                    digits.storeBytes(of: pairs[Int(rest[index])], toByteOffset: 2 * index, as: UInt16.self)
                }
            }
            hash.add(UnsafeRawBufferPointer(rebasing: digits[..<(2 * count)]))
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    var outcome: MemberReading.Content { .object(number: number, hash: hash.finish()) }
}
