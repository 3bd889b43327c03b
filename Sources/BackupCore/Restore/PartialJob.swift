import Foundation

/// What a job's dumps leave out on purpose, and which of several jobs brings a database back.
extension Job {
    /// What its dumps lack, for people; empty when they have all of the database.
    package var omissions: [String] {
        var texts: [String] = []
        if !schemas.isEmpty { texts.append("all schemas but \(schemas.joined(separator: ", "))") }
        if !excludeTables.isEmpty { texts.append("the tables \(excludeTables.joined(separator: ", "))") }
        if !excludeTableData.isEmpty { texts.append("the rows of \(excludeTableData.joined(separator: ", "))") }
        return texts
    }

    package var isPartial: Bool { !omissions.isEmpty }

    /// Whether `other` and not this job is to bring back the database that both dump; with each goes the instant of its newest
    /// dump's data, nil when it has none. One that leaves nothing out goes first, then the newer; of two that do, this one.
    package func yields(_ own: Date?, to other: Job, _ others: Date?) -> Bool {
        guard let others else { return false }
        guard let own else { return true }
        return other.isPartial ? false : isPartial || own < others
    }
}
