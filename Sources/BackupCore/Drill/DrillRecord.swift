import Foundation

/// One drill as the catalog has it. Its keys are a promise of `drill --json`.
package struct DrillRecord: Sendable, Equatable, Encodable {
    package var id: Int64
    package var job: String
    /// Nil when there was none to drill.
    package var dump: String?
    /// When the dump's run began.
    package var dumpTime: Date?
    /// Nil when a person asked.
    package var slot: Date?
    package var attempt: Int
    package var began: Date
    package var ended: Date
    package var verdict: DrillVerdict
    /// Why it is not proven.
    package var reason: String?
    /// What a restore takes; nil when it did not come to its end.
    package var restoreSeconds: Double?
    /// Of the restored database.
    package var bytes: Int64?
    package var rows: Int?
    /// `throwaway`, or the server's name.
    package var place: String
    package var serverVersion: String?
    /// How many were true.
    package var assertions: Int
    /// What is worth knowing and no fault.
    package var notes: [String]

    package init(
        id: Int64 = 0, job: String, dump: String?, dumpTime: Date?, slot: Date? = nil, attempt: Int = 1, began: Date,
        ended: Date, verdict: DrillVerdict, reason: String? = nil, restoreSeconds: Double? = nil, bytes: Int64? = nil,
        rows: Int? = nil, place: String, serverVersion: String? = nil, assertions: Int = 0, notes: [String] = []
    ) {
        self.id = id
        self.job = job
        self.dump = dump
        self.dumpTime = dumpTime
        self.slot = slot
        self.attempt = attempt
        self.began = began
        self.ended = ended
        self.verdict = verdict
        self.reason = reason
        self.restoreSeconds = restoreSeconds
        self.bytes = bytes
        self.rows = rows
        self.place = place
        self.serverVersion = serverVersion
        self.assertions = assertions
        self.notes = notes
    }

    /// As far as the dump's own manifest keeps it; nil for a verdict that says nothing of the dump.
    package var manifestDrill: Manifest.Drill? {
        guard verdict == .proven || verdict == .failed else { return nil }
        return Manifest.Drill(
            verdict: verdict, began: began, ended: ended, restoreSeconds: restoreSeconds, databaseBytes: bytes,
            place: place, assertions: assertions, reason: reason)
    }
}

extension DrillVerdict {
    /// What a failure during a drill says of the dump: damage and refused steps are its own; what the place lacked is not.
    package static func of(_ kind: Failure.Kind) -> DrillVerdict {
        switch kind {
        case .damaged, .failed: .failed
        case .usage, .unavailable, .cannotWrite, .inputOutput, .busy, .configInvalid: .couldNotVerify
        }
    }

    /// How a job stands, by its last drill and its newest dump: a verdict of an older dump is stale, but for a failed one.
    package static func standing(_ last: DrillRecord?, newestDump: Date?) -> DrillVerdict {
        guard let last else { return .notRun }
        guard last.verdict == .proven, let drilled = last.dumpTime, let newestDump, newestDump > drilled else {
            return last.verdict
        }
        return .stale
    }
}
