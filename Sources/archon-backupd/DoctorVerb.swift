import ArgumentParser
import BackupCore
import BackupRuntime
import Foundation
import Synchronization

struct DoctorVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Look at everything around the databases, and say how to mend what is wrong.",
        discussion: """
            Names, endpoints and containers of the platform, servers, room, clock, credentials, the unit, and what is left of the
            old cron job: see docs/doctor.md. Changes nothing. Ends with 0 when no check failed, 1 when one did, 78 when the
            schedule is wrong. What cannot be looked at from here is told as skipped.

            EXAMPLES
              archon-backupd doctor
              archon-backupd doctor --only name-resolution endpoints
              archon-backupd doctor --json
            """)

    @OptionGroup var config: ConfigOption
    @Option(parsing: .upToNextOption, help: "These checks alone, with spaces between them.", transform: Self.check)
    var only: [CheckName] = []
    @Flag(help: "Print JSON.") var json = false
    /// For tests: where /etc and /var/spool/cron are.
    @Option(help: .hidden) var rootFolder = "/"

    private static func check(_ word: String) throws -> CheckName {
        if let name = CheckName(rawValue: word) { return name }
        let known = CheckName.allCases.map(\.rawValue).joined(separator: " ")
        guard !word.contains(",") else {
            throw ValidationError("There are spaces between checks: --only \(word.replacing(",", with: " ")).")
        }
        throw ValidationError("There is no check \"\(word)\"; the checks are \(known).")
    }

    /// What only root may read is read before root becomes the owner of the dumps, who then does all else as the service would.
    func lookAsRoot() {
        let found = OldJobSearch(root: rootFolder).results()
        foundByRoot.withLock { $0 = found }
    }

    private struct Answer: Encodable {
        var checks: [CheckResult]
        var passed: Int
        var failed: Int
        var skipped: Int

        init(_ checks: [CheckResult]) {
            self.checks = checks
            passed = checks.count { $0.outcome == .pass }
            failed = checks.count { $0.outcome == .fail }
            skipped = checks.count { $0.outcome == .skipped }
        }
    }

    func run() async throws {
        let doctor = Doctor(
            try config.load(), path: config.path, oldJob: foundByRoot.withLock { $0 },
            search: OldJobSearch(root: rootFolder))
        let found = Answer(await doctor.examine(Set(only.isEmpty ? CheckName.allCases : only)))
        if json { try answerJSON(found) } else { show(found.checks) }
        let skipped = found.skipped == 0 ? "" : ", \(found.skipped) skipped"
        guard found.failed == 0 else {
            throw Failure(.failed, "\(found.failed) of \(found.checks.count) checks failed\(skipped)")
        }
        tell("\(found.passed) of \(found.checks.count) checks passed\(skipped)")
    }

    private func show(_ checks: [CheckResult]) {
        var table = Table(["", "CHECK", "SUBJECT", "FOUND"])
        for one in checks {
            let word = one.outcome == .fail ? "FAIL" : one.outcome.rawValue
            table.add([word, one.check.rawValue, one.subject, one.found])
        }
        answer(table.text)
        var rest = checks.filter { $0.mend != nil }
        if !rest.isEmpty { answer("\nHOW TO MEND") }
        // An engine that is down makes many checks fail, and is mended once.
        while let first = rest.first, let mend = first.mend {
            for one in rest where one.mend == mend { answer("\(one.check.rawValue), \(one.subject):") }
            answer("  \(mend)")
            rest.removeAll { $0.mend == mend }
        }
    }
}

private let foundByRoot = Mutex<[CheckResult]?>(nil)
