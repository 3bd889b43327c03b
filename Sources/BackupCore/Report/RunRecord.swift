import Foundation

/// One run as the catalog has it. Its keys are a promise of `history --json`.
package struct RunRecord: Sendable, Equatable, Encodable {
    package enum Outcome: String, Sendable, Codable { case running, succeeded, failed, interrupted }
    package var id: Int64
    package var job: String
    package var database: String
    package var slot: Date?
    package var attempt: Int
    package var missed: Int
    package var coalesced: Int
    package var began: Date
    package var ended: Date?
    package var outcome: Outcome
    package var dump: String?
    package var bytes: Int64?
    package var rows: Int?
    package var error: String?

    package init(
        id: Int64, job: String, database: String, slot: Date?, attempt: Int, missed: Int, coalesced: Int, began: Date,
        ended: Date?,
        outcome: Outcome, dump: String?, bytes: Int64?, rows: Int?, error: String?
    ) {
        self.id = id
        self.job = job
        self.database = database
        self.slot = slot
        self.attempt = attempt
        self.missed = missed
        self.coalesced = coalesced
        self.began = began
        self.ended = ended
        self.outcome = outcome
        self.dump = dump
        self.bytes = bytes
        self.rows = rows
        self.error = error
    }
}
