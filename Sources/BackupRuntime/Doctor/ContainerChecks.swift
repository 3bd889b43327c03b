import BackupCore
import CLibPQ
import Foundation

/// What an engine says of containers.
package enum ContainerChecks {
    static func health(_ container: Container) async -> CheckResult {
        do {
            let engine = try ContainerEngine.find(container)
            let format = "{{.State.Status}}|{{with .State.Health}}{{.Status}}{{end}}"
            let said = try await engine.ask(["container", "inspect", "--format", format, container.name])
            let words = said.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
            return .container(
                container.name, of: container.engine, state: words[0], health: words.count > 1 ? words[1] : "")
        } catch {
            return EngineFault.result(error, .containers, container.name, container.engine)
        }
    }

    /// The database in its PGRST_DB_URI, which holds a password as well: nothing of the URI but that name is ever told.
    static func postgrest(_ service: Platform.PostgREST, _ platform: Platform) async -> CheckResult {
        do {
            let engine = try ContainerEngine.find(platform.container(service.container))
            let said = try await engine.ask(
                ["container", "inspect", "--format", "{{json .Config.Env}}", service.container])
            let lines = try JSONDecoder().decode([String]?.self, from: Data(said.utf8)) ?? []
            return postgrest(service, environment: lines)
        } catch is DecodingError {
            return .skipped(.postgrest, service.container, "the engine does not tell its environment")
        } catch {
            return EngineFault.result(error, .postgrest, service.container, platform.engine)
        }
    }

    /// `environment` in lines of NAME=VALUE.
    package static func postgrest(_ service: Platform.PostgREST, environment lines: [String]) -> CheckResult {
        var environment: [String: String] = [:]
        for line in lines {
            guard let sign = line.firstIndex(of: "=") else { continue }
            environment[String(line[..<sign])] = String(line[line.index(after: sign)...])
        }
        let mend =
            "Set PGRST_DB_URI of \(service.container) to postgresql://…/\(service.database) and recreate it; see config/compose."
        let uri = environment["PGRST_DB_URI"] ?? "postgresql://"
        if uri.hasPrefix("@") {
            return .skipped(
                .postgrest, service.container, "its PGRST_DB_URI is a file in the container, which is not opened")
        }
        guard let parameters = Self.parameters(of: uri) else {
            return .fail(.postgrest, service.container, "libpq cannot read its PGRST_DB_URI", mend: mend)
        }
        // libpq's own order.
        let name =
            [parameters["dbname"], environment["PGDATABASE"], parameters["user"], environment["PGUSER"]]
            .compactMap { $0 }.first { !$0.isEmpty }
        guard let name else {
            return .fail(.postgrest, service.container, "it names no database", mend: mend)
        }
        guard name == service.database else {
            return .fail(
                .postgrest, service.container, "it serves \(name) where \(service.database) is expected", mend: mend)
        }
        return .pass(.postgrest, service.container, "it serves \(name)")
    }

    /// Database and user alone. libpq's message is not told: it repeats what it could not read.
    private static func parameters(of uri: String) -> [String: String]? {
        var message: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(uri, &message) else {
            PQfreemem(message)
            return nil
        }
        defer { PQconninfoFree(options) }
        var found: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            let name = String(cString: keyword)
            if let value = option.pointee.val, ["dbname", "user"].contains(name) {
                found[name] = String(cString: value)
            }
            option = option.successor()
        }
        return found
    }
}

/// What it means when an engine does not answer.
enum EngineFault {
    /// As `ContainerEngine` has it: what is mended once is told once.
    static let hint = "Is the engine running, and may the service's user reach its socket? See docs/containers.md."

    static func result(
        _ error: any Error, _ check: CheckName, _ subject: String, _ engine: Container.Engine
    ) -> CheckResult {
        guard let failure = error as? Failure else { return .skipped(check, subject, "\(error)") }
        let cause = failure.cause ?? ""
        let words = cause.lowercased()
        if words.contains("no such container") {
            return .fail(
                check, subject, "there is no such container",
                mend: "`\(engine.rawValue) ps -a` shows their names: start it, or correct \"platform\" in the schedule."
            )
        }
        if words.contains("is not running") || words.contains("container state improper") {
            return .fail(check, subject, "the container does not run", mend: "`\(engine.rawValue) start` it.")
        }
        if words.contains("permission denied") || words.contains("forbidden") {
            return .skipped(
                check, subject, "this user may not ask the engine: run it as root, or see docs/containers.md")
        }
        // There is no client here: what it would say nobody knows.
        if failure.message.hasPrefix("there is no ") { return .skipped(check, subject, failure.message) }
        return .fail(
            check, subject, cause.isEmpty ? failure.message : "\(failure.message): \(cause)",
            mend: failure.hint ?? hint)
    }
}
