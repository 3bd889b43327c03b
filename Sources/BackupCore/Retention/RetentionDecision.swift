import Foundation

/// One dump as retention sees it.
package struct RetentionDump: Sendable, Equatable {
    package var name: String
    package var time: Date
    /// Of the archive's files, as long as they are.
    package var bytes: Int64
    /// What they take beside those of other dumps.
    package var space: DumpSpace
    package var rows: Int
    /// Whole and proven: the only kind that counts, and the only kind that is ever removed.
    package var isProven: Bool
    /// Shown to restore by a drill: the newest of these stays.
    package var isDrilled: Bool

    /// Without `space` it shares nothing.
    package init(
        name: String, time: Date, bytes: Int64, space: DumpSpace? = nil, rows: Int, isProven: Bool,
        isDrilled: Bool = false
    ) {
        self.name = name
        self.time = time
        self.bytes = bytes
        self.space = space ?? DumpSpace(own: bytes)
        self.rows = rows
        self.isProven = isProven
        self.isDrilled = isDrilled
    }

    /// True when its time lies in the future by more than runs in quick succession (each takes the next free second as its
    /// name) and a clock that is set right by a little can explain: then some clock was wrong, and nobody knows when.
    package func isFromTheFuture(_ now: Date) -> Bool { Self.isFromTheFuture(time, now: now) }

    package static func isFromTheFuture(_ time: Date, now: Date) -> Bool { time.timeIntervalSince(now) > 60 }
}

/// What retention says of one dump, and why.
package struct RetentionDecision: Sendable, Equatable {
    package enum Verdict: String, Sendable { case keep, remove }
    package var dump: RetentionDump
    package var verdict: Verdict
    /// Never empty.
    package var reasons: [String]
}

/// What retention says of all dumps of a job.
package struct RetentionPlan: Sendable, Equatable {
    /// Newest first.
    package var decisions: [RetentionDecision]
    /// Why nothing is to be removed now although decisions say so; nil when pruning may go on.
    package var suspension: String?

    /// What is to be removed, oldest first; nothing while pruning is suspended.
    package var removals: [RetentionDump] {
        suspension == nil ? decisions.filter { $0.verdict == .remove }.map(\.dump).reversed() : []
    }

    /// What becomes free with each dump whose verdict is to remove it, by name, when all of them go, the oldest first.
    package var frees: [String: Int64] {
        let going = Array(decisions.filter { $0.verdict == .remove }.map(\.dump).reversed())
        let staying = decisions.filter { $0.verdict == .keep }.map(\.dump.space)
        let freed = DumpSpace.freed(removing: going.map(\.space), keeping: staying)
        return Dictionary(zip(going.map(\.name), freed)) { $1 }
    }
}
