import Foundation

/// What one look at a server's databases says: which are remembered from now on, and what has changed since the last.
package struct DiscoveryLook: Sendable, Equatable {
    /// A database as the server lists it.
    package struct Listed: Sendable, Equatable {
        package var name: String
        package var oid: Int64
        package var allowsConnections: Bool

        package init(name: String, oid: Int64, allowsConnections: Bool = true) {
            self.name = name
            self.oid = oid
            self.allowsConnections = allowsConnections
        }
    }

    package enum Change: Sendable, Equatable {
        case found(FoundDatabase)
        /// It is there again, or lets people in again.
        case returned(FoundDatabase)
        case closed(FoundDatabase)
        /// With the name of the database that is the same one by its number.
        case vanished(FoundDatabase, renamedTo: String?)
    }

    /// Of all servers, in the order in which they were found.
    package private(set) var found: [FoundDatabase] = []
    package private(set) var changes: [Change] = []

    /// `schedule` is as it was written. A database that is gone is forgotten when it has left no dumps.
    package init(
        _ listed: [Listed], of server: String, in schedule: Schedule, remembered: [FoundDatabase], now: Date,
        hasDumps: (FoundDatabase) -> Bool
    ) {
        let remembered = schedule.fitting(remembered)
        let wanted = schedule.wantedDatabases()
        let here = listed.filter { wanted(server, $0.name) }
        let byName = Dictionary(here.map { ($0.name, $0) }) { first, _ in first }
        var names = FoundNames(written: schedule)
        for database in remembered { _ = names.take(database.job) }
        for old in remembered {
            if old.server != server {
                found.append(old)
            } else if let database = byName[old.database] {
                note(database, old, now)
            } else {
                noteMissing(old, listed, now, hasDumps)
            }
        }
        let known = Set(remembered.filter { $0.server == server }.map(\.database))
        for database in here.sorted(by: { $0.name < $1.name }) where !known.contains(database.name) {
            let new = FoundDatabase(
                server: server, database: database.name, job: names.name(of: database.name, on: server),
                oid: database.oid, standing: database.allowsConnections ? .present : .closed, since: now)
            found.append(new)
            changes.append(database.allowsConnections ? .found(new) : .closed(new))
        }
    }

    private mutating func note(_ database: Listed, _ old: FoundDatabase, _ now: Date) {
        var new = old
        new.oid = database.oid
        new.standing = database.allowsConnections ? .present : .closed
        if new.standing != old.standing {
            new.since = now
            changes.append(new.standing == .present ? .returned(new) : .closed(new))
        }
        found.append(new)
    }

    private mutating func noteMissing(
        _ old: FoundDatabase, _ listed: [Listed], _ now: Date, _ hasDumps: (FoundDatabase) -> Bool
    ) {
        var new = old
        if old.standing != .vanished {
            new.standing = .vanished
            new.since = now
            let other = old.oid.flatMap { oid in listed.first { $0.oid == oid && $0.name != old.database } }
            changes.append(.vanished(new, renamedTo: other?.name))
        }
        if hasDumps(new) { found.append(new) }
    }
}
