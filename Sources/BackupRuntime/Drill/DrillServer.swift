import BackupCore

/// A server made for one drill, on this host or in a container. It is gone when `end` returns.
protocol DrillServer: Sendable {
    /// How to reach it.
    var settings: ConnectionSettings { get throws }
    /// For what asks about a drill's place by name.
    var server: Server { get }
    /// What it logged last of a fault of its own; empty when there is none.
    var lastWords: String { get }
    func end() async throws
}
