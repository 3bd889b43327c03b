import BackupCore
import Foundation

/// A member of a new dump, and an earlier file of its size that may hold the same.
struct MemberPair: Sendable {
    let member: Manifest.Member
    let path: String
    /// The earlier file as it was found.
    let file: stat

    /// The earlier file; nil when it cannot be opened any more, or another stands there.
    func open() -> OpenFile? {
        guard let old = try? OpenFile(path),  // see above
            old.status.st_dev == file.st_dev, old.status.st_ino == file.st_ino, old.status.st_size == file.st_size
        else { return nil }
        return old
    }
}

/// Compares pairs of files byte for byte, several at a time and in their order, while whoever made it takes the outcomes. To be ended
/// by `end`; no thread is left then.
final class PairComparison: @unchecked Sendable {
    // Safe: the outcomes are used with the condition locked.
    private let condition = NSCondition()
    private var outcomes: [Int: Result<FileComparison, any Error>] = [:]
    private let left = ThreadQueue<Int>()
    private let crew = Crew()

    init(_ pairs: [MemberPair], archive: String, _ cancellation: Cancellation) {
        for index in pairs.indices { left.put(index) }
        left.close()
        crew.begin(min(pairs.count, ProcessInfo.processInfo.activeProcessorCount), "compare") { [self] in
            while let index = left.take() {
                let pair = pairs[index]
                put(index, Result { try Self.compare(pair, in: archive, cancellation) })
            }
        }
    }

    /// What came of the pair of that place; waits for it. Throws for a new member that cannot be read, and when the work is to stop.
    func outcome(_ index: Int) throws -> FileComparison {
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let outcome = outcomes.removeValue(forKey: index) { return try outcome.get() }
            condition.wait()
        }
    }

    /// Begins no other pair, and waits for those that are being compared.
    func end() {
        left.close(drops: true)
        crew.wait()
    }

    private func put(_ index: Int, _ outcome: Result<FileComparison, any Error>) {
        condition.lock()
        outcomes[index] = outcome
        condition.broadcast()
        condition.unlock()
    }

    private static func compare(_ pair: MemberPair, in archive: String, _ cancellation: Cancellation) throws
        -> FileComparison
    {
        let new = try OpenFile("\(archive)/\(pair.member.name)")
        guard let old = pair.open() else { return .gone }
        return try FileComparison.of(new, old, cancellation)
    }
}
