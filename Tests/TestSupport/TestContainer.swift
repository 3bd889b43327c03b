import BackupCore
import Foundation

/// A PostgreSQL in a container of the tests' engine, without any published port: its postmaster is PID 1 in there.
package struct TestContainer: Sendable {
    package let engine: TestEngine.Access
    /// As it was begun; `rename` makes another.
    package let name: String
    package let id: String
    package let password: String?

    /// The member of `servers` in a schedule.
    package var server: String {
        "{\"container\": {\"engine\": \"docker\", \"name\": \"\(name)\"}, \"concurrency\": 2}"
    }

    // MARK: what is asked from outside

    /// Runs a program inside by the engine's client; throws when it does not exit with 0.
    @discardableResult
    package func exec(_ words: String..., environment: [String: String] = [:], input: String = "") async throws
        -> String
    { try await exec(words, environment: environment, input: input) }

    private func exec(_ words: [String], environment: [String: String], input: String) async throws -> String {
        let said = try await engine.docker(
            ["exec", "-i"] + environment.flatMap { ["-e", "\($0)=\($1)"] } + [id] + words, input: input)
        guard said.status == 0 else { throw Failure(.failed, "\(words) in \(name): \(said.error)") }
        return said.output.trimmingCharacters(in: .newlines)
    }

    /// The output of psql, lines without decoration. Throws what psql says.
    @discardableResult
    package func sql(_ database: String, _ sql: String) async throws -> String {
        try await exec(
            ["psql"] + Self.psql + ["-d", database], environment: password.map { ["PGPASSWORD": $0] } ?? [:], input: sql
        )
    }

    package func create(_ database: String, _ sql: String = "") async throws {
        try await self.sql("postgres", "CREATE DATABASE \"\(database.replacing("\"", with: "\"\""))\"")
        if !sql.isEmpty { try await self.sql(database, sql) }
    }

    /// As the engine sees them: their command lines, without the server's own and those of a test's psql.
    package func processes() async throws -> [String] {
        let said = try await engine.docker(["top", id, "-eo", "pid,args"])
        guard said.status == 0 else { throw Failure(.failed, "docker top \(name): \(said.error)") }
        let words = said.lines.dropFirst().map {
            String($0.trimmingPrefix(while: \.isWhitespace).drop(while: \.isNumber).drop(while: \.isWhitespace))
        }
        return words.filter { line in
            !["postgres:", "postgres -c", "psql \(Self.psql.joined(separator: " "))"].contains { line.hasPrefix($0) }
        }
    }

    private static let psql = ["-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-U", "postgres"]

    /// One line for each of ours at the server: its name, state and statement.
    package func backends(_ name: String = "archon-backupd%") async throws -> [String] {
        try await sql(
            "postgres",
            "select application_name || ' ' || coalesce(state, '-') || ' ' || left(query, 60) from pg_stat_activity where application_name like '\(name)' and pid <> pg_backend_pid()"
        ).split(separator: "\n").map(String.init)
    }

    /// Files and folders of ours in the places for temporary ones.
    package func leftovers() async throws -> [String] {
        try await exec("sh", "-c", "find /tmp /var/tmp /dev/shm -name '*archon*'").split(separator: "\n").map(
            String.init)
    }

    /// Waits until nothing of ours is left inside: no process, no backend, no file.
    package func untilClean(_ when: String, seconds: Double = 60) async throws {
        var left: [String] = []
        do {
            try await until("", seconds: seconds) {
                left = try await processes() + backends() + leftovers()
                return left.isEmpty
            }
        } catch {
            throw Failure(.failed, "\(when), in \(name) is left: \(left.joined(separator: "\n"))")
        }
    }

    // MARK: what is done to it

    package func docker(_ words: String...) async throws {
        let said = try await engine.docker(words)
        guard said.status == 0 else { throw Failure(.failed, "docker \(words): \(said.error)") }
    }

    package func stop() async throws { try await docker("stop", "-t", "20", id) }

    package func restart() async throws {
        try await docker("restart", "-t", "20", id)
        try await untilReady()
    }

    package func start() async throws {
        try await docker("start", id)
        try await untilReady()
    }

    package func rename(_ name: String) async throws { try await docker("rename", id, name) }

    /// Pids of clients of the engine on this host that run something in this container with all these words.
    package func clients(_ words: String...) throws -> [Int32] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { Int32($0) }.filter { pid in
            // It may have ended meanwhile.
            let data = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()
            let arguments = data.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            guard arguments.first?.hasSuffix("docker") == true, arguments.contains("exec") else { return false }
            return arguments.contains { $0 == id || $0 == name } && words.allSatisfy { arguments.contains($0) }
        }
    }

    /// Holds a lock on table `t` of a database, as a migration does, until the body has ended: whatever dumps it stands still.
    package func withMigration<Result>(_ database: String, _ body: () async throws -> Result) async throws -> Result {
        let statement =
            "set application_name = 'migration'; begin \\; lock table t in access exclusive mode \\; select pg_sleep(600);"
        let migration = Task { _ = try await sql(database, statement) }
        defer { migration.cancel() }
        try await until("the migration holds its lock in \(database)") {
            try await sql("postgres", Self.migration(database, "count(*)")) == "1"
        }
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await body())
        } catch {
            result = .failure(error)
        }
        // The body may have stopped the container, or its engine: then the lock went with it.
        try? await endMigration(database)  // see above
        return try result.get()
    }

    package func endMigration(_ database: String) async throws {
        try await sql("postgres", Self.migration(database, "pg_terminate_backend(pid)"))
    }

    private static func migration(_ database: String, _ what: String) -> String {
        "select \(what) from pg_stat_activity where application_name = 'migration' and wait_event = 'PgSleep' and datname = '\(database)'"
    }

    // MARK: its life

    static func begin(
        _ prefix: String, _ image: TestEngine.Image, password: String?, options: [String], engine: TestEngine.Access
    ) async throws -> TestContainer {
        let name = "\(prefix)-\(UInt32.random(in: 0 ... .max))"
        let access =
            password.map { ["-e", "POSTGRES_PASSWORD=\($0)", "-e", "POSTGRES_INITDB_ARGS=--auth=scram-sha-256"] }
            ?? ["-e", "POSTGRES_HOST_AUTH_METHOD=trust"]
        let words =
            ["run", "--pull=never", "-d", "--name", name, "--stop-signal", "SIGINT"] + access + options
            + [image.rawValue, "postgres", "-c", "fsync=off", "-c", "shared_buffers=32MB"]
        let said = try await engine.docker(words)
        guard said.status == 0, let id = said.lines.last else { throw Failure(.failed, "docker run: \(said.error)") }
        let container = TestContainer(engine: engine, name: name, id: id, password: password)
        do {
            try await container.untilReady()
        } catch {
            _ = try await engine.docker(["rm", "-f", "-v", id])
            throw error
        }
        return container
    }

    /// Not before the postmaster is PID 1: the one of the setup takes connections too.
    func untilReady() async throws {
        let question = "[ \"$(cat /proc/1/comm)\" = postgres ] && pg_isready -q -U postgres"
        try await until("the server in \(name) takes connections") {
            try await engine.docker(["exec", id, "sh", "-c", question]).status == 0
        }
    }

    /// Throws when the postmaster had to end all its backends: what an orphan does to it that ends by a signal.
    func checkLog() async throws {
        let log = try await engine.docker(["logs", id])
        let bad = [
            "terminating any other active server processes", "not properly shut down", "was terminated by signal",
        ]
        let found = (log.output + log.error).split(separator: "\n").filter { line in
            bad.contains { line.contains($0) }
        }
        guard found.isEmpty else {
            throw Failure(.failed, "the server in \(name) broke down: \(found.joined(separator: "\n"))")
        }
    }
}

/// A container with a PostgreSQL of its own, removed when the body ends; `options` are more of `docker run`. Throws when
/// the server in it broke down meanwhile.
package func withContainer<Result>(
    _ prefix: String, _ image: TestEngine.Image = .debian, password: String? = nil, options: [String] = [],
    engine: TestEngine.Access? = nil, _ body: (TestContainer) async throws -> Result
) async throws -> Result {
    try await Seats.taken {
        try await withSeatedContainer(prefix, image, password: password, options: options, engine: engine, body)
    }
}

private func withSeatedContainer<Result>(
    _ prefix: String, _ image: TestEngine.Image, password: String?, options: [String], engine own: TestEngine.Access?,
    _ body: (TestContainer) async throws -> Result
) async throws -> Result {
    let engine: TestEngine.Access
    if let own { engine = own } else { engine = try await TestEngine.only.access(image) }
    let container = try await TestContainer.begin(prefix, image, password: password, options: options, engine: engine)
    let result: Swift.Result<Result, any Error>
    do {
        result = .success(try await body(container))
    } catch {
        result = .failure(error)
    }
    let broken: (any Error)?
    do {
        try await container.checkLog()
        broken = nil
    } catch {
        broken = error
    }
    _ = try await engine.docker(["rm", "-f", "-v", container.id])
    if case .failure(let error) = result, let broken { throw Failure(.failed, "\(broken)", cause: "\(error)") }
    if let broken { throw broken }
    return try result.get()
}

/// A host whose schedule has one server, `box`: the container. It has a scratch server too, of the same major, to compare with.
package func withContainerHost<Result>(
    _ prefix: String, _ image: TestEngine.Image = .debian, password: String? = nil, options: [String] = [],
    engine: TestEngine.Access? = nil, _ body: (TestHost, TestContainer) async throws -> Result
) async throws -> Result {
    try await withHost { host in
        try await withContainer(prefix, image, password: password, options: options, engine: engine) { container in
            var host = host
            host.servers = "\"box\": \(container.server)"
            host.environment.merge(container.engine.environment) { $1 }
            return try await body(host, container)
        }
    }
}
