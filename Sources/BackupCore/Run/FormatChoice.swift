/// What a job's `format` says. `auto` takes what fits the database: one file while it is small, and a folder of members,
/// which are compressed, read and restored on all cores, from there on.
package enum FormatChoice: String, Sendable, CaseIterable {
    case auto, custom, directory

    /// What is known of the job's newest good dump.
    package struct Last: Sendable, Equatable {
        package var format: Job.Format
        /// Of its script; nil in a manifest of an older version.
        package var scriptBytes: Int64?
        package var bytes: Int64

        package init(format: Job.Format, scriptBytes: Int64?, bytes: Int64) {
            self.format = format
            self.scriptBytes = scriptBytes
            self.bytes = bytes
        }
    }

    /// Uncompressed. Below it a dump takes a second or two in either format, and one file is easier to handle.
    package static let directoryBytes: Int64 = 256_000_000

    /// The first dump is measured by what its database takes on the server. A database that shrinks a little below the measure
    /// keeps the directory format, which shares what has not changed between dumps.
    package func format(last: Last?, databaseBytes: Int64?, isInContainer: Bool) -> Job.Format {
        switch self {
        case .custom: return .custom
        case .directory: return .directory
        case .auto:
            // Out of a container a directory comes only where there is room for all of it inside.
            if isInContainer { return .custom }
            guard let last else { return databaseBytes ?? 0 >= Self.directoryBytes ? .directory : .custom }
            let measure = last.format == .directory ? Self.directoryBytes / 2 : Self.directoryBytes
            return last.scriptBytes ?? last.bytes >= measure ? .directory : .custom
        }
    }
}

/// How many tables pg_dump reads at once.
package enum DumpWorkers {
    /// From this size on a table is worth a session of its own.
    package static let largeTableBytes: Int64 = 16_000_000

    /// What the job asks for; else as many as the host has cores, shared by the runs that the server may have at once, and no
    /// more than there are large tables to read.
    package static func count(_ asked: Int?, cores: Int, concurrency: Int, largeTables: Int) -> Int {
        asked ?? max(1, min(cores / max(1, concurrency), largeTables, 64))
    }
}
