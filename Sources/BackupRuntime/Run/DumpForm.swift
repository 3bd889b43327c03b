import BackupCore
import Foundation

/// In what form a run dumps: what the job says, fitted to database, host and tools.
struct DumpForm: Sendable {
    var format: Job.Format
    /// Tables that pg_dump reads at once.
    var workers: Int
    var compression: CompressionChoice

    /// `newest` finds the job's newest good dump, where it is needed.
    static func choose(
        _ job: Job, _ server: Server, tools: Tools, _ facts: DatabaseFacts, _ session: Session,
        newest: () throws -> Manifest?
    ) async throws -> DumpForm {
        let last = job.format == .auto ? try newest() : nil
        let format = job.format.format(
            last: last.map { .init(format: $0.format, scriptBytes: $0.scriptBytes, bytes: $0.bytes) },
            databaseBytes: facts.bytes, isInContainer: tools.host != nil)
        var workers = 1
        if format == .directory {
            workers = DumpWorkers.count(
                job.workers, cores: ProcessInfo.processInfo.activeProcessorCount, concurrency: server.concurrency,
                largeTables: job.workers == nil ? try await largeTables(session) : 0)
        }
        return DumpForm(
            format: format, workers: workers,
            compression: try await CompressionChoice.choose(job.compression, format, tools: tools))
    }

    /// Tables that are worth a session of pg_dump each, indexes aside.
    private static func largeTables(_ session: Session) async throws -> Int {
        try await session.value(
            "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND pg_table_size(oid) >= $1::bigint",
            ["\(DumpWorkers.largeTableBytes)"]
        ).flatMap(Int.init) ?? 1
    }
}

extension JobFolder {
    /// The manifest of the newest dump that is good by what its names and sizes say; the others are not looked at.
    package func newest() throws -> Manifest? {
        guard Disk.isFolder(path) else { return nil }
        let names = try Disk.names(in: path).filter { $0.hasSuffix(".json") }.compactMap {
            DumpName($0.dropLast(5), job: job)
        }
        for name in names.sorted().reversed() {
            let file = manifestPath(name)
            guard let data = FileManager.default.contents(atPath: file),
                let manifest = try? ManifestCodec.decode(data, file: file)  // a damaged one is told by others
            else { continue }
            if Disk.exists(archivePath(name)), manifest.drill?.verdict != .failed { return manifest }
        }
        return nil
    }
}
