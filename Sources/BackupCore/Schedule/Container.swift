/// The container that a server runs in, and whom PostgreSQL's programs in there connect as.
package struct Container: Sendable, Equatable {
    package enum Engine: String, Sendable, CaseIterable { case docker, podman }

    package var engine: Engine
    /// As `docker ps` shows it.
    package var name: String
    /// A role of the server. The programs run as whoever the image says.
    package var user: String

    package init(engine: Engine, name: String, user: String = "postgres") {
        self.engine = engine
        self.name = name
        self.user = user
    }
}
