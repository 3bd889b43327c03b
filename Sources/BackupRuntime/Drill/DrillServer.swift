import BackupCore

/// A server made for one drill, on this host or in a container. It is gone when `end` returns.
protocol DrillServer: Sendable {
    /// How to reach it.
    var settings: ConnectionSettings { get throws }
    /// For what asks about a drill's place by name.
    var server: Server { get }
    /// Its cluster's, as the server itself names it: no other server has it.
    var dataFolder: String { get }
    /// What it logged last of a fault of its own; empty when there is none.
    var lastWords: String { get }
    func end() async throws
}

/// Makes servers for drills: in a container for a server in one; where the engine makes none for us, on this host, when it has that
/// server's major.
struct DrillServerMaker {
    let stateFolder: String
    /// The one that the dumped server runs in: a throwaway is a second one of its image.
    let container: Container?
    /// Where one on this host may be made, first to last.
    let bases: [String]

    /// With room for `bytes` of databases.
    func make(major: Int, bytes: Int64, _ limit: TimeLimit) async throws -> any DrillServer {
        guard let container else { return try await Throwaway.begin(major: major, bytes: bytes, bases: bases, limit) }
        do {
            return try await ContainerThrowaway.begin(
                for: container, bytes: bytes, owner: try ScratchDatabase(stateFolder: stateFolder).owner, limit)
        } catch let failure as Failure where failure.kind == .unavailable {
            let here = try? await Throwaway.begin(major: major, bytes: bytes, bases: bases, limit)  // the first is told
            guard let here else { throw failure }
            return here
        }
    }
}
