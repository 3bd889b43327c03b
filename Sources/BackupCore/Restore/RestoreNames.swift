import Foundation

/// The names that databases get around a restore: within PostgreSQL's 63 bytes, never cut inside a character.
package enum RestoreNames {
    package static func restored(_ database: String, at now: Date) -> String {
        fitted(database, "_restored_\(DumpName.stamp(now))")
    }
    package static func before(_ database: String, at now: Date) -> String {
        fitted(database, "_before_\(DumpName.stamp(now))")
    }
    /// Of a schema that takes single tables: as it can be written without quotes.
    package static func schema(at now: Date) -> String {
        "restored_\(DumpName.stamp(now).dropLast().replacing("T", with: "_"))"
    }
    package static func undone(_ database: String, at now: Date) -> String {
        fitted(database, "_undone_\(DumpName.stamp(now))")
    }
    /// Work in progress. `token` keeps two restores of one second apart.
    package static func temporary(at now: Date, token: UInt32) -> String {
        "archon_restore_\(DumpName.stamp(now))_\(String(token, radix: 36))"
    }

    /// A drill's, on a server that is used for other things too. `owner` tells it from those of others' drills.
    package static func drill(at now: Date, owner: String, token: UInt32) -> String {
        "archon_drill_\(DumpName.stamp(now))_\(owner)_\(String(token, radix: 36))"
    }

    /// Whether a database has one of these names: work in progress, or a copy that a restore has left for a person.
    package static func isOurs(_ database: String) -> Bool {
        if database.hasPrefix("archon_restore_") || database.hasPrefix("archon_drill_") { return true }
        guard DumpName.isStamp(database.suffix(16)) else { return false }
        return ["_restored_", "_before_", "_undone_"].contains { database.dropLast(16).hasSuffix($0) }
    }

    private static func fitted(_ name: String, _ suffix: String) -> String {
        var name = name
        while name.utf8.count + suffix.utf8.count > 63 { name.removeLast() }
        return name + suffix
    }
}
