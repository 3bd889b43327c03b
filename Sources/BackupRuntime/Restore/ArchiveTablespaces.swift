import BackupCore
import Foundation

/// The tablespaces that an archive wants its tables in.
enum ArchiveTablespaces {
    /// Those of `archive` that the server has not. A restore would fail at the first.
    static func lacking(_ archive: String, _ admin: Session, _ tools: Tools) async throws -> [String] {
        let found = Shared(Lines())
        let ending = try await PlacedArchive.with(archive, for: tools) { placed in
            try await tools.run(.restore, ["--schema-only", "--no-owner", "--file=-", placed.path]) { buffer in
                found.with { $0.add(buffer) }
            }
        }
        guard ending.isSuccess else {
            throw Failure(
                .damaged, "the schema of \(archive) cannot be read: pg_restore \(ending.description)",
                cause: ending.errors)
        }
        let present = Set(try await admin.query("SELECT spcname FROM pg_tablespace").compactMap { $0[0] })
        return found.with { $0.tablespaces }.subtracting(present).sorted()
    }

    /// Keeps what `SET default_tablespace = name;` names, and nothing else of a script of any length.
    private struct Lines: Sendable {
        private var rest: [UInt8] = []
        private(set) var tablespaces: Set<String> = []

        mutating func add(_ buffer: UnsafeRawBufferPointer) {
            rest += buffer
            var begin = rest.startIndex
            while let end = rest[begin...].firstIndex(of: 0x0a) {
                take(rest[begin..<end])
                begin = end + 1
            }
            rest.removeFirst(begin - rest.startIndex)
        }

        private static let sign = Array("SET default_tablespace = ".utf8)

        private mutating func take(_ line: ArraySlice<UInt8>) {
            guard line.starts(with: Self.sign), line.last == UInt8(ascii: ";") else { return }
            let name = String(decoding: line.dropFirst(Self.sign.count).dropLast(), as: UTF8.self)
            // None at all, or the database's own.
            guard name != "''", name != "pg_default" else { return }
            tablespaces.insert(TableName(name)?.name ?? name)
        }
    }
}
