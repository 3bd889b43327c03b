import Foundation
import Synchronization

/// The stdout of a child that says little, as text; what is beyond the limit is dropped.
final class OutputText: Sendable {
    private let limit: Int
    private let bytes = Mutex<[UInt8]>([])

    init(limit: Int) { self.limit = limit }

    func add(_ new: UnsafeRawBufferPointer) {
        bytes.withLock { $0 += new.prefix(max(0, limit - $0.count)) }
    }

    var text: String { bytes.withLock { String(decoding: $0, as: UTF8.self) } }
}
