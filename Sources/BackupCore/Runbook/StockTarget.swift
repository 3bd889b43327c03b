/// How PostgreSQL's own programs reach a server: the first lines of each block of commands, and what stands before a program.
struct StockTarget: Sendable {
    private let server: Server

    init(_ server: Server) { self.server = server }

    /// `TARGET=`, the file of passwords, and for a container the way in: `inside PROGRAM`, and `feed PROGRAM` with an input.
    var lines: [String] {
        var lines = ["TARGET=\(ShellCommand.word(connection))"]
        if let passfile = server.passfile { lines.append("export PGPASSFILE=\(ShellCommand.word(passfile))") }
        if let container = server.container {
            // Without their values: a password would stand in the client's command line.
            lines += [
                "feed() { \(Self.client(container)) exec -i -e PGDATABASE -e PGCLIENTENCODING -e PGPASSWORD "
                    + "\(ShellCommand.word(container.name)) \"$@\"; }",
                "inside() { feed \"$@\" < /dev/null; }",
            ]
        }
        return lines
    }

    var isContainer: Bool { server.container != nil }
    /// Before a program.
    var run: String { isContainer ? "inside " : "" }
    /// Before a program that reads its input.
    var feed: String { isContainer ? "feed " : "" }

    /// No database is named: PGDATABASE does that. The programs in a container find the server by its socket.
    private var connection: String {
        guard let container = server.container else { return server.connection }
        return "user='" + container.user.escaping("\\", as: "\\\\").escaping("'", as: "\\'") + "'"
    }

    private static func client(_ container: Container) -> String {
        guard let socket = container.socket else { return container.engine.rawValue }
        return switch container.engine {
        case .docker: "docker --host \(ShellCommand.word("unix://\(socket)"))"
        case .podman: "podman --remote --url \(ShellCommand.word("unix://\(socket)"))"
        }
    }
}
