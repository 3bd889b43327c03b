import Foundation

/// What the catalog knows of a job: kept in one row, so that asking stays quick after years of runs.
package struct JobState: Sendable, Equatable {
    package var firstSeen: Date
    package var account: JobFacts.Account?
    package var lastSuccess: Date?
    package var lastBytes: Int64?
    package var lastRows: Int?
    package var lastSeconds: Double?
    /// Of the last run, when it failed.
    package var lastError: String?
    /// Runs failed since the last success.
    package var failures: Int
    package var missed: Int
    /// Why pruning waits, when it does.
    package var suspension: String?
    /// How the database differed, at the last dump, from what the job expected then.
    @Boxed package var drift: Drift? = nil
    /// The last slot that a drill was begun for, and how that went.
    package var drillAccount: JobFacts.Account?
    /// The last drill that has ended, and the last that has proven its dump.
    @Boxed package var lastDrill: DrillRecord? = nil
    @Boxed package var lastProven: DrillRecord? = nil
    /// When a drill, or `verify`, has shown that the newest dump is damaged; nil once there is a newer good one.
    package var refuted: Date?

    package init(
        firstSeen: Date, account: JobFacts.Account? = nil, lastSuccess: Date? = nil, lastBytes: Int64? = nil,
        lastRows: Int? = nil,
        lastSeconds: Double? = nil, lastError: String? = nil, failures: Int = 0, missed: Int = 0,
        suspension: String? = nil
    ) {
        self.firstSeen = firstSeen
        self.account = account
        self.lastSuccess = lastSuccess
        self.lastBytes = lastBytes
        self.lastRows = lastRows
        self.lastSeconds = lastSeconds
        self.lastError = lastError
        self.failures = failures
        self.missed = missed
        self.suspension = suspension
    }

    /// What is left of `drift` for what the job expects now.
    package func drift(of job: Job) -> Drift? { drift?.held(to: job.expected, database: job.database) }

    /// The two are mostly one.
    package mutating func note(lastDrill: DrillRecord?, lastProven: DrillRecord?) {
        self.lastDrill = lastDrill
        if lastProven == lastDrill { _lastProven = _lastDrill } else { self.lastProven = lastProven }
    }
}
