import Foundation

/// How much of a job's data may be lost, and how long it may take to bring it back.
package struct Objectives: Sendable, Equatable {
    /// Seconds of data that may be lost.
    package var rpoSeconds: Double
    /// Seconds that a restore may take; nil when nobody said.
    package var rtoSeconds: Double?
    /// True when the schedule says rpo.
    package var rpoIsExplicit: Bool

    package init(rpoSeconds: Double, rtoSeconds: Double? = nil, rpoIsExplicit: Bool = true) {
        self.rpoSeconds = rpoSeconds
        self.rtoSeconds = rtoSeconds
        self.rpoIsExplicit = rpoIsExplicit
    }

    /// Those of a job for which nobody said any.
    package init(of trigger: Trigger, in zone: Zone) {
        self.init(rpoSeconds: Self.rpoSeconds(of: trigger, in: zone), rpoIsExplicit: false)
    }

    /// The longest time between two slots and a tenth of it, for runs take their time and are tried again. A job that is
    /// due once only has a year.
    static func rpoSeconds(of trigger: Trigger, in zone: Zone) -> Double {
        (trigger.largestGap(in: zone) ?? 366 * 86_400) * 11 / 10
    }
}
