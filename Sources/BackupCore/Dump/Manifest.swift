import Foundation

/// The JSON beside a dump that says what it is and what has been proven of it: the dump's commit record.
/// Its keys are a promise. Instants are ISO 8601 in UTC.
package struct Manifest: Codable, Sendable, Equatable {
    /// The version of this format that this program writes; a manifest with a higher one is refused, never guessed at.
    package static let currentVersion = 1

    package enum Proof: String, Codable, Sendable, CaseIterable {
        /// Every byte decompressed by pg_restore, rows counted, SHA-256 taken.
        case read
        /// Adopted from an older tool and not yet verified.
        case none
    }
    package struct Extension: Codable, Sendable, Equatable {
        package var name: String
        package var version: String
        package var schema: String
        package init(name: String, version: String, schema: String) {
            self.name = name
            self.version = version
            self.schema = schema
        }
    }
    /// One file of a directory archive.
    package struct Member: Codable, Sendable, Equatable {
        package var name: String
        package var bytes: Int64
        package var sha256: String
        package init(name: String, bytes: Int64, sha256: String) {
            self.name = name
            self.bytes = bytes
            self.sha256 = sha256
        }
    }
    package struct Globals: Codable, Sendable, Equatable {
        package var file: String
        package var bytes: Int64
        package var sha256: String
        /// False when the user may not read password hashes: roles come back without passwords.
        package var hasPasswords: Bool
        package init(file: String, bytes: Int64, sha256: String, hasPasswords: Bool) {
            self.file = file
            self.bytes = bytes
            self.sha256 = sha256
            self.hasPasswords = hasPasswords
        }
    }
    /// What `CREATE DATABASE` and the statements after it need to make the database again.
    package struct DatabaseProperties: Codable, Sendable, Equatable {
        package var owner: String
        package var encoding: String
        package var collation: String
        package var characterType: String
        /// `libc` or `icu` (or `builtin` from 17).
        package var localeProvider: String
        package var icuLocale: String?
        package var connectionLimit: Int
        package var comment: String?
        /// Each `setting=value` of pg_db_role_setting; `role` nil means for every role.
        package struct Setting: Codable, Sendable, Equatable {
            package var role: String?
            package var name: String
            package var value: String
            package init(role: String?, name: String, value: String) {
                self.role = role
                self.name = name
                self.value = value
            }
        }
        package var settings: [Setting]
        /// pg_database.datacl, each aclitem in its text form; nil means the default privileges.
        package var grants: [String]?
        package init(
            owner: String, encoding: String, collation: String, characterType: String, localeProvider: String = "libc",
            icuLocale: String? = nil, connectionLimit: Int = -1, comment: String? = nil, settings: [Setting] = [],
            grants: [String]? = nil
        ) {
            self.owner = owner
            self.encoding = encoding
            self.collation = collation
            self.characterType = characterType
            self.localeProvider = localeProvider
            self.icuLocale = icuLocale
            self.connectionLimit = connectionLimit
            self.comment = comment
            self.settings = settings
            self.grants = grants
        }
    }

    package var version = Manifest.currentVersion
    package var job: String
    package var server: String
    package var database: String
    /// The dump's name without extension: `backup_<job>_20261123T020000Z`.
    package var dump: String
    /// The slot the run was for; nil when a person asked for it.
    package var slot: Date?
    package var began: Date
    package var ended: Date
    /// No later than the instant whose data the archive holds: read from the server's clock before pg_dump begins.
    package var snapshot: Date
    package var format: Job.Format
    /// In pg_dump's words: `none`, `gzip:1`, `zstd:3`.
    package var compression: String
    package var pgDumpVersion: String
    package var serverVersion: String
    /// Of the archive: the file, or the sum of the members.
    package var bytes: Int64
    /// Of the archive file, lower-case hex; for a directory, of the sorted lines `<sha256>  <name>\n` of its members.
    package var sha256: String
    package var members: [Member]?
    /// Entries of the archive's table of contents.
    package var entries: Int
    /// Rows by table, the key written as in the archive's COPY statement: `public.archon_settings`, `public."Odd name"`.
    package var rows: [String: Int]
    package var largeObjects: Int
    /// What the database took on its server; nil in an adopted dump.
    package var databaseBytes: Int64?
    package var extensions: [Extension]
    package var properties: DatabaseProperties
    package var globals: Globals?
    /// The roles that the database needs, with the groups they are in: what a restore makes where they are missing. The
    /// roles file has all of the server's. Nil in an adopted dump.
    package var roles: [String]?
    package var proof: Proof
    /// What a reader should know and that is no failure: `schemas` leaves out large objects, roles without passwords.
    package var warnings: [String]
    package var tool: String

    package init(
        job: String, server: String, database: String, dump: String, slot: Date?, began: Date, ended: Date,
        snapshot: Date, format: Job.Format, compression: String, pgDumpVersion: String, serverVersion: String,
        bytes: Int64, sha256: String, members: [Member]?, entries: Int, rows: [String: Int], largeObjects: Int,
        databaseBytes: Int64? = nil, extensions: [Extension], properties: DatabaseProperties, globals: Globals?,
        roles: [String]? = nil, proof: Proof, warnings: [String], tool: String
    ) {
        self.job = job
        self.server = server
        self.database = database
        self.dump = dump
        self.slot = slot
        self.began = began
        self.ended = ended
        self.snapshot = snapshot
        self.format = format
        self.compression = compression
        self.pgDumpVersion = pgDumpVersion
        self.serverVersion = serverVersion
        self.bytes = bytes
        self.sha256 = sha256
        self.members = members
        self.entries = entries
        self.rows = rows
        self.largeObjects = largeObjects
        self.databaseBytes = databaseBytes
        self.extensions = extensions
        self.properties = properties
        self.globals = globals
        self.roles = roles
        self.proof = proof
        self.warnings = warnings
        self.tool = tool
    }

    package var totalRows: Int { rows.values.reduce(0, +) }
}
