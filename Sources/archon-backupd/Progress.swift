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
    /// Bytes of the last dump, for the time left; 0 when there was none.
    private let expected: Int64
    private let isTerminal = isatty(2) == 1
    private let shown = Mutex(Shown())

    init(_ name: String, expected: Int64 = 0) {
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
            let rate = Double(progress.bytes) / seconds
            var text = "\(name): \(progress.phase.rawValue) \(ByteSize.text(progress.bytes)), \(ByteSize.text(Int64(rate)))/s"
            if progress.phase != .reading, expected > progress.bytes, rate > 0 {
                text += ", about \(TimeSpan.text((Double(expected - progress.bytes) / rate).rounded())) left"
            }
            let space = String(repeating: " ", count: max(0, shown.width - text.count))
            shown.width = text.count
            FileHandle.standardError.write(Data("\r\(text)\(space)".utf8))
        }
    }

    /// Clears the line.
    func end() {
        guard isTerminal else { return }
        let width = shown.withLock { $0.width }
        FileHandle.standardError.write(Data(("\r" + String(repeating: " ", count: width) + "\r").utf8))
    }
}
