import BackupCore

/// What discovery says in the journal.
extension Event {
    init(_ change: DiscoveryLook.Change) {
        switch change {
        case .found(let found):
            self.init(.databaseFound, found, "the database \(found.database) was found on \(found.server)")
        case .returned(let found):
            self.init(.databaseFound, found, "the database \(found.database) on \(found.server) is backed up again")
        case .closed(let found):
            self.init(
                .databaseClosed, found,
                "the database \(found.database) on \(found.server) does not allow connections and is not backed up")
        case .vanished(let found, let renamed):
            let other = renamed.map { "; it is \($0) now" } ?? ""
            self.init(
                .databaseVanished, found,
                "the database \(found.database) is gone from \(found.server), its dumps are kept\(other)")
        }
    }

    private init(_ kind: Kind, _ found: FoundDatabase, _ text: String) {
        self.init(
            kind, "\(found.job): \(text)",
            ["JOB": found.job, "DATABASE": found.database, "SERVER": found.server, "REASON": text])
    }

    static func discoveryFailed(_ server: String, _ error: any Error) -> Event {
        let reason = (error as? Failure)?.description ?? "\(error)"
        return Event(
            .discoveryFailed, "\(server): the server could not be asked for its databases: \(reason)",
            ["SERVER": server, "REASON": reason])
    }

    static func discoveryResumed(_ server: String) -> Event {
        Event(.discoveryResumed, "\(server): the server lists its databases again", ["SERVER": server])
    }
}
