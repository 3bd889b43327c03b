import BackupCore
@testable import BackupRuntime
import Foundation
import TestSupport
import Testing

/// Comparing members is part of the run: it ends with the run's time or when the run is told to stop, and uses all cores.
@Suite struct SharingLimitTests {
    private struct PowerCut: Error {}
    private static let late = Failure(.failed, "the run took longer than its timeout")

    /// The larger ones first, so that comparing those behind them ends before.
    private static let members = Dictionary(
        uniqueKeysWithValues: (0..<12).map {
            ("m\($0 + 10)", String(repeating: "\($0)\n", count: $0 < 2 ? 4_000_000 : 1000))
        })

    @Test func `members are replaced in their order, whichever comparison ends first`() async throws {
        try await withMembers { stage in
            try await stage.publish(1, Self.members)
            let names = Self.members.keys.sorted()
            for count in [1, 2, 3, 7, names.count] {
                let left = Shared(count)
                var cut = stage
                cut.step = { step in
                    let isNow = left.with { left in
                        if step == "replace member" { left -= 1 }
                        return left == 0
                    }
                    if isNow { throw PowerCut() }
                }
                await #expect(throws: PowerCut.self) { try await cut.publish(2, Self.members) }
                let partial = try stage.folder().partialPath(MemberStage.name(2), ".dump")
                let shared = try names.filter {
                    var status = stat()
                    guard stat("\(partial)/\($0)", &status) == 0 else { throw Disk.failure("no \($0)") }
                    return status.st_nlink > 1
                }
                #expect(shared == Array(names.prefix(count - 1)))
                _ = try stage.folder().sweep()
                #expect(try names.allSatisfy { try stage.status(1, $0).links == 1 })
            }
            #expect(try await stage.publish(2, Self.members).isEmpty)
            #expect(try names.allSatisfy { try stage.areOne($0, 1, 2) })
            #expect(try await stage.unlike().isEmpty)
        }
    }

    @Test(arguments: ["share member", "replace member"])
    func `told to stop between two members, it publishes nothing and the earlier dump is as it was`(step: String)
        async throws
    {
        try await withMembers { stage in
            try await stage.publish(1, Self.members)
            let cancellation = Cancellation()
            let count = Shared(0)
            var stopped = stage
            stopped.step = {
                guard $0 == step else { return }
                let now = count.with { count in
                    count += 1
                    return count
                }
                if now == 3 { cancellation.request() }
            }
            await #expect(throws: CancellationError.self) {
                try await stopped.publish(2, Self.members, cancellation)
            }
            // What had begun was brought to its end, and nothing else was begun.
            #expect(count.with { $0 } == 3)
            try stage.folder().discard(MemberStage.name(2))
            #expect(try stage.folder().list().map(\.name) == ["\(MemberStage.name(1))"])
            #expect(try Disk.names(in: "\(stage.root)/app").allSatisfy { !$0.hasPrefix(".partial") })
            #expect(try Self.members.keys.allSatisfy { try stage.status(1, $0).links == 1 })
            #expect(try await stage.unlike().isEmpty)
        }
    }

    @Test func `without any time left nothing is compared`() async throws {
        try await withMembers { stage in
            try await stage.publish(1, Self.members)
            let over = Cancellation(within: TimeLimit(seconds: 0, fault: Self.late))
            let failure = await #expect(throws: Failure.self) { try await stage.publish(2, Self.members, over) }
            #expect(failure?.message == Self.late.message)
            #expect(try stage.folder().list().count == 1 && stage.status(1, "m10").links == 1)
        }
    }

    @Test func `a run whose time ends while its members are shared has timed out and leaves nothing`() async throws {
        try await withHost { host in
            var stage = try await DrillStage(
                host,
                "create table a as select generate_series(1, 1000) g; create table b as select generate_series(1, 1000) h"
            )
            stage.job.format = .directory
            let first = try await stage.backUp()
            stage.job.timeoutSeconds = 15
            let request = RunRequest(
                job: stage.job, server: stage.server, storage: .init(root: host.folder, minimumFree: 0))
            let shared = Shared(0)
            var folder = JobFolder(job: stage.job, root: host.folder)
            // All the time that the run has, however long the dump took before.
            folder.step = { step in
                guard step == "share member" else { return }
                shared.with { $0 += 1 }
                sleep(15)
            }
            let lock = try JobLock.take(stage.job.name, root: host.folder)
            let backup = Backup(request, folder: folder, began: Date())
            let failure = await #expect(throws: Failure.self) { try await backup.perform(lock: lock) }
            #expect(failure?.message == "the run took longer than its timeout of 15s")
            #expect(failure?.hint?.contains("\"timeout\"") == true)
            #expect(shared.with { $0 } == 1)
            let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            #expect(Set(left.filter { $0 != ".lock" && !$0.hasPrefix(first.dump) }).isEmpty, "\(left)")
            #expect(try folder.list().map(\.name) == [first.dump])
            #expect(try folder.list().map(\.space.shared) == [0])
            try await stage.end()
        }
    }
}
