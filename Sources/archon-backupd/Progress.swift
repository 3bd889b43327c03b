import BackupCore
import BackupRuntime
import Foundation
import Synchronization

/// One line on a terminal that says how far a piece of work is; silent when stderr is no terminal.
final class Progress: Sendable {
    private struct Shown {
        var at = ContinuousClock.now
        var began = ContinuousClock.now
        var phase: RunProgress.Phase?
        var width = 0
    }

    private let name: String
    /// The measure for the time left.
    private let expected: ExpectedSize
    private let isTerminal = isatty(2) == 1
    private let shown = Mutex(Shown())

    init(_ name: String, expected: ExpectedSize = ExpectedSize()) {
        self.name = name
        self.expected = expected
    }

    func show(_ progress: RunProgress) {
        guard isTerminal else { return }
        shown.withLock { shown in
            let now = ContinuousClock.now
            if shown.phase != progress.phase {
                shown.phase = progress.phase
                shown.began = now
            } else if shown.at.duration(to: now) < .milliseconds(200) {
                return
            }
            shown.at = now
            let elapsed = shown.began.duration(to: now)
            let seconds = max(0.1, Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18)
            var text = "\(name): \(progress.phase.rawValue) \(ByteSize.text(progress.bytes))"
            if let rows = progress.rows { text += ", \(Plural.rows(rows))" }
            text += ", \(ByteSize.text(Int64(Double(progress.bytes) / seconds)))/s"
            if let fraction = expected.fraction(of: progress), fraction > 0, fraction < 1 {
                text += ", about \(TimeSpan.text((seconds * (1 - fraction) / fraction).rounded(.up))) left"
            }
            let space = String(repeating: " ", count: max(0, shown.width - text.count))
            shown.width = text.count
            tell("\r\(text)\(space)", terminator: "")
        }
    }

    /// Clears the line.
    func end() {
        guard isTerminal else { return }
        let width = shown.withLock { $0.width }
        tell("\r" + String(repeating: " ", count: width) + "\r", terminator: "")
    }
}
