/// Brings one dump back with PostgreSQL's own programs alone: commands for bash, in a subshell that ends at the first failure.
package struct StockRestore: Sendable {
    private let manifest: Manifest
    private let target: StockTarget
    /// Absolute path of the folder that has the archive and its roles.
    private let folder: String

    package init(_ manifest: Manifest, server: Server, folder: String) {
        self.manifest = manifest
        target = StockTarget(server)
        self.folder = folder
    }

    /// Settings that may be secrets: they are named and not printed.
    package var withheld: [String] {
        manifest.properties.settings.filter(Self.isSecret).map { setting in
            setting.role.map { "\(setting.name) of \($0)" } ?? setting.name
        }
    }

    package var commands: String {
        var lines = ["(", "set -e", "FOLDER=\(ShellCommand.word(folder))"]
        lines += target.lines
        lines += [
            "export PGDATABASE=\(aside == nil ? Self.usual : "template1") PGCLIENTENCODING=UTF8",
            "# These are the bytes that were proven.",
        ]
        lines += sums
        lines += enter
        lines += roles
        lines += setAside
        lines += [
            "# The database, empty, as it was.", "\(target.run)\(createdb)",
            "export PGDATABASE=\(ShellCommand.word(manifest.database))",
        ]
        lines += fill
        lines += ["\(target.run)psql -X -q -v ON_ERROR_STOP=1 -d \"$TARGET\" -c ANALYZE"]
        lines += properties
        return (lines + [")"]).joined(separator: "\n")
    }

    private var archive: String { ShellCommand.word("\(manifest.dump).dump") }
    /// Where the programs find it.
    private var place: String { (target.isContainer ? "\"$PLACE\"/" : "\"$FOLDER\"/") + archive }

    /// The last one is of the roles: one that was changed meanwhile would make roles that nobody gave.
    private var sums: [String] {
        let sum =
            manifest.format == .directory
            ? "cd \"$FOLDER\"/\(archive) && ls | LC_ALL=C sort | xargs sha256sum | sha256sum"
            : "sha256sum < \"$FOLDER\"/\(archive)"
        var lines = ["test \"$(\(sum) | cut -c1-64)\" = \(manifest.sha256)" + Self.orSay("\(manifest.dump).dump")]
        if let globals = manifest.globals {
            let file = ShellCommand.word(globals.file)
            lines.append(
                "test \"$(sha256sum < \"$FOLDER\"/\(file) | cut -c1-64)\" = \(globals.sha256)"
                    + Self.orSay(globals.file))
        }
        return lines
    }

    /// `set -e` would end the subshell without a word.
    private static func orSay(_ file: String) -> String {
        " \\\n  || { echo \(ShellCommand.word("\(file) is not what was proven: its SHA-256 is another")) >&2; exit 1; }"
    }

    private var hasEventTriggers: Bool { manifest.contents?["EVENT TRIGGER"]?.isEmpty == false }

    /// pg_restore ends at an event trigger whose owner is no superuser, as Supabase's `postgres` in its own database.
    private var fill: [String] {
        let all = "\(target.run)pg_restore --exit-on-error -j \"$(nproc)\""
        guard hasEventTriggers else { return ["\(all) -d \"$TARGET\" \(place)"] }
        let list = "\(target.run)pg_restore -l \(place)"
        let put = "\(target.feed)tee \"$PLACE\""
        return [
            "# Event triggers come last: one whose owner is no superuser stays with who restores it. A complaint that its owner must be one is",
            "# harmless.", "EVENTS='^[0-9]+; [0-9]+ [0-9]+ (COMMENT - |SECURITY LABEL - )?EVENT TRIGGER '",
            "\(list) | grep -Ev \"$EVENTS\" | \(put)/most > /dev/null",
            "\(list) | grep -E \"$EVENTS\" | \(put)/events > /dev/null",
            "\(all) -L \"$PLACE\"/most -d \"$TARGET\" \(place)",
            "\(target.run)pg_restore --exit-on-error --no-owner -L \"$PLACE\"/events -d \"$TARGET\" \(place)",
            "\(target.run)pg_restore -L \"$PLACE\"/events -f - \(place) \\",
            "  | grep '^ALTER EVENT TRIGGER' | \(target.feed)psql -X -q -d \"$TARGET\"",
        ]
    }

    /// The archive goes into the container and out again at the end, however that comes: pg_restore -j reads no pipe. On this host
    /// only lists of its entries have such a place.
    private var enter: [String] {
        guard target.isContainer else {
            return hasEventTriggers ? ["PLACE=$(mktemp -d)", "trap 'rm -rf \"$PLACE\"' EXIT"] : []
        }
        return [
            "PLACE=$(inside mktemp -d)", "trap 'inside rm -rf \"$PLACE\"' EXIT",
            "tar -C \"$FOLDER\" -cf - \(archive) | feed tar -o -C \"$PLACE\" -xf -",
        ]
    }

    private var roles: [String] {
        guard let globals = manifest.globals else { return namedRoles }
        return [
            "# All roles of the old server; but who runs this stays a superuser, and memberships may be granted by another than in the old one.",
            "# Complaints about roles that exist already, or of a database that does not yet, are harmless.",
            "ME=$(\(target.run)psql -X -At -d \"$TARGET\" -c 'SELECT quote_ident(current_user)')",
            "grep -vF \"ALTER ROLE $ME WITH NOSUPERUSER \" \"$FOLDER\"/\(ShellCommand.word(globals.file)) \\",
            "  | sed 's/^\\(GRANT .*\\) GRANTED BY .*;$/\\1;/' | \(target.feed)psql -X -q -d \"$TARGET\"",
        ]
    }

    /// Those that the dump is known to need, by name.
    private var namedRoles: [String] {
        let names = (manifest.roles ?? []).filter { !$0.hasPrefix("pg_") }
        guard !names.isEmpty else {
            return ["# No roles were dumped: make those that own or were granted something by hand, first."]
        }
        let statements = names.map { ShellCommand.word("CREATE ROLE \(SQL.identifier($0));") }
        return [
            "# No roles were dumped, and these are needed: add LOGIN and a password where you know that. Complaints about roles that exist already are harmless.",
            "printf '%s\\n' \(statements.joined(separator: " "))" + " \\",
            "  | \(target.feed)psql -X -q -d \"$TARGET\"",
        ]
    }

    /// What each new server has.
    private static let usual = "postgres"

    /// The name that the server's own database of this name is given; nil for any other database.
    package var aside: String? { manifest.database == Self.usual ? "\(Self.usual)_set_aside" : nil }

    private var setAside: [String] {
        guard let aside else { return [] }
        let end =
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = \(SQL.literal(manifest.database))"
        let rename = "ALTER DATABASE \(SQL.identifier(manifest.database)) RENAME TO \(SQL.identifier(aside))"
        return [
            "# Each new server has a database of this name: it is set aside, and its sessions are ended, as pg_cron's.",
            "\(target.run)psql -X -q -v ON_ERROR_STOP=1 -o /dev/null -d \"$TARGET\" \\",
            "  -c \(ShellCommand.word(end)) -c \(ShellCommand.word(rename))",
        ]
    }

    private var createdb: String {
        let properties = manifest.properties
        var words = ["-T", "template0"]
        if !properties.owner.isEmpty { words.append("--owner=\(properties.owner)") }
        if !properties.encoding.isEmpty { words.append("--encoding=\(properties.encoding)") }
        if !properties.collation.isEmpty { words.append("--lc-collate=\(properties.collation)") }
        if !properties.characterType.isEmpty { words.append("--lc-ctype=\(properties.characterType)") }
        // From 15 on a server's own databases may be of another provider, which a new one would have as well.
        if !properties.collation.isEmpty, (Int(manifest.serverVersion.prefix { $0.isNumber }) ?? 0) >= 15 {
            words.append("--locale-provider=\(properties.localeProvider)")
        }
        if properties.localeProvider != "libc", let locale = properties.icuLocale {
            words.append((properties.localeProvider == "builtin" ? "--builtin-locale=" : "--icu-locale=") + locale)
        }
        words += ["--", manifest.database]
        return "createdb --maintenance-db=\"$TARGET\" " + words.map(ShellCommand.word).joined(separator: " ")
    }

    private var properties: [String] {
        var printable = manifest.properties
        printable.settings.removeAll(where: Self.isSecret)
        let hasComment = printable.comment.map { !PasswordText.isIn($0) } ?? false
        let statements = DatabaseStatements(printable).finish(manifest.database, withComment: hasComment)
        guard !statements.isEmpty else { return [] }
        return [
            "# Its settings, grants, connection limit and comment.",
            "\(target.run)psql -X -q -1 -v ON_ERROR_STOP=1 -d \"$TARGET\" \\",
            statements.map { "  -c \(ShellCommand.word($0))" }.joined(separator: " \\\n"),
        ]
    }

    private static let secretWords = ["secret", "passw", "token", "key", "credential", "jwt"]

    private static func isSecret(_ setting: Manifest.DatabaseProperties.Setting) -> Bool {
        let name = setting.name.lowercased()
        return secretWords.contains { name.contains($0) } || PasswordText.isIn(setting.value)
    }
}
