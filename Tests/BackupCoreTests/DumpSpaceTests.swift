import BackupCore
import Foundation
import TestSupport
import Testing

@Suite struct DumpSpaceTests {
    private let now = instant("2026-11-24T12:00:00Z")

    private func piece(_ number: UInt64, _ bytes: Int64, names: Int = 1, links: Int? = nil) -> DumpSpace.Piece {
        DumpSpace.Piece(identity: .init(device: 1, number: number), bytes: bytes, names: names, links: links)
    }

    private func dump(_ hoursAgo: Double, _ space: DumpSpace, isProven: Bool = true) -> RetentionDump {
        RetentionDump(
            name: "d\(Int(hoursAgo))", time: now.addingTimeInterval(-hoursAgo * 3600),
            bytes: space.own + space.shared, space: space, rows: 1, isProven: isProven)
    }

    @Test func `what dumps share is counted once`() {
        let one = DumpSpace(own: 10, pieces: [piece(1, 1000, links: 2), piece(2, 5, links: 2)])
        let other = DumpSpace(own: 20, pieces: [piece(1, 1000, links: 2), piece(3, 7, links: 9)])
        #expect(one.shared == 1005 && other.shared == 1007)
        #expect(DumpSpace.used([one, other]) == 1042)
        #expect(DumpSpace.used([DumpSpace]()) == 0)
        #expect(DumpSpace.used([DumpSpace(own: .max), DumpSpace(own: 1)]) == .max)
        // The same number on another disk is another file.
        let elsewhere = DumpSpace(pieces: [.init(identity: .init(device: 2, number: 1), bytes: 1000)])
        #expect(DumpSpace.used([one, elsewhere]) == 2015)
    }

    @Test func `a piece becomes free with the last name for it`() {
        let space = DumpSpace(own: 1, pieces: [piece(1, 100, links: 3)])
        #expect(DumpSpace.freed(removing: [space, space, space], keeping: []) == [1, 1, 101])
        #expect(DumpSpace.freed(removing: [space, space], keeping: [space]) == [1, 1])
        // A person has a copy by links: nobody knows of it but the file system, which counts names.
        #expect(DumpSpace.freed(removing: [space, space], keeping: []) == [1, 1])
        // Clones are not counted: those that are known have to do.
        let clone = DumpSpace(pieces: [piece(1, 100)])
        #expect(DumpSpace.freed(removing: [clone, clone], keeping: []) == [0, 100])
        #expect(DumpSpace.freed(removing: [clone], keeping: [clone]) == [0])
        // Twice in one dump.
        let double = DumpSpace(pieces: [piece(1, 100, names: 2, links: 3)])
        #expect(DumpSpace.freed(removing: [double, space], keeping: []) == [0, 101])
    }

    @Test func `maximumBytes counts what dumps really take`() {
        var policy = Retention()
        policy.maximumBytes = 1050
        // Ten dumps of 1,010 bytes, of which 1,000 are the same.
        let dumps = (1...10).map { dump(Double($0), DumpSpace(own: 10, pieces: [piece(1, 1000, links: 10)])) }
        let plan = policy.decide(dumps, zone: .utc, now: now)
        #expect(plan.removals.map(\.name) == ["d10", "d9", "d8", "d7", "d6"])
        #expect(plan.frees == ["d10": 10, "d9": 10, "d8": 10, "d7": 10, "d6": 10])
        // Without links each counts by itself.
        let copies = (1...10).map { dump(Double($0), DumpSpace(own: 1010)) }
        #expect(policy.decide(copies, zone: .utc, now: now).removals.count == 9)
        policy.maximumBytes = 1100
        #expect(policy.decide(dumps, zone: .utc, now: now).removals.isEmpty)
        #expect(policy.decide(dumps, zone: .utc, now: now).frees.isEmpty)
    }

    @Test func `what an unproven dump holds does not become free with others`() {
        var policy = Retention()
        policy.keepLast = 1
        let shared = DumpSpace(own: 1, pieces: [piece(1, 100, links: 2)])
        let plan = policy.decide(
            [dump(1, DumpSpace(own: 90)), dump(2, shared), dump(3, shared, isProven: false)], zone: .utc, now: now)
        #expect(plan.removals.map(\.name) == ["d2"] && plan.frees == ["d2": 1])
    }

    /// However dumps share and whichever go: what is used before is what is used after and what became free.
    @Test(arguments: 0..<50) func `what becomes free is what is used less`(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let dumps = (0..<Int.random(in: 1...12, using: &random)).map { _ in
            DumpSpace(
                own: .random(in: 0...50, using: &random),
                pieces: (0..<UInt64(20)).filter { _ in Bool.random(using: &random) }.map { piece($0, Int64($0) * 7) })
        }
        let kept = dumps.filter { _ in Bool.random(using: &random) }
        // Equal dumps share all: which of them are meant makes no difference.
        var left = kept
        let removed = dumps.filter { dump in
            guard let index = left.firstIndex(of: dump) else { return true }
            left.remove(at: index)
            return false
        }
        let freed = DumpSpace.freed(removing: removed, keeping: kept).reduce(0, +)
        #expect(DumpSpace.used(dumps) == DumpSpace.used(kept) + freed)
    }
}
