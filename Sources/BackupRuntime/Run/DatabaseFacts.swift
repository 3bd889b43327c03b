import BackupCore
import Foundation

/// What a manifest says of a database beside its data, asked in one session before pg_dump begins.
struct DatabaseFacts: Sendable {
    var properties: Manifest.DatabaseProperties
    var extensions: [Manifest.Extension]
    /// The server's clock.
    var time: Date
    var canReadPasswords: Bool
    var largeObjects: Int
    /// On the server, indexes included.
    var bytes: Int64?
    /// Whom the database needs: owners, those who were granted something, those who have settings or policies in it; the owners of
    /// its subscriptions, for whom pg_shdepend knows no database; their groups and who put them there; and the bootstrap superuser,
    /// on whom pg_shdepend keeps no record.
    var roles: [String]
    var textSettings: [String: String]

    static func gather(_ session: Session) async throws -> DatabaseFacts {
        let extensions = try await extensions(session)
        let seconds = try await session.value("SELECT extract(epoch FROM clock_timestamp())")
        return DatabaseFacts(
            properties: try await properties(session), extensions: extensions,
            time: Date(timeIntervalSince1970: seconds.flatMap(Double.init) ?? 0),
            canReadPasswords: try await session.value("SELECT has_table_privilege('pg_catalog.pg_authid', 'SELECT')")
                == "t",
            largeObjects: try await session.value("SELECT count(*) FROM pg_largeobject_metadata").flatMap(Int.init)
                ?? 0,
            bytes: try await session.value("SELECT pg_database_size(current_database())").flatMap(Int64.init),
            roles: try await session.query(rolesQuestion).compactMap { $0[0] },
            textSettings: try await TextSettings.gather(session))
    }

    private static func extensions(_ session: Session) async throws -> [Manifest.Extension] {
        let members = try await session.query(
            """
            SELECT e.extname, n.nspname FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid JOIN pg_namespace n ON n.oid = d.objid
            WHERE d.classid = 'pg_namespace'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' ORDER BY 2
            """)
        return try await session.query(
            "SELECT e.extname, e.extversion, n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace ORDER BY 1"
        ).map { row in
            Manifest.Extension(
                name: row[0] ?? "", version: row[1] ?? "", schema: row[2] ?? "",
                schemas: members.filter { $0[0] == row[0] }.compactMap { $0[1] })
        }
    }

    private static let rolesQuestion = """
        WITH RECURSIVE here AS (SELECT oid, datdba FROM pg_database WHERE datname = current_database()),
        direct(role) AS (
          SELECT refobjid FROM pg_shdepend, here WHERE refclassid = 'pg_authid'::regclass
            AND (dbid = here.oid OR (dbid = 0 AND classid = 'pg_database'::regclass AND objid = here.oid))
          UNION SELECT datdba FROM here
          UNION SELECT subowner FROM pg_subscription, here WHERE subdbid = here.oid
          UNION SELECT setrole FROM pg_db_role_setting, here WHERE setdatabase = here.oid AND setrole <> 0
          UNION SELECT 10),
        needed(role) AS (
          SELECT role FROM direct
          UNION SELECT more.role FROM needed JOIN pg_auth_members m ON m.member = needed.role
            CROSS JOIN LATERAL (VALUES (m.roleid), (m.grantor)) AS more(role))
        SELECT rolname FROM pg_roles WHERE oid IN (SELECT role FROM needed) AND rolname !~ '^pg_' ORDER BY 1
        """

    static func properties(_ session: Session) async throws -> Manifest.DatabaseProperties {
        // Locale providers came with 15; their column was renamed in 17.
        let provider = session.serverVersion >= 150_000 ? "datlocprovider" : "'c'"
        let locale =
            session.serverVersion >= 170_000 ? "datlocale" : session.serverVersion >= 150_000 ? "daticulocale" : "NULL"
        let rows = try await session.query(
            """
            SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype, \(provider), \(locale),
              datconnlimit, shobj_description(oid, 'pg_database'), datacl IS NULL
            FROM pg_database WHERE datname = current_database()
            """)
        guard let row = rows.first else {
            throw Failure(.failed, "the server does not list the database it is connected to")
        }
        let settings = try await session.query(
            """
            SELECT CASE WHEN setrole = 0 THEN NULL ELSE pg_get_userbyid(setrole) END, setting
            FROM pg_db_role_setting, unnest(setconfig) WITH ORDINALITY AS settings(setting, place)
            WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1 NULLS FIRST, place
            """
        ).compactMap { row -> Manifest.DatabaseProperties.Setting? in
            guard let pair = row[1]?.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false),
                pair.count == 2
            else { return nil }
            return .init(role: row[0], name: String(pair[0]), value: String(pair[1]))
        }
        let grants = try await session.query(
            "SELECT unnest(datacl)::text FROM pg_database WHERE datname = current_database()")
        let providers = ["c": "libc", "i": "icu", "b": "builtin"]
        return Manifest.DatabaseProperties(
            owner: row[0] ?? "", encoding: row[1] ?? "", collation: row[2] ?? "", characterType: row[3] ?? "",
            localeProvider: providers[row[4] ?? "c"] ?? "libc", icuLocale: row[5],
            connectionLimit: row[6].flatMap(Int.init) ?? -1,
            comment: row[7], settings: settings, grants: row[8] == "t" ? nil : grants.compactMap { $0[0] })
    }

    /// The patterns that match nothing: pg_dump takes them without a word, and dumps what was to be left out.
    static func unmatched(_ patterns: [String], isSchema: Bool, _ session: Session) async throws -> [String] {
        var unmatched: [String] = []
        for text in patterns {
            let pattern = NamePattern(text)
            let found: String?
            if isSchema {
                found = try await session.value("SELECT 1 FROM pg_namespace WHERE nspname ~ $1 LIMIT 1", [pattern.name])
            } else if let schema = pattern.schema {
                found = try await session.value(
                    "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r','p','v','m','S','f') AND c.relname ~ $1 AND n.nspname ~ $2 LIMIT 1",
                    [pattern.name, schema])
            } else {
                found = try await session.value(
                    "SELECT 1 FROM pg_class c WHERE c.relkind IN ('r','p','v','m','S','f') AND c.relname ~ $1 AND pg_table_is_visible(c.oid) LIMIT 1",
                    [pattern.name])
            }
            if found == nil { unmatched.append(text) }
        }
        return unmatched
    }
}
