import BackupCore
import Foundation

/// A box with the daemon installed as `make install` does it, and a PostgreSQL that runs in it as `postgresql.service`
/// under Debian's rule: who comes through the socket is who the system says.
package struct BootedHost: Sendable {
    package let box: Box

    /// The release binary with Swift's libraries linked in, as it is installed; nil when it was not built.
    package static let releaseBinary = ProcessInfo.processInfo.environment["ARCHON_BACKUPD_STATIC"]

    fileprivate func install(debug: Bool) async throws {
        if let binary = Self.releaseBinary, !debug {
            try box.put(binary, at: "/usr/bin/archon-backupd", mode: 0o755)
        } else {
            try await installDebug()
        }
        for (file, path) in [
            ("systemd/archon-backupd.service", "/lib/systemd/system/archon-backupd.service"),
            ("systemd/archon-backupd.catalog", "/usr/lib/systemd/catalog/archon-backupd.catalog"),
            ("systemd/sysusers.d/archon-backupd.conf", "/usr/lib/sysusers.d/archon-backupd.conf"),
            ("systemd/tmpfiles.d/archon-backupd.conf", "/usr/lib/tmpfiles.d/archon-backupd.conf"),
        ] { try box.put(Repository.path(file), at: path) }
        try await box.must(
            """
            systemd-sysusers archon-backupd.conf
            systemd-tmpfiles --create archon-backupd.conf
            journalctl --update-catalog
            """)
    }

    /// The debug binary looks for Swift's libraries in its own folder first.
    private func installDebug() async throws {
        let libraries = try await TestSupport.run("ldd", [TestHost.binary]).lines.compactMap { line -> String? in
            let words = line.split(separator: " ")
            guard words.count > 2, words[2].contains("/swift/") else { return nil }
            return String(words[2])
        }
        for file in libraries + [TestHost.binary] {
            try box.put(file, at: "/usr/lib/archon-backupd/\((file as NSString).lastPathComponent)", mode: 0o755)
        }
        try await box.must("ln -s ../lib/archon-backupd/archon-backupd /usr/bin/archon-backupd")
    }

    /// One of the test's own: the clusters that Debian's packages make here are other machines' business.
    fileprivate func startServer() async throws {
        try box.write(
            """
            [Service]
            Type=notify
            User=postgres
            RuntimeDirectory=postgresql
            RuntimeDirectoryMode=2775
            ExecStart=/bin/sh -c 'exec "$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)/postgres" -D /var/lib/box-postgresql \
              -c unix_socket_directories=/run/postgresql -c listen_addresses=127.0.0.1 -c fsync=off -c shared_buffers=32MB'
            """, to: "/etc/systemd/system/postgresql.service")
        try await box.must(
            """
            install -d -o postgres -m 0700 /var/lib/box-postgresql
            bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
            cd /
            setpriv --reuid=postgres --regid=postgres --init-groups --reset-env "$bin/initdb" -N -A peer \
                --auth-host=scram-sha-256 -E UTF8 --locale=C.UTF-8 -D /var/lib/box-postgresql > /dev/null
            ln -s /dev/null /etc/systemd/system/postgresql@.service
            systemctl daemon-reload
            systemctl start postgresql
            """)
        try await psql("postgres", "CREATE ROLE \"archon-backup\" SUPERUSER LOGIN")
    }

    /// The schedule where the unit looks for it: `databases` are the members of that object.
    package func schedule(_ databases: String, connection: String = "host=/run/postgresql user=archon-backup") throws {
        try box.write(
            """
            {"version": 1, "storage": {"root": "/backups/supabase-ai", "minimumFree": "0B"},
             "servers": {"local": {"connection": "\(connection)"}}, "databases": {\(databases)}}
            """, to: "/etc/archon-backupd/schedule.json")
    }

    /// What psql prints, as `postgres`.
    @discardableResult
    package func psql(_ database: String, _ sql: String) async throws -> String {
        try await box.must(
            "cd /; exec setpriv --reuid=postgres --regid=postgres --init-groups --reset-env psql -X -q -At -v ON_ERROR_STOP=1 -d \"$1\" -c \"$2\"",
            database, sql)
    }

    /// `systemctl start`, which returns when the daemon says that it is ready. Throws what the journal has when it is not.
    package func start() async throws {
        let said = try await box.run("systemctl", "start", "archon-backupd")
        guard said.status == 0 else {
            throw Failure(.failed, "\(said.error)\(try await box.must("journalctl -u archon-backupd -o cat"))")
        }
    }

    /// A property of the unit, as `systemctl show` has it.
    package func property(_ name: String) async throws -> String {
        try await box.must("systemctl show -P \"$1\" archon-backupd", name)
    }

    /// What the journal has of the unit, oldest first; with `event`, only those.
    package func journal(_ event: String? = nil) async throws -> [[String: String]] {
        let said = try await box.must(
            "journalctl --sync; journalctl -u archon-backupd -o json --no-pager ${1:+ARCHON_EVENT=$1}", event ?? "")
        return try said.split(separator: "\n").map { line in
            let entry = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] ?? [:]
            return entry.compactMapValues { $0 as? String }
        }
    }

    /// Waits until the journal has an event of that kind, `count` times.
    @discardableResult
    package func waitFor(_ event: String, times count: Int = 1, seconds: Double = 60) async throws -> [[String: String]]
    {
        var found: [[String: String]] = []
        try await until("\(count) times \(event) in the journal", seconds: seconds) {
            found = try await journal(event)
            return found.count >= count
        }
        return found
    }

    /// Lets the daemon's wall clock, and only that, be `seconds` ahead; from the next start or look at it.
    package func setClock(ahead seconds: Double) throws { try box.write("\(seconds)", to: "/run/clock/offset") }

    /// From the next start the daemon's clock is the one that `setClock` moves.
    package func useMovableClock() async throws {
        let library = (TestHost.binary as NSString).deletingLastPathComponent + "/libWallClock.so"
        try box.put(library, at: "/usr/lib/archon-box-clock.so", mode: 0o755)
        try setClock(ahead: 0)
        try await dropIn(
            "clock",
            """
            [Service]
            Environment=LD_PRELOAD=/usr/lib/archon-box-clock.so WALLCLOCK_OFFSET=/run/clock/offset
            """)
    }

    package func dropIn(_ name: String, _ text: String) async throws {
        try box.write(text + "\n", to: "/etc/systemd/system/archon-backupd.service.d/\(name).conf")
        try await box.must("systemctl daemon-reload")
    }
}

/// A host that has booted, with the daemon installed and not started, and a server that runs; gone when the body ends.
/// With `debug` the binary is the one that these tests were built with. Needs root.
package func withBootedHost<Result>(debug: Bool = false, _ body: (BootedHost) async throws -> Result) async throws
    -> Result
{
    try await withBox { box in
        let host = BootedHost(box: box)
        try await host.install(debug: debug)
        try await host.startServer()
        return try await body(host)
    }
}

/// A host that has booted, with a server that runs and nothing of ours installed; gone when the body ends. Needs root.
package func withBareHost<Result>(_ body: (BootedHost) async throws -> Result) async throws -> Result {
    try await withBox { box in
        let host = BootedHost(box: box)
        try await host.startServer()
        return try await body(host)
    }
}
