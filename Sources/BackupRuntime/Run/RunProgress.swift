/// How far a run has come.
package struct RunProgress: Sendable, Equatable {
    package enum Phase: String, Sendable { case dumping, reading, hashing, restoring, comparing }
    package var phase: Phase
    /// Bytes of archive written, or of script read.
    package var bytes: Int64

    package init(phase: Phase, bytes: Int64) {
        self.phase = phase
        self.bytes = bytes
    }
}
