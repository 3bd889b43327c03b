import BackupCore

/// What events carry: the journal's catalog fills its texts in with it, and docs/journal.md promises it. All without the
/// prefix `ARCHON_`.
extension Event.Kind {
    /// Every event of this kind has them.
    package var fields: Set<String> {
        switch self {
        case .daemonReady, .reloaded: ["SCHEDULE", "JOBS"]
        case .daemonFailed, .reloadFailed: ["SCHEDULE", "REASON"]
        case .daemonStopping: []
        case .runBegan, .runInterrupted: ["JOB", "DATABASE"]
        case .runSucceeded: ["JOB", "DATABASE", "DUMP", "BYTES", "DURATION_USEC"]
        case .runFailed, .pruningSuspended: ["JOB", "DATABASE", "REASON"]
        case .slotsMissed: ["JOB", "DATABASE", "MISSED"]
        case .clockStepped: ["STEP_SECONDS"]
        case .pruned: ["JOB", "DATABASE", "PRUNED"]
        case .partialsSwept: ["SWEPT"]
        case .catalogRebuilt, .warning: ["REASON"]
        case .drillBegan, .drillInterrupted: ["JOB", "DATABASE", "DUMP"]
        case .drillProven: ["JOB", "DATABASE", "DUMP", "VERDICT"]
        case .drillFailed: ["JOB", "DATABASE", "DUMP", "VERDICT", "REASON"]
        case .drillUnverified: ["JOB", "DATABASE", "VERDICT", "REASON"]
        case .objectiveMissed, .objectiveMet: ["JOB", "DATABASE", "REASON", "OBJECTIVE"]
        case .databaseFound, .databaseVanished, .databaseClosed: ["JOB", "DATABASE", "SERVER", "REASON"]
        case .discoveryFailed: ["SERVER", "REASON"]
        case .discoveryResumed: ["SERVER"]
        case .databaseDrifted: ["JOB", "DATABASE", "DUMP", "REASON"]
        case .databaseAsExpected: ["JOB", "DATABASE", "DUMP"]
        }
    }

    /// Some have these besides.
    package var otherFields: Set<String> {
        switch self {
        case .runBegan, .runInterrupted, .runFailed, .slotsMissed: ["RUN"]
        case .runSucceeded: ["RUN", "PRUNED"]
        case .databaseDrifted, .databaseAsExpected: ["RUN", "BYTES", "DURATION_USEC"]
        case .pruned, .pruningSuspended: ["RUN", "DUMP", "BYTES", "DURATION_USEC"]
        case .partialsSwept: ["JOB", "DATABASE", "RUN"]
        case .warning: ["JOB", "DATABASE", "SERVER", "RUN", "DUMP", "BYTES", "DURATION_USEC"]
        case .drillProven: ["BYTES", "DURATION_USEC", "REASON"]
        case .drillFailed: ["BYTES", "DURATION_USEC"]
        case .drillUnverified: ["DUMP", "BYTES", "DURATION_USEC"]
        case .daemonReady, .reloaded, .daemonFailed, .reloadFailed, .daemonStopping, .clockStepped, .catalogRebuilt,
            .drillBegan, .drillInterrupted, .objectiveMissed, .objectiveMet, .databaseFound, .databaseVanished,
            .databaseClosed, .discoveryFailed, .discoveryResumed:
            []
        }
    }
}

extension Event {
    /// It has all fields that its kind promises, and no others.
    package var keepsItsPromise: Bool {
        kind.fields.isSubset(of: fields.keys) && Set(fields.keys).isSubset(of: kind.fields.union(kind.otherFields))
    }
}

extension Event {
    init(_ skip: Plan.Skip, database: String) {
        self.init(
            .slotsMissed, "\(skip.job): \(skip.missed) slots were missed and are not made up for (catchUp: never)",
            ["JOB": skip.job, "DATABASE": database, "MISSED": "\(skip.missed)"])
    }
}
