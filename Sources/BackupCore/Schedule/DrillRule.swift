import Foundation

/// When and where a job's newest dump is restored to see that it can be.
package struct DrillRule: Sendable, Equatable {
    package enum Place: Sendable, Equatable {
        /// A server made for the drill and removed after it.
        case throwaway
        /// A server of the schedule, by its name.
        case server(String)

        /// What the schedule calls `throwaway`; no server may have this name.
        static let throwawayName = "throwaway"
    }

    package var trigger: Trigger
    /// In which `trigger` is read.
    package var zone: Zone
    package var place: Place
    /// SQL that must give one true value in the restored database, each.
    package var assertions: [String]
    package var timeoutSeconds: Double
    package var isEnabled: Bool

    package init(
        trigger: Trigger, zone: Zone, place: Place = .throwaway, assertions: [String] = [],
        timeoutSeconds: Double = 3600, isEnabled: Bool = true
    ) {
        self.trigger = trigger
        self.zone = zone
        self.place = place
        self.assertions = assertions
        self.timeoutSeconds = timeoutSeconds
        self.isEnabled = isEnabled
    }

    /// Once a week, at a minute that follows from the job's name: the drills of many jobs spread over the week, and each
    /// keeps its time on every machine and after every restart.
    package init(weeklyFor job: String, in zone: Zone) {
        self.init(trigger: Self.weeklyTrigger(for: job), zone: zone)
    }

    static func weeklyTrigger(for job: String) -> Trigger { .calendar(.weekly(minute: weeklyMinute(for: job))) }

    static func weeklyMinute(for job: String) -> Int {
        // Jitter for a slot that is the same for all.
        let seconds = Jitter.seconds(job: job, slot: Date(timeIntervalSince1970: 0), limit: 7 * 86_400)
        return Int(seconds) / 60
    }
}

extension Job {
    /// The server that is dumped, and the one that its drills are made on.
    package var drillServers: Set<String> {
        switch drill.place {
        case .throwaway: [server]
        case .server(let name): [server, name]
        }
    }
}
