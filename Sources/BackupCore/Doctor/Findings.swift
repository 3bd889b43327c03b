/// What is known of a thing, and the verdict on it: each a function from facts to a result.
extension CheckResult {
    /// `state` and `health` as `inspect` has them; no health for an image that has no check of its own.
    package static func container(
        _ name: String, of engine: Container.Engine = .docker, state: String, health: String
    ) -> CheckResult {
        let client = engine.rawValue
        let text = health.isEmpty || health == "none" ? state : "\(state), \(health)"
        switch (state, health) {
        case ("running", "healthy"): return .pass(.containers, name, text)
        case ("running", ""), ("running", "none"):
            return .pass(.containers, name, "\(state); its image has no health check")
        case ("running", "starting"):
            return .fail(.containers, name, text, mend: "Wait until its health check has an answer, and ask again.")
        case ("running", _):
            return .fail(
                .containers, name, text, mend: "`\(client) inspect \(name)` has the last words of its health check.")
        case ("paused", _): return .fail(.containers, name, text, mend: "`\(client) unpause \(name)`.")
        case ("restarting", _):
            return .fail(
                .containers, name, text,
                mend: "It ends again and again: `\(client) logs \(name)` says why.")
        default:
            return .fail(
                .containers, name, text, mend: "`\(client) logs \(name)` says why, `\(client) start \(name)` starts it."
            )
        }
    }

    /// `maximumErrorMicroseconds`: how wrong the clock may be, as the kernel was last told. It grows while nobody tells, up to
    /// sixteen seconds; below that systemd too calls a clock synchronised.
    package static func clock(maximumErrorMicroseconds error: Int) -> CheckResult {
        guard error < 16_000_000 else {
            return .fail(
                .clock, "system clock", "no time service has set it for long, or ever",
                mend: "Run one: `systemctl enable --now systemd-timesyncd`, or chrony. Slots go by this clock.")
        }
        return .pass(.clock, "system clock", "synchronised, to \(error / 1000) ms or better")
    }

    /// The words of `systemctl is-enabled` and `systemctl is-active`; no word where systemd does not answer.
    package static func unit(_ name: String, enabled: String, active: String) -> CheckResult {
        let found = "\(enabled.isEmpty ? "not installed" : enabled)\(active.isEmpty ? "" : ", \(active)")"
        let isEnabled = ["enabled", "alias"].contains(enabled)
        guard isEnabled else {
            return .fail(.unit, name, found, mend: "`systemctl enable --now \(name)`; see docs/install.md.")
        }
        guard !active.isEmpty else {
            return .skipped(.unit, name, "\(found); without D-Bus systemd does not tell this user whether it runs")
        }
        guard ["active", "reloading"].contains(active) else {
            return .fail(.unit, name, found, mend: "`systemctl start \(name)`; `systemctl status` says why it ended.")
        }
        return .pass(.unit, name, found)
    }

    /// What may be done with a file that a secret is in, or that says what the service runs.
    package struct Rights: Sendable {
        /// The service's user, whose the file should be.
        package var user: String
        /// The permission bits.
        package var mode: UInt32
        package var isFile: Bool
        package var isReadable: Bool
        /// Whose it is, when that is neither root nor the service's user.
        package var stranger: String?
        /// A folder in which others may put another file in its place.
        package var openFolder: OpenFolder?

        package init(
            user: String, mode: UInt32, isFile: Bool, isReadable: Bool, stranger: String? = nil,
            openFolder: OpenFolder? = nil
        ) {
            self.user = user
            self.mode = mode
            self.isFile = isFile
            self.isReadable = isReadable
            self.stranger = stranger
            self.openFolder = openFolder
        }
    }

    package struct OpenFolder: Sendable, Equatable {
        package let path: String
        /// The permission bits.
        package let mode: UInt32
        /// As for a file.
        package let stranger: String?

        /// Nil for one in which nobody but its owner, root or the service's user, may put another file in the place of one that is
        /// there; the sticky bit lets others add files and take none away.
        package init?(path: String, mode: UInt32, stranger: String?) {
            guard stranger != nil || mode & 0o022 != 0 && mode & 0o1000 == 0 else { return nil }
            self.path = path
            self.mode = mode
            self.stranger = stranger
        }
    }

    /// A secret: for its owner alone, else libpq passes over it.
    package static func secret(_ path: String, _ rights: Rights) -> CheckResult {
        if let unusable = unusable(path, rights) { return unusable }
        guard rights.mode & 0o077 == 0 else {
            return .fail(
                .credentials, path, "mode \(octal(rights.mode)): others may open it, so that libpq passes over it",
                mend: "`chmod 0600 \(ShellCommand.word(path))`.")
        }
        guard rights.mode & 0o400 != 0 else {
            // Root reads it all the same, and the service would not.
            return .fail(
                .credentials, path, "mode \(octal(rights.mode)): its owner may not read it",
                mend: "`chmod 0600 \(ShellCommand.word(path))`.")
        }
        if let owned = owned(path, rights, mode: "0600") { return owned }
        return .pass(.credentials, path, "readable, mode \(octal(rights.mode))")
    }

    /// The schedule: whoever may write it says which hooks the service runs.
    package static func schedule(_ path: String, _ rights: Rights) -> CheckResult {
        if let unusable = unusable(path, rights) { return unusable }
        guard rights.mode & 0o022 == 0 else {
            return .fail(
                .credentials, path, "mode \(octal(rights.mode)): others may write it, and so say what the service runs",
                mend: "`chmod go-w \(ShellCommand.word(path))`.")
        }
        if let owned = owned(path, rights, mode: "0640") { return owned }
        if let folder = rights.openFolder {
            let place = ShellCommand.word(folder.path)
            let who = folder.stranger.map { "owned by \($0)" } ?? "mode \(octal(folder.mode))"
            return .fail(
                .credentials, path,
                "its folder \(folder.path) is \(who): others may put another file there, and so say what the service runs",
                mend: folder.stranger == nil ? "`chmod go-w \(place)`." : "`chown root \(place)`.")
        }
        return .pass(.credentials, path, "readable, mode \(octal(rights.mode))")
    }

    private static func unusable(_ path: String, _ rights: Rights) -> CheckResult? {
        guard rights.isFile else {
            return .fail(
                .credentials, path, "it is no regular file", mend: "Put the file there, and no link to nowhere.")
        }
        guard rights.isReadable else {
            return .fail(
                .credentials, path, "mode \(octal(rights.mode)): this user may not read it",
                mend: "Give it to the service's user: `chown \(rights.user) \(ShellCommand.word(path))`.")
        }
        return nil
    }

    private static func owned(_ path: String, _ rights: Rights, mode: String) -> CheckResult? {
        rights.stranger.map {
            let word = ShellCommand.word(path)
            return .fail(
                .credentials, path, "owned by \($0), who may do with it what they want",
                mend: "`chown \(rights.user) \(word)` and `chmod \(mode) \(word)`.")
        }
    }

    private static func octal(_ mode: UInt32) -> String { "0" + String(mode & 0o7777, radix: 8) }

    /// `available` and `installed` as the database has them.
    package static func extensionState(
        _ name: String, of job: String, available: Set<String>, installed: Set<String>
    ) -> CheckResult {
        let subject = "\(job): \(name)"
        switch (available.contains(name), installed.contains(name)) {
        case (true, true): return .pass(.extensions, subject, "installed")
        case (true, false): return .pass(.extensions, subject, "available, not installed")
        case (false, let isInstalled):
            return .fail(
                .extensions, subject,
                isInstalled ? "installed, and its files are no longer on the server" : "not on the server",
                mend: "Install \(package(of: name)) where the server runs, or take an image that has it.")
        }
    }

    /// Those that PostgreSQL brings itself; from 10 on Debian has them in the server's own package.
    private static let contributed: Set = [
        "adminpack", "amcheck", "autoinc", "bloom", "btree_gin", "btree_gist", "citext", "cube", "dblink",
        "dict_int", "dict_xsyn", "earthdistance", "file_fdw", "fuzzystrmatch", "hstore", "insert_username",
        "intagg", "intarray", "isn", "lo", "ltree", "moddatetime", "old_snapshot", "pageinspect",
        "pg_buffercache", "pg_freespacemap", "pg_prewarm", "pg_stat_statements", "pg_surgery", "pg_trgm",
        "pg_visibility", "pg_walinspect", "pgcrypto", "pgrowlocks", "pgstattuple", "postgres_fdw", "refint",
        "seg", "sslinfo", "tablefunc", "tcn", "tsm_system_rows", "tsm_system_time", "unaccent", "uuid-ossp",
        "xml2",
    ]

    private static func package(of name: String) -> String {
        if name == "vector" { return "pgvector (Debian: postgresql-NN-pgvector)" }
        if contributed.contains(name) {
            return "PostgreSQL's additional modules (Debian: postgresql-NN itself, elsewhere often postgresql-contrib)"
        }
        return
            "the package that has \(name), which is not PostgreSQL's own (Debian: `apt-cache search postgresql | grep -i \(name)`)"
    }

    package static func endpoint(_ endpoint: Endpoint, answered status: Int) -> CheckResult {
        let isRight = endpoint.status.map { $0 == status } ?? (200...299).contains(status)
        let subject = "\(endpoint.name) \(endpoint.url)"
        if isRight { return .pass(.endpoints, subject, "answers \(status)") }
        let wanted = endpoint.status.map { "\($0)" } ?? "2xx"
        return .fail(
            .endpoints, subject, "answers \(status) where \(wanted) is expected", mend: mend(answered: status))
    }

    private static func mend(answered status: Int) -> String {
        let expected = "write \"status\": \(status) beside its url"
        return switch status {
        case 300...399:
            "It leads elsewhere, and is not followed: take the address that `curl -I` shows under Location as url, or \(expected)."
        case 401, 403: "It asks who is there: take an address that anybody may ask, or \(expected)."
        case 404: "The service is there and knows no such address: correct the path of its url, or \(expected)."
        default: "The service is there: its own log says why it answers so."
        }
    }
}

/// The first line of an answer in HTTP/1.
package enum HTTPStatus {
    /// Nil when that is none.
    package static func code(_ head: some Sequence<UInt8>) -> Int? {
        let line = String(decoding: head.prefix { $0 != 0x0a && $0 != 0x0d }, as: UTF8.self)
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), words[1].utf8.count == 3,
            let code = Int(words[1]), (100...599).contains(code)
        else { return nil }
        return code
    }
}
