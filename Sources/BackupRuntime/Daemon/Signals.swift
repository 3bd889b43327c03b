import Dispatch
import Foundation

/// Signals as a stream of values; their default effect is switched off from now on.
package final class Signals: @unchecked Sendable {
    // Safe: everything is set in init and only read afterwards.
    package let stream: AsyncStream<Int32>
    private let sources: [any DispatchSourceSignal]

    /// None is lost that comes after this returns; one that comes before has its usual effect.
    /// With `sparingIgnored`, those that were ignored when the program began stay so: nohup does that for a reason.
    package init(_ numbers: [Int32], sparingIgnored: Bool) {
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        self.stream = stream
        let queue = DispatchQueue(label: "archon-backupd.signals", qos: .default)
        let ignored = Self.ignoredAtBegin
        sources = numbers.filter { !sparingIgnored || !ignored.contains($0) }.map { number in
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { @Sendable in continuation.yield(number) }
            // Dispatch puts its own handler in place some time after `activate`.
            let isListening = DispatchSemaphore(value: 0)
            source.setRegistrationHandler { @Sendable in isListening.signal() }
            source.activate()
            isListening.wait()
            return source
        }
    }

    /// Looked up once, before the first of us changes anything.
    private static let ignoredAtBegin: Set<Int32> = {
        let ignore = unsafeBitCast(SIG_IGN, to: Int.self)
        return Set(
            [SIGHUP, SIGINT, SIGTERM].filter { number in
                var action = sigaction()
                sigaction(number, nil, &action)
                return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == ignore
            })
    }()
}
