import BackupCore
import Foundation
import GRDB

/// How a job's database differs from what is expected, in its row of the catalog.
extension Catalog {
    /// Notes what `audit` has found. Returns what was known before and what is known now.
    package func noteDrift(_ job: String, _ audit: Audit) throws -> (last: Drift?, now: Drift?) {
        try write { database in
            let before = try database.cachedStatement(sql: "SELECT drift FROM job WHERE name = ?")
            let last = (try Row.fetchOne(before, arguments: [job])?[0] as String?).map(Self.drift)
            let now = audit.noted(after: last)
            guard last != now else { return (last, now) }
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            let text = try now.map { String(decoding: try encoder.encode($0.differences), as: UTF8.self) }
            try database.executeKept(sql: "UPDATE job SET drift = ? WHERE name = ?", arguments: [text, job])
            return (last, now)
        }
    }

    /// An older program has written the differences as they are told.
    static func drift(_ noted: String) -> Drift {
        let differences = try? JSONDecoder().decode([Drift.Difference].self, from: Data(noted.utf8))  // see above
        return Drift(differences: differences ?? [.init(expectation: nil, text: noted)])
    }
}
