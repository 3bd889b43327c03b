import BackupCore
import Foundation

/// How pg_dump's archive comes out of the container that it runs in.
struct ContainerDump: Sendable {
    typealias Size = @Sendable () async throws -> Int64
    typealias Output = @Sendable (UnsafeRawBufferPointer) throws -> Void

    let host: ContainerHost
    /// On this host.
    let archive: String
    let format: Job.Format
    let limit: TimeLimit

    /// What must stay free in there: the server may keep its data on the same disk.
    private static let spareBytes: Int64 = 1 << 30

    /// `run` gets pg_dump's arguments, how to ask for the archive's size, and what takes its stdout. Throws `.cannotWrite` when
    /// a directory archive has no room in there: it cannot be streamed.
    func perform(
        expectedBytes: Int64, _ arguments: [String], run: ([String], @escaping Size, Output?) async throws -> Void
    ) async throws -> Manifest.Transfer {
        guard let folder = try await ContainerFolder.make(host, bytes: expectedBytes + Self.spareBytes) else {
            guard format == .custom else {
                throw Failure(
                    .cannotWrite,
                    "the container \(host.container.name) has no room for an archive of \(ByteSize.text(expectedBytes)) in /tmp or /var/tmp",
                    hint:
                        "Free some room where the engine keeps its containers, or write \"format\": \"custom\", which can be streamed."
                )
            }
            try await stream(arguments, run)
            return .streamed
        }
        do {
            let path = "\(folder.path)/archive"
            try await run(arguments + ["--file=\(path)"], { try await folder.roughBytes(of: "archive") }, nil)
            try await folder.copyOut("archive", to: archive, timeoutSeconds: try limit.remaining())
        } catch {
            await folder.remove()
            throw error
        }
        await folder.remove()
        return .copied
    }

    private func stream(_ arguments: [String], _ run: ([String], @escaping Size, Output?) async throws -> Void)
        async throws
    {
        try Disk.write(Data(), to: archive)
        let descriptor = open(archive, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw Disk.failure("cannot open \(archive)") }
        defer { close(descriptor) }
        let archive = archive
        try await run(arguments, { Disk.bytes(of: archive) ?? 0 }, { try Disk.write($0, to: descriptor, archive) })
    }
}
