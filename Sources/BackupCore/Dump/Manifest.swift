import Foundation

/// The JSON beside a dump that says what it is and what has been proven of it: the dump's commit record.
/// Its keys are a promise. Instants are ISO 8601 in UTC.
package struct Manifest: Codable, Sendable, Equatable {
    /// The version of this format that this program writes; a manifest with a higher one is refused, never guessed at.
    package static let currentVersion = 2

    /// What is known of the dump, each level more than the one before: see docs/proof.md.
    package enum Proof: String, Codable, Sendable, CaseIterable {
        /// Adopted from an older tool and not yet verified.
        case none
        /// Every byte decompressed by pg_restore, rows counted, fingerprints and SHA-256 taken.
        case read
        /// Rows, or contents, equal to the source's in the dump's own snapshot.
        case matched
        /// Restored, and everything equal to what this manifest says.
        case drilled
    }
    /// What was held to the source in the dump's own snapshot.
    package enum Match: String, Codable, Sendable { case rows, content }
    package enum Transfer: String, Codable, Sendable {
        /// Written to a file inside, with offsets in its table of contents, and copied.
        case copied
        /// Through a pipe: without offsets, so a parallel restore must scan the archive.
        case streamed
    }
    package struct SequenceValue: Codable, Sendable, Equatable {
        package var lastValue: Int64
        /// False when the next value is `lastValue` itself.
        package var isCalled: Bool
        package init(lastValue: Int64, isCalled: Bool) {
            self.lastValue = lastValue
            self.isCalled = isCalled
        }
    }
    /// The last drill of this dump.
    package struct Drill: Codable, Sendable, Equatable {
        package var verdict: DrillVerdict
        package var began: Date
        package var ended: Date
        /// What a restore takes: reading, restoring, comparing, statistics; nil when it did not come to its end.
        package var restoreSeconds: Double?
        /// What the restored database took; nil when it did not come so far.
        package var databaseBytes: Int64?
        /// `throwaway`, or the server's name.
        package var place: String
        /// Assertions that were true.
        package var assertions: Int
        /// Why it is not proven.
        package var reason: String?
        package init(
            verdict: DrillVerdict, began: Date, ended: Date, restoreSeconds: Double?, databaseBytes: Int64?,
            place: String,
            assertions: Int, reason: String?
        ) {
            self.verdict = verdict
            self.began = began
            self.ended = ended
            self.restoreSeconds = restoreSeconds
            self.databaseBytes = databaseBytes
            self.place = place
            self.assertions = assertions
            self.reason = reason
        }
    }
    /// What a later run has found wrong with the archive.
    package struct Damage: Codable, Sendable, Equatable {
        package var found: Date
        package var reason: String
        package init(found: Date, reason: String) {
            self.found = found
            self.reason = reason
        }
    }
    package struct Extension: Codable, Sendable, Equatable {
        package var name: String
        package var version: String
        package var schema: String
        /// Those that belong to it, which no dump speaks of. Nil before they were asked for.
        package var schemas: [String]?
        package init(name: String, version: String, schema: String, schemas: [String]? = nil) {
            self.name = name
            self.version = version
            self.schema = schema
            self.schemas = schemas
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
    /// Of the script that pg_restore makes of the archive: what is left uncompressed. Nil before it was counted.
    package var scriptBytes: Int64?
    /// Rows by table, the key written as in the archive's COPY statement: `public.archon_settings`, `public."Odd name"`.
    package var rows: [String: Int]
    /// By table: of its COPY lines, order aside. Nil in a manifest of version 1.
    package var fingerprints: [String: Fingerprint]?
    package var sequences: [String: SequenceValue]?
    /// The table of contents by type, each entry as `schema name owner`.
    package var contents: [String: [String]]?
    /// Of the GRANT and REVOKE statements, order aside.
    package var grants: Fingerprint?
    /// Constraints that the source never checked against their rows: `public.t t_amount_check`.
    package var unvalidated: [String]?
    package var largeObjects: Int
    package var largeObjectData: Fingerprint?
    /// The settings under which values became text, in PostgreSQL's names; nil in an adopted dump.
    package var textSettings: [String: String]?
    /// What the database took on its server; nil in an adopted dump.
    package var databaseBytes: Int64?
    package var extensions: [Extension]
    package var properties: DatabaseProperties
    package var globals: Globals?
    /// The roles that the database needs, with the groups they are in: what a restore makes where they are missing. The
    /// roles file has all of the server's. Of an adopted dump those that its definitions name.
    package var roles: [String]?
    package var proof: Proof
    package var matched: Match?
    package var drill: Drill?
    /// Nil while nothing is known; taken out again when `verify` finds the dump whole.
    package var damage: Damage?
    /// How the archive came out of the container it was made in; nil when it was written here.
    package var transfer: Transfer?
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

    /// Takes over what the archive was found to hold.
    package mutating func take(_ facts: ArchiveFacts, hash: RowHash) {
        rows = facts.rows
        fingerprints = facts.fingerprints
        sequences = facts.sequences
        contents = facts.contents
        grants = hash.fingerprint(of: facts.grants)
        unvalidated = facts.unvalidated.sorted()
        largeObjects = facts.largeObjects
        largeObjectData = facts.largeObjectData
    }
}
