import BackupCore
import Foundation

/// An archive where the tools that are to read it can: where it is, or a copy inside their container.
struct PlacedArchive: Sendable {
    /// For the tools' arguments.
    let path: String
    private let folder: ContainerFolder?

    /// The copy is gone when this returns. Throws `.cannotWrite` when the container has no room for it.
    static func with<Result: Sendable>(
        _ archive: String, for tools: Tools, _ body: (PlacedArchive) async throws -> Result
    ) async throws -> Result {
        guard let host = tools.host else { return try await body(PlacedArchive(path: archive, folder: nil)) }
        let bytes = Disk.bytes(of: archive) ?? 0
        guard let folder = try await ContainerFolder.make(host, bytes: bytes + spareBytes) else {
            throw Failure(
                .cannotWrite,
                "the container \(host.container.name) has no room for the archive of \(ByteSize.text(bytes)) in /tmp or /var/tmp",
                hint: "Free some room where the engine keeps its containers, or mount a volume on the container's /tmp."
            )
        }
        do {
            let result = try await body(
                PlacedArchive(path: try await folder.copyIn(archive, as: "archive"), folder: folder))
            await folder.remove()
            return result
        } catch {
            await folder.remove()
            throw error
        }
    }

    /// Beside the archive: lists of entries, and that the server in there may go on.
    private static let spareBytes: Int64 = 64 << 20

    /// Calls `body` with the path of a list of entries for `--use-list`, where the tools can read it; it is gone afterwards.
    func withList<Result: Sendable>(_ list: String, _ body: (_ path: String) async throws -> Result) async throws
        -> Result
    {
        if let folder { return try await body(try await folder.write(list, as: "list")) }
        var template = Array("/tmp/archon-backupd-list.XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw Disk.failure("cannot make a file in /tmp") }
        close(descriptor)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { try? Disk.remove(path) }  // a small file in /tmp, at worst
        try Disk.append(Data(list.utf8), to: path)
        return try await body(path)
    }

    /// A path beside the archive inside the container; nil on this host.
    func inside(_ name: String) -> String? { folder.map { "\($0.path)/\(name)" } }
}
