import Foundation

/// What the catalog and the scheduler know of one job when a plan is made.
package struct JobFacts: Sendable, Equatable {
    /// The last slot that a run was begun for, or that was given up on purpose, and how that went.
    package struct Account: Sendable, Equatable {
        package enum Outcome: Sendable, Equatable { case succeeded, failed, interrupted, skipped }
        package var slot: Date
        /// Runs begun for this slot.
        package var attempts: Int
        package var outcome: Outcome
        /// When the last of those runs ended.
        package var ended: Date

        package init(slot: Date, attempts: Int, outcome: Outcome, ended: Date) {
            self.slot = slot
            self.attempts = attempts
            self.outcome = outcome
            self.ended = ended
        }
    }

    /// When this job first appeared in a schedule: with `catchUp: never`, slots before it are nobody's.
    package var firstSeen: Date
    package var account: Account?
    /// True while a run of this job is in progress here.
    package var isRunning: Bool
    /// Nothing is begun before this instant: another process held the job's lock.
    package var notBefore: Date?
    /// Runs begun on this job's server while it stood waiting.
    package var passedOver: Int
    /// When a drill, or `verify`, has shown that the newest dump is damaged; nil once there is a newer good one.
    package var refuted: Date?
    /// The last slot that a drill was begun for, and how that went.
    package var drillAccount: Account?
    /// The servers that a drill of this job in progress here keeps from being dumped; empty when there is none.
    package var drillingOn: Set<String> = []
    package var isDrilling: Bool { !drillingOn.isEmpty }
    /// What the last drill took; nil when there was none.
    package var drillSeconds: Double?

    /// What the catalog knows of it; what goes on here is for the scheduler to add.
    package init(_ state: JobState) {
        self.init(firstSeen: state.firstSeen, account: state.account)
        refuted = state.refuted
        drillAccount = state.drillAccount
        drillSeconds = state.lastDrill.map { max(0, $0.ended.timeIntervalSince($0.began)) }
    }

    package init(
        firstSeen: Date, account: Account? = nil, isRunning: Bool = false, notBefore: Date? = nil, passedOver: Int = 0
    ) {
        self.firstSeen = firstSeen
        self.account = account
        self.isRunning = isRunning
        self.notBefore = notBefore
        self.passedOver = passedOver
    }
}
