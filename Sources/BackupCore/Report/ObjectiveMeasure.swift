import Foundation

/// What was measured of a job beside its objectives.
package struct ObjectiveMeasure: Sendable, Equatable {
    package enum Kind: String, Sendable, Comparable {
        case rpo, rto
        package static func < (left: Kind, right: Kind) -> Bool { left.rawValue < right.rawValue }
    }

    package let job: String
    /// Age of the newest good dump's data; nil when there is none.
    package let rpoSeconds: Double?
    package let rpoObjectiveSeconds: Double
    /// What the last proven drill's restore took; nil when there was none.
    package let rtoSeconds: Double?
    package let rtoObjectiveSeconds: Double?
    package let missed: [Kind]
    /// When the RPO will be missed if no dump comes; in the past when it is.
    package let rpoDeadline: Date

    package init(_ job: Job, _ state: JobState, now: Date) {
        self.job = job.name
        // Before the first dump a job has the time that it has between two.
        let since = state.lastSuccess ?? state.firstSeen
        let objective = job.objectives.rpoSeconds
        rpoSeconds = state.lastSuccess.map { max(0, now.timeIntervalSince($0)) }
        rpoObjectiveSeconds = objective
        rpoDeadline = since.addingTimeInterval(objective)
        rtoSeconds = state.lastProven?.restoreSeconds
        rtoObjectiveSeconds = job.objectives.rtoSeconds
        var missed: [Kind] = []
        if now > rpoDeadline { missed.append(.rpo) }
        if let limit = rtoObjectiveSeconds {
            // One that was tried to be measured and could not is not met.
            if let rtoSeconds {
                if rtoSeconds > limit { missed.append(.rto) }
            } else if state.lastDrill != nil {
                missed.append(.rto)
            }
        }
        self.missed = job.isEnabled ? missed : []
    }

    /// `RPO missed: the newest good dump is 9h old, the objective is 7h`.
    package func text(_ kind: Kind) -> String {
        switch kind {
        case .rpo:
            let measured =
                rpoSeconds.map { "the newest good dump is \(Self.rounded($0)) old" } ?? "there is no good dump"
            return "RPO missed: \(measured), the objective is \(Self.rounded(rpoObjectiveSeconds))"
        case .rto:
            let measured = rtoSeconds.map { "the last drill took \(Self.rounded($0))" } ?? "no drill could measure it"
            return "RTO missed: \(measured), the objective is \(Self.rounded(rtoObjectiveSeconds ?? 0))"
        }
    }

    /// `9h / 7h`, or with `-` for what is not known.
    package func beside(_ kind: Kind) -> String {
        switch kind {
        case .rpo: "\(rpoSeconds.map(Self.rounded) ?? "-") / \(Self.rounded(rpoObjectiveSeconds))"
        case .rto: "\(rtoSeconds.map(Self.rounded) ?? "-") / \(rtoObjectiveSeconds.map(Self.rounded) ?? "-")"
        }
    }

    /// Two units at most: nobody decides by the seconds of a day.
    private static func rounded(_ seconds: Double) -> String {
        let unit: Double = seconds < 600 ? 1 : seconds < 172_800 ? 60 : 3600
        return TimeSpan.text(max(unit == 1 ? 0 : unit, (seconds / unit).rounded() * unit))
    }
}
