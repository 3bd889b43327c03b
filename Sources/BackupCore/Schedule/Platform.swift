/// What stands around the databases, as `doctor` looks at it. Nothing of it is backed up or changed.
package struct Platform: Sendable, Equatable {
    /// A name that has to lead to an address.
    package struct Host: Sendable, Equatable {
        package var name: String
        /// From inside these.
        package var containers: [String]
        /// From this host too.
        package var isNamedHere: Bool

        package init(name: String, containers: [String], isNamedHere: Bool) {
            self.name = name
            self.containers = containers
            self.isNamedHere = isNamedHere
        }
    }

    package struct PostgREST: Sendable, Equatable {
        package var container: String
        /// Which one it is to serve.
        package var database: String

        package init(container: String, database: String) {
            self.container = container
            self.database = database
        }
    }

    /// Of all containers that are named here.
    package var engine: Container.Engine = .docker
    /// Its socket, an absolute path; nil for the one that the engine's client finds.
    package var socket: String?
    package var hosts: [Host] = []
    package var endpoints: [Endpoint] = []
    package var containers: [String] = []
    package var postgrest: [PostgREST] = []

    package init() {}

    package func container(_ name: String) -> Container { Container(engine: engine, socket: socket, name: name) }
}
