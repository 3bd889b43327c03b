import BackupCore
import BackupRuntime
import Foundation
import TestSupport

/// How long the agenda takes for a year of many jobs with failures, outages, sleeps and clock steps: the time in which whatever goes
/// wrong with slots in years is seen in a minute. Throws when a slot is not accounted for.
enum YearMeasure {
    private static let began = Date(timeIntervalSince1970: 1_767_225_600)  // 2026-01-01
    private static let jobsOfServer = 10

    /// One row, of so many rounds, each with another seed.
    static func run(jobs: Int, days: Int, rounds: Int) throws {
        let end = began.addingTimeInterval(Double(days) * 86_400)
        let schedule = try SimulatedSchedule.make(jobs: jobs, servers: max(1, jobs / jobsOfServer))
        var seed: UInt64 = 0
        var note = ""
        let name =
            days == 365
            ? "a simulated year of \(grouped(jobs)) jobs" : "\(days) simulated days of \(grouped(jobs)) jobs"
        try Measure(name: name, unit: "s", unitsPerSecond: 1).run(rounds: rounds, note: { note }) {
            seed += 1
            var year = SimulatedYear(schedule, seed: seed, began: began, end: end)
            year.run(until: end)
            guard year.accounts.faults.isEmpty else {
                throw Failure(.failed, "seed \(seed): \(year.accounts.faults.joined(separator: "; "))")
            }
            note = told(year)
            return 1
        }
    }

    private static func told(_ year: SimulatedYear) -> String {
        let counts = year.accounts.counts
        func text(_ fate: SlotAccounts.Fate, _ words: String) -> String { "\(grouped(counts[fate] ?? 0)) \(words)" }
        let fates = [
            text(.run, "run"), text(.coalesced, "coalesced"),
            text(.missedWhileDown, "missed while the daemon was down"),
            text(.missedInSleep, "in a sleep of the host"), text(.missedByStep, "by a step of the clock"),
            text(.missedWaiting, "waiting when the watch broke"),
        ]
        return "\(grouped(year.runs)) runs, slots: \(fates.joined(separator: ", "))"
    }

    private static func grouped(_ number: Int) -> String {
        let digits = String(number)
        return String(
            digits.reversed().enumerated().flatMap { $0 > 0 && $0 % 3 == 0 ? [",", $1] : [$1] }.reversed())
    }
}
