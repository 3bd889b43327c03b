import BackupCore
import Foundation

/// What an archive must be beside whole: one of the job's database, of all of it, and of a time that has been. What is not stays
/// where it is; retention would count it, and remove a good dump for it.
extension Adoption {
    /// Retention would count another database's dumps among this one's. Names beyond ASCII are not compared: an archive has
    /// them in its database's encoding.
    func check(_ reading: ArchiveReading, _ path: String) throws {
        guard !reading.database.isEmpty, reading.database != job.database,
            (reading.database + job.database).allSatisfy(\.isASCII)
        else { return }
        throw Failure(
            .usage, "\(path) is of the database \(reading.database), and the job \(job.name) is of \(job.database)",
            hint: "Name the job of \(reading.database).")
    }

    /// Of one that was compressed pg_restore would say that it is no archive, as it does of a damaged one. A tar archive it reads,
    /// but not in parallel, as each restore does, and of one that is cut off it may read for ever.
    func checkPlain(_ real: String, _ path: String) async throws {
        guard !Disk.isFolder(real) else { return }
        let first = try await blocking { cancellation in
            var first: [UInt8] = []
            try Disk.read(real, cancellation) { bytes in
                first = Array(bytes.prefix(Self.tarHeader))
                return false
            }
            return first
        }
        guard !Self.isTar(first) else {
            throw Failure(
                .usage, "\(path) is a tar archive of pg_dump, which cannot be restored in parallel",
                hint:
                    "It stays as it is: `pg_restore -d NAME \(ShellCommand.word(path))`, without -j, restores it. From that database a backup makes a dump."
            )
        }
        guard let program = Self.compressors.first(where: { first.starts(with: $0.magic) }) else { return }
        throw Failure(
            .usage, "\(path) was compressed by \(program.name), which pg_restore does not read",
            hint: "Unpack it (`\(program.command) \(path)`) and adopt what comes out.")
    }

    private static let tarHeader = 512

    /// pg_dump writes the table of contents first.
    private static func isTar(_ first: [UInt8]) -> Bool {
        first.count == tarHeader && first.starts(with: Array("toc.dat\0".utf8))
            && first[257...].starts(with: Array("ustar".utf8))
    }

    private static let compressors: [(magic: [UInt8], name: String, command: String)] = [
        ([0x1f, 0x8b], "gzip", "gunzip --keep"), ([0x28, 0xb5, 0x2f, 0xfd], "zstd", "unzstd"),
        ([0xfd, 0x37, 0x7a, 0x58, 0x5a], "xz", "unxz --keep"), ([0x42, 0x5a, 0x68], "bzip2", "bunzip2 --keep"),
        ([0x04, 0x22, 0x4d, 0x18], "lz4", "unlz4"),
    ]

    /// A dump from the future would be the newest one for as long as it takes.
    func checkPast(_ began: Date, _ file: String) throws {
        guard began > Date() else { return }
        throw Failure(
            .usage, "the time of \(file) lies in the future: \(Zone.utc.iso8601(began))",
            hint: "Give --time-zone the zone of the clock that named it; or correct its name, or this host's clock.")
    }

    /// `dumps` are oldest first.
    func checkWhole(
        _ contents: [String: [String]], _ path: String, _ began: Date, beside dumps: [Manifest], _ others: [Examined]
    ) throws {
        if let lack = ArchiveLack.find(in: contents) {
            throw Failure(
                .damaged, "\(path) is no backup of \(job.database): \(lack)",
                hint: "It restores nothing by itself. Keep it for what it is, beside the dumps.")
        }
        guard !allowsPartial else { return }
        let known =
            dumps.compactMap { dump in
                dump.contents.map { (dump.began, ArchiveLack.Neighbour(dump: dump.dump, contents: $0)) }
            }
            + others.filter { $0.already == nil }.map {
                ($0.began, ArchiveLack.Neighbour(dump: $0.path, contents: $0.reading.facts.contents))
            }
        let before = known.filter { $0.0 <= began }.max { $0.0 < $1.0 }
        let after = known.filter { $0.0 > began }.min { $0.0 < $1.0 }
        guard let lack = ArchiveLack.find(in: contents, before: before?.1, after: after?.1) else { return }
        throw Failure(
            .damaged, "\(path) seems to hold a part of \(job.database) alone: \(lack)",
            hint: "If the database had no more then, --allow-partial takes it.")
    }
}
