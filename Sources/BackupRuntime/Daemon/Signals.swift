import Dispatch
import Foundation

/// Signals as a stream of values; their default effect is switched off while this lives.
package final class Signals: @unchecked Sendable {
    // Safe: everything is set in init and only read afterwards.
    package let stream: AsyncStream<Int32>
    private let sources: [any DispatchSourceSignal]

    package init(_ numbers: [Int32]) {
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        self.stream = stream
        let queue = DispatchQueue(label: "archon-backupd.signals", qos: .default)
        sources = numbers.map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { @Sendable in continuation.yield(number) }
            source.activate()
            return source
        }
    }
}
