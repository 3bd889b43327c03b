/// The checks of `doctor`, in the order in which they are told. Their names are a promise.
package enum CheckName: String, Sendable, CaseIterable, Encodable {
    case nameResolution = "name-resolution"
    case endpoints, containers, postgresql, extensions, postgrest, disk, clock, credentials, unit
    case oldJob = "old-job"
}

/// What one check found of one thing. Its keys are a promise.
package struct CheckResult: Sendable, Equatable, Encodable {
    /// `skipped`: it could not be looked at from here. That is no pass.
    package enum Outcome: String, Sendable, Encodable { case pass, fail, skipped }

    package let check: CheckName
    /// The host, container, file or database that it is about.
    package let subject: String
    package let outcome: Outcome
    /// What is so; of what was skipped, why.
    package let found: String
    /// What to do about it: of each that failed, and of no other.
    package let mend: String?

    package static func pass(_ check: CheckName, _ subject: String, _ found: String) -> CheckResult {
        CheckResult(check: check, subject: subject, outcome: .pass, found: oneLine(found), mend: nil)
    }

    package static func fail(_ check: CheckName, _ subject: String, _ found: String, mend: String) -> CheckResult {
        CheckResult(check: check, subject: subject, outcome: .fail, found: oneLine(found), mend: mend)
    }

    package static func skipped(_ check: CheckName, _ subject: String, _ why: String) -> CheckResult {
        CheckResult(check: check, subject: subject, outcome: .skipped, found: oneLine(why), mend: nil)
    }

    /// What servers and engines say has several.
    private static func oneLine(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).map { $0.trimmingPrefix(while: \.isWhitespace) }.joined(separator: "; ")
    }
}
