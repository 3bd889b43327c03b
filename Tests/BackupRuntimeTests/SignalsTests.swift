import BackupRuntime
import Foundation
import TestSupport
import Testing

@Suite struct SignalsTests {
    /// A daemon that was told to stop right after it had said READY=1 once went on for ever: for a moment its signals were
    /// ignored and not yet listened to. SIGWINCH, whose usual effect is none.
    @Test(.timeLimit(.minutes(15)))
    func `a signal of the moment after is not lost`() async throws {
        for round in 1...20 {
            let signals = Signals([SIGWINCH], sparingIgnored: false)
            kill(getpid(), SIGWINCH)
            var heard: Int32?
            for await signal in signals.stream {
                heard = signal
                break
            }
            try #require(heard == SIGWINCH, "in round \(round)")
        }
    }
}
