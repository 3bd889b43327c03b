import Foundation

/// A database that discovery has found on a server, and the job that it became. The catalog remembers it.
package struct FoundDatabase: Sendable, Equatable {
    package enum Standing: String, Sendable, CaseIterable {
        case present
        /// It is there and does not allow connections.
        case closed
        /// It is no longer there; its dumps are kept.
        case vanished
    }

    package var server: String
    package var database: String
    package var job: String
    /// The server's number for it, which a renaming does not change; nil when it is not known.
    package var oid: Int64?
    package var standing: Standing
    /// Since when it stands so.
    package var since: Date

    package init(
        server: String, database: String, job: String, oid: Int64? = nil, standing: Standing = .present, since: Date
    ) {
        self.server = server
        self.database = database
        self.job = job
        self.oid = oid
        self.standing = standing
        self.since = since
    }

    /// Why it is not backed up, for people; nil when it is.
    package var absence: String? {
        let since = Zone.utc.iso8601(Date(timeIntervalSince1970: since.timeIntervalSince1970.rounded(.down)))
        switch standing {
        case .present: return nil
        case .closed: return "the database does not allow connections (since \(since)) and is not backed up"
        case .vanished: return "the database is gone (since \(since)), its dumps are kept"
        }
    }
}

extension Schedule {
    /// Whether any server is asked for its databases.
    package var discovers: Bool { servers.contains { $0.discovery != nil } }

    /// With the jobs of found databases after the written ones; whatever this schedule does not ask for is left out.
    package func including(_ found: [FoundDatabase]) -> Schedule {
        guard discovers else { return self }
        let discoveries = Dictionary(servers.map { ($0.name, $0.discovery) }) { first, _ in first }
        var schedule = self
        schedule.jobs += fitting(found).compactMap { found in discoveries[found.server]??.job(of: found) }
        return schedule
    }

    /// Those of found databases that this schedule asks for. A job's name that the schedule uses itself by now is replaced.
    package func fitting(_ found: [FoundDatabase]) -> [FoundDatabase] {
        var names = FoundNames(written: self)
        let wanted = wantedDatabases()
        var fitting: [FoundDatabase] = []
        for var database in found where wanted(database.server, database.database) {
            if !names.take(database.job) { database.job = names.name(of: database.database, on: database.server) }
            fitting.append(database)
        }
        return fitting
    }

    /// Tells whether a database of a server is one that discovery takes: not excluded, and no written job's.
    func wantedDatabases() -> (_ server: String, _ database: String) -> Bool {
        let written = Dictionary(grouping: jobs.filter { $0.found == nil }) { $0.server }
            .mapValues { Set($0.map(\.database)) }
        let excluded = Dictionary(
            servers.compactMap { server in server.discovery.map { (server.name, $0.exclude.matcher()) } }
        ) { first, _ in first }
        return { server, database in
            guard let isExcluded = excluded[server] else { return false }
            return !Discovery.isNeverFound(database) && !isExcluded(database)
                && written[server]?.contains(database) != true
        }
    }
}
