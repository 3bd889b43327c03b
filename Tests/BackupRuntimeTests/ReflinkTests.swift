import BackupCore
@testable import BackupRuntime
import Foundation
import TestSupport
import Testing

/// Where files can share extents, members become clones: files of their own on the same room.
@Suite struct ReflinkTests {
    private static let big = String(repeating: "0123456789", count: 200_000)

    private func clones(_ kind: String) async throws {
        try await LoopDisk.with(kind, mebibytes: 320) { disk in
            let stage = MemberStage(root: disk)
            try await stage.publish(1, ["a": Self.big, "b": "one"])
            try await stage.publish(2, ["a": Self.big, "b": "two"])
            #expect(try stage.status(2, "a").links == 1 && !stage.areOne("a", 1, 2))
            let listed = try stage.folder().list()
            #expect(listed.map(\.space.own) == [3, 3] && listed.map(\.space.shared) == [2_000_000, 2_000_000])
            #expect(DumpSpace.used(listed.map(\.space)) == 2_000_006)
            #expect(DumpSpace.freed(removing: listed.map(\.space), keeping: []) == [3, 2_000_003])
            // A person edits one in place: the other is as it was.
            try await stage.publish(3, ["a": Self.big])
            let edited = open(stage.path(2, "a"), O_WRONLY)
            #expect(pwrite(edited, "X", 1, 1000) == 1)
            close(edited)
            #expect(try await stage.unlike() == ["\(MemberStage.name(2))"])
            // The next run finds that one, and takes the newest.
            try stage.folder().remove(MemberStage.name(3))
            let told = try await stage.publish(4, ["a": Self.big])
            #expect(told.count == 1 && told[0].message.contains("\(MemberStage.name(2)) is damaged"))
            #expect(
                try stage.folder().list().last?.space == DumpSpace(pieces: try stage.folder().list()[0].space.pieces))
            #expect(try stage.text(4, "a") == Self.big && stage.text(1, "a") == Self.big)
        }
    }

    @Test(.enabled(if: LoopDisk.isPossible("btrfs"), "needs root, loop devices, btrfs and btrfs-progs"))
    func `on btrfs`() async throws { try await clones("btrfs") }

    @Test(.enabled(if: LoopDisk.isPossible("xfs"), "needs root, loop devices, XFS and xfsprogs"))
    func `on XFS`() async throws { try await clones("xfs") }

    @Test(.enabled(if: LoopDisk.isPossible("xfs"), "needs root, loop devices, XFS and xfsprogs"))
    func `an XFS that was made without them has links`() async throws {
        try await LoopDisk.with("xfs", options: "-m reflink=0", mebibytes: 320) { disk in
            let stage = MemberStage(root: disk)
            for day in 1...2 { try await stage.publish(day, ["a": Self.big]) }
            #expect(try stage.areOne("a", 1, 2))
            #expect(try stage.folder().list().map(\.space.shared) == [2_000_000, 2_000_000])
        }
    }
}
