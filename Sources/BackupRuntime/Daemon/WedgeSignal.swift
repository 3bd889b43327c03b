import Dispatch
import Foundation

/// Lets the tests see the watchdog at work: in a debug build SIGUSR2 stops the scheduler's queue for good. A release build has
/// nothing of it, and the signal's usual effect.
struct WedgeSignal {
    #if DEBUG
        private let signals = Signals([SIGUSR2], sparingIgnored: false)

        init(_ scheduler: Scheduler) {
            let stream = signals.stream
            Task { for await _ in stream { await scheduler.wedge() } }
        }
    #else
        init(_ scheduler: Scheduler) {}
    #endif
}

#if DEBUG
    extension Scheduler {
        fileprivate func wedge() { while true { sleep(60) } }
    }
#endif
