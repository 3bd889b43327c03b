import BackupCore
import Foundation

/// A PostgreSQL of the tests' own, on a private socket in a temporary folder. PostgreSQL refuses root, so under root it
/// runs as `postgres`. It is stopped and removed when this process is gone, in whatever way it went.
package final class ScratchServer: Sendable {
    package let folder: String
    package let bin: String
    private let prefix: [String]
    private let options: String

    private init(folder: String, bin: String, prefix: [String], options: String) {
        self.folder = folder
        self.bin = bin
        self.prefix = prefix
        self.options = options
    }

    /// `options` are more of postgres' own, such as `-c max_prepared_transactions=5`, and `cluster` more of initdb's; `bin` has the
    /// programs, by default those of the newest major that Debian has installed.
    package static func begin(options: String = "", cluster: [String] = [], bin: String? = nil) async throws
        -> ScratchServer
    {
        var template = Array("/tmp/archon-test.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure(.inputOutput, "no temporary folder") }
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let listed = try await run("/bin/sh", ["-c", "ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1"])
        let isRoot = getuid() == 0
        let server = ScratchServer(
            folder: folder, bin: bin ?? listed.output.trimmingCharacters(in: .whitespacesAndNewlines),
            prefix: isRoot ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--reset-env"] : [],
            options: options)
        chmod(folder, 0o755)
        _ = try await run("/bin/sh", ["-c", "mkdir \(folder)/pg; \(isRoot ? "chown postgres \(folder)/pg" : ":")"])
        // Leaves with us: a shell that waits for our end, or for `end`.
        let farewell =
            "while kill -0 \(getpid()) 2>/dev/null && [ ! -e \(folder)/end ]; do sleep 0.5; done; cd /; \((server.prefix + ["\(server.bin)/pg_ctl"]).joined(separator: " ")) -D \(folder)/pg/data -m immediate stop; rm -rf \(folder)"
        _ = try await run("/bin/sh", ["-c", "setsid sh -c '\(farewell)' >/dev/null 2>&1 </dev/null &"])
        try await server.must(
            "initdb",
            ["-N", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-D", "\(folder)/pg/data"]
                + cluster)
        try await server.start()
        return server
    }

    /// It stops and goes within a second; nobody waits for it.
    package func end() { _ = FileManager.default.createFile(atPath: "\(folder)/end", contents: nil) }

    package func start() async throws {
        try await must(
            "pg_ctl",
            [
                "-D", "\(folder)/pg/data", "-w", "-l", "\(folder)/pg/log", "-o",
                "-c listen_addresses= -c unix_socket_directories=\(folder)/pg -c fsync=off -c shared_buffers=32MB -c max_connections=400 -c max_locks_per_transaction=256 \(options)",
                "start",
            ])
    }

    package func stop(_ mode: String = "immediate") async throws {
        try await must("pg_ctl", ["-D", "\(folder)/pg/data", "-w", "-m", mode, "stop"])
    }

    private func must(_ program: String, _ arguments: [String]) async throws {
        let all =
            prefix + ["/bin/sh", "-c", "cd /; exec \"$@\" >/dev/null 2>\(folder)/pg/err", "sh", "\(bin)/\(program)"]
            + arguments
        let said = try await run(all[0], Array(all.dropFirst()))
        guard said.status == 0 else {
            throw Failure(.unavailable, "\(program) ended with \(said.status): \(said.error)")
        }
    }

    package var connection: String { "host=\(folder)/pg user=postgres" }

    /// The output of psql, lines without decoration. Throws what psql says.
    @discardableResult
    package func psql(_ database: String, _ sql: String) async throws -> String {
        let said = try await run(
            "\(bin)/psql",
            [
                "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-d",
                "host='\(folder)/pg' user=postgres dbname='\(database.escaping("\\", as: "\\\\").escaping("'", as: "\\'"))'",
            ],
            input: sql)
        guard said.status == 0 else { throw Failure(.failed, "psql: \(said.error)") }
        return said.output.trimmingCharacters(in: .newlines)
    }

    package func create(_ database: String, _ sql: String = "") async throws {
        try await psql("postgres", "CREATE DATABASE \"\(database.replacing("\"", with: "\"\""))\"")
        if !sql.isEmpty { try await psql(database, sql) }
    }

    package func drop(_ database: String) async throws {
        try await psql("postgres", "DROP DATABASE IF EXISTS \"\(database.replacing("\"", with: "\"\""))\" WITH (FORCE)")
    }

    /// Everything in a database as text that two equal databases share: pg_dump's script, rows in order of the heap's
    /// text, and what pg_database says. An oracle that owes nothing to the code under test.
    package func fingerprint(_ database: String) async throws -> String {
        let conninfo =
            "host='\(folder)/pg' user=postgres dbname='\(database.escaping("\\", as: "\\\\").escaping("'", as: "\\'"))'"
        let schema = try await run("\(bin)/pg_dump", ["--schema-only", "--no-sync", "-d", conninfo])
        guard schema.status == 0 else { throw Failure(.failed, "pg_dump: \(schema.error)") }
        let text = schema.lines.filter {
            !$0.hasPrefix("--") && !$0.hasPrefix("\\restrict") && !$0.hasPrefix("\\unrestrict")
        }.joined(separator: "\n")
        let tables = try await psql(
            database,
            "select format('select %L, count(*), md5(string_agg(t::text, chr(10) order by t::text)) from only %I.%I t;', c.oid::regclass::text, nspname, relname) from pg_class c join pg_namespace n on n.oid = relnamespace where relkind in ('r','m') and nspname not like 'pg\\_%' and nspname <> 'information_schema' order by 1"
        )
        let rows = try await psql(database, "set search_path = '';\n" + tables)
        let sequences = try await psql(
            database, "select schemaname, sequencename, last_value from pg_sequences order by 1, 2")
        let objects = try await psql(
            database, "select loid, md5(string_agg(data, '' order by pageno)) from pg_largeobject group by 1 order by 1"
        )
        let properties = try await psql(
            database,
            "select pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype, to_jsonb(d) ->> 'datlocprovider', coalesce(to_jsonb(d) ->> 'daticulocale', to_jsonb(d) ->> 'datlocale'), datconnlimit, shobj_description(d.oid, 'pg_database'), (select array_agg(a::text order by a::text) from unnest(datacl) a) from pg_database d where datname = current_database(); select setrole::regrole, setconfig from pg_db_role_setting where setdatabase = (select oid from pg_database where datname = current_database()) order by 1"
        )
        return [text, rows, sequences, objects, properties].joined(separator: "\n--\n")
    }
}

/// The one server that tests of a process share.
package actor SharedServer {
    package static let only = SharedServer()
    private var starting: Task<ScratchServer, any Error>?

    package func server() async throws -> ScratchServer {
        if let starting { return try await starting.value }
        let task = Task { try await ScratchServer.begin() }
        starting = task
        return try await task.value
    }
}

/// A folder that goes when the body ends.
package func withTemporaryFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    var template = Array("/tmp/archon-folder.XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Failure(.inputOutput, "no temporary folder") }
    let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { try? FileManager.default.removeItem(atPath: folder) }  // a test has removed it itself
    return try await body(folder)
}
