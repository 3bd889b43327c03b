import BackupCore
import Foundation

/// The command of an engine, `docker` or `podman`, as this service's user runs it.
struct ContainerEngine: Sendable, Equatable {
    let kind: Container.Engine
    /// Nil for the one that the command takes by itself.
    private let socket: String?
    /// Of the client, absolute.
    let program: String

    /// Throws `.unavailable` when it is not installed.
    static func find(_ container: Container) throws -> ContainerEngine {
        let kind = container.engine
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        for folder in path.split(separator: ":").map(String.init) + ["/usr/bin", "/usr/local/bin"] {
            let program = "\(folder)/\(kind.rawValue)"
            if FileManager.default.isExecutableFile(atPath: program) {
                return ContainerEngine(kind: kind, socket: container.socket, program: program)
            }
        }
        throw Failure(
            .unavailable, "there is no \(kind.rawValue) on this host",
            hint: "Install the client of the engine (Debian: docker.io or podman).")
    }

    /// The words after the program's name: which engine, then what it is to do.
    func words(_ arguments: [String]) -> [String] {
        guard let socket else { return arguments }
        return switch kind {
        case .docker: ["--host", "unix://\(socket)"] + arguments
        case .podman: ["--remote", "--url", "unix://\(socket)"] + arguments
        }
    }

    /// What it answers to a question that takes but a moment. Throws `.unavailable` with its words when it refuses.
    func ask(_ arguments: [String], timeoutSeconds: Double = 60) async throws -> String {
        let said = OutputText(limit: 1 << 20)
        let ending = try await Child.run(program, words(arguments), timeoutSeconds: timeoutSeconds) { said.add($0) }
        switch ending.cause {
        case .exited(0): return said.text.trimmingCharacters(in: .whitespacesAndNewlines)
        case .interrupted: throw CancellationError()
        case .timedOut:
            throw Failure(
                .unavailable, "the \(kind.rawValue) engine did not answer within \(TimeSpan.text(timeoutSeconds))",
                hint: "Is it running? Try `\(kind.rawValue) ps` as the service's user.")
        case .exited, .signaled:
            throw Failure(
                .unavailable, "\(kind.rawValue) \(arguments[0]) \(ending.description)",
                hint:
                    "Is the engine running, and may the service's user reach its socket? See docs/containers.md.",
                cause: ending.errors)
        }
    }
}
