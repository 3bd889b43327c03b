/// The container that a server runs in, and whom PostgreSQL's programs in there connect as.
package struct Container: Sendable, Equatable {
    package enum Engine: String, Sendable, CaseIterable { case docker, podman }

    package var engine: Engine
    /// Of the engine, an absolute path; nil for the one that the engine's client finds.
    package var socket: String?
    /// As `docker ps` shows it.
    package var name: String
    /// A role of the server. The programs run as whoever the image says.
    package var user: String

    package init(engine: Engine, socket: String? = nil, name: String, user: String = "postgres") {
        self.engine = engine
        self.socket = socket
        self.name = name
        self.user = user
    }
}
