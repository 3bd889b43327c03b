/// What a drill has shown of a dump. Only `proven` is good news.
package enum DrillVerdict: String, Codable, Sendable, CaseIterable {
    /// Restored, compared in everything, every assertion true.
    case proven
    /// It does not restore, or not to what it should be.
    case failed
    /// Nothing is known against it, but it could not be restored here: an extension, the server's programs or room are missing.
    case couldNotVerify = "could-not-verify"
    /// There was no dump, or nobody has come to it.
    case notRun = "not-run"
    /// Proven, but a newer dump is there.
    case stale

    /// As people say it.
    package var text: String {
        switch self {
        case .couldNotVerify: "could not verify"
        case .notRun: "not run"
        case .proven, .failed, .stale: rawValue
        }
    }
}
