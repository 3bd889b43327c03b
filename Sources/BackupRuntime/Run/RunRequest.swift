import BackupCore
import Foundation

/// One run that somebody asked for: a slot, or a person.
package struct RunRequest: Sendable {
    /// What the job's last good dump was like: the measure for free space, progress and time left.
    package struct Previous: Sendable, Equatable {
        package var bytes: Int64
        package var rows: Int
        package var seconds: Double

        package init(bytes: Int64, rows: Int, seconds: Double) {
            self.bytes = bytes
            self.rows = rows
            self.seconds = seconds
        }
    }

    package var job: Job
    package var server: Server
    package var storage: Schedule.Storage
    /// Nil when a person asked.
    package var slot: Date?
    package var attempt: Int
    package var missed: Int
    package var coalesced: Int
    package var previous: Previous?

    package init(
        job: Job, server: Server, storage: Schedule.Storage, slot: Date? = nil, attempt: Int = 1, missed: Int = 0,
        coalesced: Int = 0, previous: Previous? = nil
    ) {
        self.job = job
        self.server = server
        self.storage = storage
        self.slot = slot
        self.attempt = attempt
        self.missed = missed
        self.coalesced = coalesced
        self.previous = previous
    }
}

/// How a run went.
package enum RunOutcome: Sendable {
    case succeeded(Manifest)
    case failed(Failure)
    /// The program was told to stop; nothing was wrong with the run.
    case interrupted
    /// Another process holds the job's lock; nothing was begun.
    case busy(Failure)
}
