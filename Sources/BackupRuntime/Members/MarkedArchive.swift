import BackupCore
import Foundation

/// A directory archive with the table of contents of another, and in place of each of its members a line that names the member:
/// pg_restore makes the script of it in a moment, with all names in its own words, and the script says which member is whose.
final class MarkedArchive: Sendable {
    /// Of the folder.
    let path: String
    private let members: [MemberReading]
    private let objects = Shared<[(number: String, index: Int)]>([])

    /// More members than these are not worth as many files.
    private static let most = 10_000

    /// Nil when there are members that only pg_restore itself can read, two of one name, or too many.
    init?(of archive: String, _ members: [MemberReading]) throws {
        let data = members.filter { $0.content != .contents }
        let names = Set(data.compactMap { MemberName(file: $0.file.name)?.plain })
        guard names.count == data.count, data.count <= Self.most,
            data.allSatisfy({ $0.content != .unread && $0.content != .other })
        else { return nil }
        var template = Array("\(NSTemporaryDirectory())archon-backupd-contents.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Disk.failure("cannot make a temporary folder") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        self.members = data
        let whole = URL(fileURLWithPath: archive).path
        for file in members
        where file.content == .contents && (file.file.name == "toc.dat" || file.file.name.hasSuffix(".toc")) {
            guard symlink("\(whole)/\(file.file.name)", "\(path)/\(file.file.name)") == 0 else {
                throw Disk.failure("cannot make \(path)/\(file.file.name)")
            }
        }
        for (index, member) in data.enumerated() {
            guard let name = MemberName(file: member.file.name) else { continue }
            let descriptor = open("\(path)/\(name.plain)", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw Disk.failure("cannot make \(path)/\(name.plain)") }
            defer { close(descriptor) }
            let mark = name.objectNumber == nil ? "\(index)\n\\.\n\n\n" : "\(index)"
            try Array(mark.utf8).withUnsafeBytes { try Disk.write($0, to: descriptor, "\(path)/\(name.plain)") }
        }
    }

    deinit {
        try? Disk.remove(path)  // a few small files in the place for temporary ones
    }

    /// Takes a line of a COPY block for the number of its member.
    var hash: RowHash {
        let objects = objects
        return RowHash(
            whole: { Marker.number($0) ?? .max },
            begin: {
                Marker { number, index in objects.with { $0.append((number, index)) } }
            })
    }

    /// What the script of the archive itself would have shown. Nil when the script does not name each member once: then they are
    /// of another kind. Throws `.damaged` for a member that is not what its place in the script asks for.
    func facts(_ scanner: ArchiveScanner) throws -> (facts: ArchiveFacts, scriptBytes: Int64)? {
        var facts = scanner.facts
        facts.tables = [:]
        var seen: Set<Int> = []
        var scriptBytes = scanner.bytes
        for block in scanner.blocks {
            guard block.rows == 1, block.fingerprint.sum < UInt128(members.count) else { return nil }
            let index = Int(block.fingerprint.sum)
            guard case .rows(let rows, let fingerprint) = members[index].content, seen.insert(index).inserted else {
                return nil
            }
            var table = facts.tables[block.table] ?? .init(rows: 0, fingerprint: Fingerprint(), columns: block.columns)
            table.rows += rows
            table.fingerprint = table.fingerprint + fingerprint
            facts.tables[block.table] = table
            scriptBytes += members[index].scriptBytes
        }
        facts.largeObjectData = Fingerprint()
        for (number, index) in objects.with({ $0 }) {
            guard members.indices.contains(index), case .object(number, let hash) = members[index].content,
                seen.insert(index).inserted
            else { return nil }
            facts.largeObjectData.add(hash)
            scriptBytes += 2 * members[index].scriptBytes
        }
        return seen.count == members.count ? (facts, scriptBytes) : nil
    }
}

/// The bytes of a mark, or of a large object that is one.
private final class Marker: RowHashStream, @unchecked Sendable {
    // Safe: whoever holds a stream uses it from one thread at a time.
    private var bytes: [UInt8] = []
    private let note: @Sendable (String, Int) -> Void

    init(_ note: @escaping @Sendable (String, Int) -> Void) { self.note = note }

    func add(_ piece: UnsafeRawBufferPointer) { if bytes.count < 256 { bytes += piece } }

    func finish() -> UInt128 {
        guard let tab = bytes.firstIndex(of: 0x09) else {
            return bytes.withUnsafeBytes { Self.number($0) } ?? .max
        }
        // Of a large object the script has the digits' own codes in hexadecimal: 3137 is 17.
        let codes = bytes[(tab + 1)...].enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
        let index = codes.withUnsafeBytes { Self.number($0) }.map { Int(clamping: $0) } ?? -1
        note(String(decoding: bytes[..<tab], as: UTF8.self), index)
        return 0
    }

    static func number(_ line: UnsafeRawBufferPointer) -> UInt128? {
        guard !line.isEmpty, line.count < 20, line.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return line.reduce(0) { $0 * 10 + UInt128($1 - 0x30) }
    }
}
