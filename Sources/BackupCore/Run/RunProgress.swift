/// How far a run has come.
package struct RunProgress: Sendable, Equatable {
    package enum Phase: String, Sendable { case dumping, reading, hashing, restoring, comparing }
    package var phase: Phase
    /// Bytes of archive written or hashed, of script read, or of database restored.
    package var bytes: Int64
    /// Rows read so far; nil in a phase that does not see rows.
    package var rows: Int?

    package init(phase: Phase, bytes: Int64, rows: Int? = nil) {
        self.phase = phase
        self.bytes = bytes
        self.rows = rows
    }
}

/// What a run's progress is measured against; nil where it is not known.
package struct ExpectedSize: Sendable, Equatable {
    /// Of the archive.
    package var bytes: Int64?
    package var rows: Int?
    /// Of the database on its server.
    package var databaseBytes: Int64?

    package init(bytes: Int64? = nil, rows: Int? = nil, databaseBytes: Int64? = nil) {
        self.bytes = bytes
        self.rows = rows
        self.databaseBytes = databaseBytes
    }

    package init(_ manifest: Manifest) {
        self.init(bytes: manifest.bytes, rows: manifest.totalRows, databaseBytes: manifest.databaseBytes)
    }

    /// How much of its phase is done, from 0 to 1; nil when there is no measure for it.
    package func fraction(of progress: RunProgress) -> Double? {
        let done: (value: Double, of: Double)? =
            switch progress.phase {
            case .dumping, .hashing: bytes.map { (Double(progress.bytes), Double($0)) }
            case .reading: progress.rows.flatMap { done in rows.map { (Double(done), Double($0)) } }
            case .restoring: databaseBytes.map { (Double(progress.bytes), Double($0)) }
            case .comparing: nil
            }
        guard let done, done.of > 0 else { return nil }
        return min(1, done.value / done.of)
    }
}
