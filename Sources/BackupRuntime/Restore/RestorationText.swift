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
        if !omissions.isEmpty {
            lines.append("  which does not bring back \(omissions.joined(separator: "; ")): the job leaves them out")
        }
        switch target {
        case .new(let name): lines.append("  into a new database \(name) on \(server.name)")
        case .replacing(let name):
            lines.append(
                "  in place of the database \(name) on \(server.name), which is kept under a dated name; its sessions are ended"
            )
        }
        lines.append(
            "  with \(workers.map { Plural.of($0, "worker", "workers") } ?? "a worker for each core of the server"), under a temporary name first, everything compared"
        )
        return lines.joined(separator: "\n")
    }
}

extension TableRestoration: CustomStringConvertible {
    package var description: String {
        let names = tables.map(\.description).joined(separator: ", ")
        let place =
            switch target {
            case .schema(let schema, let database): "the new schema \(schema) of \(database)"
            case .database(let name): "the new database \(name)"
            }
        return """
            restore \(names) of \(archive)
              into \(place) on \(server.name); nothing that is there changes
              by way of a temporary database, rows compared, without foreign keys and triggers
            """
    }
}
