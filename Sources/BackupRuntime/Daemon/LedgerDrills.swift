import BackupCore
import Foundation

/// The ledger's part in drills.
extension Ledger {
    package func beginDrill(_ request: DrillRun.Request, dump: Manifest, now: Date) -> Int64? {
        var id: Int64?
        attempt("the begin of a drill could not be noted") { id = try $0.beginDrill(request, dump: dump, now: now) }
        noteDrill(request, .interrupted, now)
        return id
    }

    /// Only for who holds the drill lock: no drill can be in progress then.
    package func interruptLeftDrills(now: Date) {
        attempt("an interrupted drill could not be noted") { try $0.interruptLeftDrills(now: now) }
    }

    package func interruptDrill(_ id: Int64?, _ request: DrillRun.Request, now: Date) {
        attempt("an interrupted drill could not be noted") { try $0.interruptDrill(id, request, now: now) }
    }

    /// Returns its number; 0 when it could not be noted.
    package func endDrill(_ id: Int64?, _ request: DrillRun.Request, _ record: DrillRecord, newestGood: Manifest?)
        -> Int64
    {
        var number = id ?? 0
        noteDrill(request, .succeeded, record.ended)
        attempt("the end of a drill could not be noted") { catalog in
            number = try catalog.endDrill(id, request, record, newestGood: newestGood)
            unwritten.drills[request.job.name] = nil
        }
        return number
    }

    private func noteDrill(_ request: DrillRun.Request, _ outcome: JobFacts.Account.Outcome, _ now: Date) {
        guard let slot = request.slot else { return }
        unwritten.drills[request.job.name] = .init(slot: slot, attempts: request.attempt, outcome: outcome, ended: now)
    }
}
