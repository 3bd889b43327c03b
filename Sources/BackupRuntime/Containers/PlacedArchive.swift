import BackupCore

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

    /// A list of entries for `--use-list`, where the tools can read it; nil on this host, where the caller makes it.
    func put(_ text: String, as name: String) async throws -> String? { try await folder?.write(text, as: name) }

    /// A path beside the archive inside the container; nil on this host.
    func inside(_ name: String) -> String? { folder.map { "\($0.path)/\(name)" } }
}
