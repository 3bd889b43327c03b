import Foundation

/// What is to be done now, what waits, and when to look again. Made by `Planner.plan`; printed by `next` and `status`.
package struct Plan: Sendable, Equatable {
    /// A run to begin now.
    package struct Start: Sendable, Equatable {
        package var job: String
        package var slot: Date
        /// 1 for the first run of the slot.
        package var attempt: Int
        /// Slots that passed while nobody was watching, this one included when it is one of them.
        package var missed: Int
        /// Earlier slots that fell due while the job ran or waited, and that this run also serves.
        package var coalesced: Int
    }
    /// A slot given up because the job's `catchUp` is `never`.
    package struct Skip: Sendable, Equatable {
        package var job: String
        package var slot: Date
        package var missed: Int
    }
    /// A run that is due and may not begin yet.
    package struct Waiting: Sendable, Equatable {
        package enum Reason: Sendable, Equatable {
            case serverBusy(String)
            case hostBusy
            case locked
        }
        package var job: String
        package var slot: Date
        package var reason: Reason
    }
    /// What a job does next if nothing else happens.
    package struct Upcoming: Sendable, Equatable {
        package var job: String
        package var slot: Date
        package var start: Date
        package var attempt: Int
    }

    /// A drill to begin now.
    package struct Drill: Sendable, Equatable {
        package var job: String
        package var slot: Date
        package var attempt: Int
    }

    package var starts: [Start] = []
    /// No more than one: a drill takes what the host has.
    package var drills: [Drill] = []
    /// In the order in which they begin.
    package var upcomingDrills: [Upcoming] = []
    package var skips: [Skip] = []
    package var waiting: [Waiting] = []
    /// In the order in which they begin.
    package var upcoming: [Upcoming] = []
    /// Jobs whose account lies in the future by more than a slot: the clock came back, and they are counted from now.
    package var reanchored: [String] = []

    package init() {}

    /// The next instant at which the plan can change by itself; nil when no job has a slot to come.
    package var wake: Date? { [upcoming.first?.start, upcomingDrills.first?.start].compactMap(\.self).min() }
}
