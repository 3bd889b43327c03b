import BackupCore
import Foundation

/// The programs that make and run a server of one major version.
struct ServerPrograms: Sendable, Equatable {
    let folder: String
    var initdb: String { folder + "/initdb" }
    var control: String { folder + "/pg_ctl" }

    /// Throws `.unavailable` that says what to install.
    static func find(major: Int, in folders: [String] = Tools.folders()) async throws -> ServerPrograms {
        // Debian names its folders by major; whatever else has a server is asked for its version.
        for folder in folders.sorted(by: { first, _ in first.contains("/\(major)/") }) {
            guard
                ["initdb", "pg_ctl", "postgres"].allSatisfy({
                    FileManager.default.isExecutableFile(atPath: "\(folder)/\($0)")
                })
            else { continue }
            let said = OutputText(limit: 4096)
            let ending = try await Child.run("\(folder)/postgres", ["--version"], timeoutSeconds: 10) { said.add($0) }
            let version = said.text.split(separator: " ").first { $0.first?.isNumber == true }
            guard ending.isSuccess, Int(version?.prefix { $0.isNumber } ?? "") == major else { continue }
            return ServerPrograms(folder: folder)
        }
        throw Failure(
            .unavailable, "there is no PostgreSQL \(major) server on this host to restore into",
            hint: "Install postgresql-\(major) (its server need not run), or write \"drill\": { \"on\": \"SERVER\" }.")
    }
}
