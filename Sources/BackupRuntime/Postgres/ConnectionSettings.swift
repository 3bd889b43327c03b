import BackupCore
import CLibPQ
import Foundation

/// How to reach a server, in the two forms that are needed: parameters for libpq, and arguments with an environment for
/// PostgreSQL's own programs. The password is in neither argument list nor message.
package struct ConnectionSettings: Sendable {
    /// As libpq's parser understood them, without password.
    private let parameters: [(name: String, value: String)]
    private let password: String?
    private let passfile: String?
    package let maintenanceDatabase: String
    /// Where PostgreSQL's programs are to be run; nil for this host.
    package let container: Container?
    /// Instead of the container of that name: one whose id is known.
    private let knownHost: ContainerHost?

    /// Throws `.configInvalid` when libpq cannot parse the connection string or the credential is not there.
    package init(_ server: Server) throws { try self.init(server, in: nil) }

    /// For a container that was found already, or made.
    init(_ server: Server, in host: ContainerHost?) throws {
        container = server.container
        knownHost = host
        parameters =
            try Self.parse(server) + (server.container.map { [(name: "user", value: $0.user)] } ?? [])
        passfile = server.passfile
        maintenanceDatabase = server.maintenanceDatabase
        password = try server.passwordCredential.map { try Self.credential($0, server: server.name) }
    }

    /// The parameters for a connection to `database`, in libpq's names, with `dbname` to be expanded: of a list libpq passes over
    /// what is empty and asks its environment, while an empty value in a connection string is an answer.
    func parameters(database: String, applicationName: String) -> [(name: String, value: String)] {
        var all = [(name: "dbname", value: argument(database: database, applicationName: applicationName))]
        if let password { all.append(("password", password)) }
        if let passfile { all.append(("passfile", passfile)) }
        return all
    }

    /// One connection string for `--dbname`: safe to be seen in a process list.
    package func argument(database: String, applicationName: String) -> String {
        Self.text(described(database: database, applicationName: applicationName))
    }

    private static func text(_ parameters: [(name: String, value: String)]) -> String {
        parameters.map { name, value in
            let isPlain =
                !value.isEmpty
                && value.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "/._-:".contains($0)) }
            return isPlain
                ? "\(name)=\(value)" : "\(name)='\(value.escaping("\\", as: "\\\\").escaping("'", as: "\\'"))'"
        }.joined(separator: " ")
    }

    /// One connection string for a person's own psql: what the schedule says, and no password.
    package func forPerson(database: String) -> String {
        var all = parameters.filter { $0.name != "dbname" }
        if let passfile { all.append(("passfile", passfile)) }
        return Self.text(all + [("dbname", database)])
    }

    /// The container as it is now. Only for a server in one. Throws `.unavailable` when it does not run.
    func host() async throws -> ContainerHost? {
        if let knownHost { return knownHost }
        guard let container else { return nil }
        return try await ContainerHost.find(container)
    }

    /// What libpq inside the container reads to get past a password. Throws `.configInvalid` when the file cannot be read.
    func passfileLines() throws -> [String] {
        if let password { return [PassfileText.line(password: password)] }
        guard let passfile, let container else { return [] }
        guard let bytes = FileManager.default.contents(atPath: passfile) else {
            throw Failure(
                .configInvalid, "the passfile \(passfile) cannot be read",
                hint: "It must be there and belong to the service's user, with mode 0600.")
        }
        return PassfileText.lines(of: String(decoding: bytes, as: UTF8.self), user: container.user)
    }

    /// What a PostgreSQL program needs in its environment to get past a password.
    package var environment: [String: String] {
        var environment: [String: String] = [:]
        if let passfile { environment["PGPASSFILE"] = passfile }
        if let password { environment["PGPASSWORD"] = password }
        return environment
    }

    /// Where the server is, for messages: `host=/var/run/postgresql user=postgres`.
    package var place: String {
        if let container { return "\(container.engine.rawValue) container \(container.name), user=\(container.user)" }
        return parameters.filter {
            ["host", "hostaddr", "port", "user", "service"].contains($0.name) && $0.value != ""
        }
        .map { "\($0.name)=\($0.value)" }.joined(separator: " ")
    }

    /// Where the schedule does not say: a server that is cut off is noticed within two minutes, and not after the two hours
    /// that TCP takes by itself.
    private static let patience = [
        ("connect_timeout", "15"), ("keepalives_idle", "60"), ("keepalives_interval", "15"), ("keepalives_count", "4"),
        ("tcp_user_timeout", "120000"),
    ]

    private func described(database: String, applicationName: String) -> [(name: String, value: String)] {
        var all = parameters.filter { $0.name != "dbname" && $0.name != "application_name" }
        // Inside a container there is no network in between, but a server that hangs.
        let patience = container == nil ? Self.patience : Self.patience.filter { $0.0 == "connect_timeout" }
        for (name, value) in patience where !all.contains(where: { $0.name == name }) { all.append((name, value)) }
        all.append(("dbname", database))
        all.append(("application_name", applicationName))
        return all
    }

    private static func parse(_ server: Server) throws -> [(name: String, value: String)] {
        var message: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(server.connection, &message) else {
            defer { PQfreemem(message) }
            let text = message.map { String(cString: $0) } ?? ""
            throw Failure(
                .configInvalid, "the connection of server \(server.name) cannot be read",
                hint: "Write \"host=… port=… user=…\" or \"postgresql://user@host:port\".", cause: text)
        }
        defer { PQconninfoFree(options) }
        var found: [(name: String, value: String)] = []
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val, String(cString: keyword) != "password" {
                found.append((String(cString: keyword), String(cString: value)))
            }
            option = option.successor()
        }
        return found
    }

    private static func credential(_ name: String, server: String) throws -> String {
        guard let folder = ProcessInfo.processInfo.environment["CREDENTIALS_DIRECTORY"] else {
            throw Failure(
                .configInvalid, "server \(server) wants the credential \(name), and there is no CREDENTIALS_DIRECTORY",
                hint: "Add LoadCredential=\(name):/path to the unit, or use \"passfile\".")
        }
        guard let bytes = FileManager.default.contents(atPath: "\(folder)/\(name)") else {
            throw Failure(
                .configInvalid, "the credential \(name) of server \(server) is not in \(folder)",
                hint: "Add LoadCredential=\(name):/path to the unit.")
        }
        return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .newlines)
    }
}
