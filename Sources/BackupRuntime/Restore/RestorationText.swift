import BackupCore

extension Restoration: CustomStringConvertible {
    /// What would be done, for `--dry-run` and the question before `--replace`.
    package var description: String {
        var lines = ["restore \(archive)"]
        if let manifest {
            lines.append(
                "  data of \(Zone.utc.iso8601(manifest.snapshot)), \(Plural.rows(manifest.rows)), \(ByteSize.text(manifest.bytes))"
            )
        }
        switch target {
        case .new(let name): lines.append("  into a new database \(name) on \(server.name)")
        case .replacing(let name):
            lines.append(
                "  in place of the database \(name) on \(server.name), which is kept under a dated name; its sessions are ended"
            )
        }
        lines.append(
            "  with \(workers) \(workers == 1 ? "worker" : "workers"), under a temporary name first, compared row count by row count"
        )
        return lines.joined(separator: "\n")
    }
}
