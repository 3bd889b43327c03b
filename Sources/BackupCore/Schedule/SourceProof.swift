/// What a dump is compared with before it counts as good.
package enum SourceProof: String, Sendable, CaseIterable {
    /// With itself: every byte is read back and its rows are counted.
    case read
    /// With the number of rows of each table on the server, in the dump's own snapshot.
    case source
    /// With the content of each table on the server, in the dump's own snapshot.
    case sourceContent = "source-content"
}
