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

    /// Throws `.configInvalid` when libpq cannot parse the connection string or the credential is not there.
    package init(_ server: Server) throws {
        parameters = try Self.parse(server)
        passfile = server.passfile
        maintenanceDatabase = server.maintenanceDatabase
        password = try server.passwordCredential.map { try Self.credential($0, server: server.name) }
    }

    /// The parameters for a connection to `database`, in libpq's names.
    func parameters(database: String, applicationName: String) -> [(name: String, value: String)] {
        var all = described(database: database, applicationName: applicationName)
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
                ? "\(name)=\(value)" : "\(name)='\(value.replacing("\\", with: "\\\\").replacing("'", with: "\\'"))'"
        }.joined(separator: " ")
    }

    /// One connection string for a person's own psql: what the schedule says, and no password.
    package func forPerson(database: String) -> String {
        var all = parameters.filter { $0.name != "dbname" }
        if let passfile { all.append(("passfile", passfile)) }
        return Self.text(all + [("dbname", database)])
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
        parameters.filter { ["host", "hostaddr", "port", "user", "service"].contains($0.name) }
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
        for (name, value) in Self.patience where !all.contains(where: { $0.name == name }) { all.append((name, value)) }
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
