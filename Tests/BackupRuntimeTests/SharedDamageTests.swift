import BackupCore
@testable import BackupRuntime
import Foundation
import TestSupport
import Testing

/// An earlier dump that is no longer what it was is found when a new one compares with it.
@Suite struct SharedDamageTests {
    private static let big = String(repeating: "0123456789", count: 200_000)

    @Test func `rot is found, told and noted, in every dump that stands on that file, and the new dump keeps its own`()
        async throws
    {
        try await withMembers { stage in
            for day in 1...6 { try await stage.publish(day, ["a": Self.big, "b": "b \(day / 4)"]) }
            #expect(try stage.status(1, "a").links == 6)
            try Damage.flip(stage.path(6, "a"), byte: 1_234_567, bit: 3)
            let told = try await stage.publish(7, ["a": Self.big, "b": "b 1"])
            #expect(told.count == 6 && told.allSatisfy { $0.kind == .damaged })
            #expect(told[0].message.contains("\(MemberStage.name(6)) is damaged: its member a is no longer what"))
            #expect(try stage.status(7, "a").links == 1 && stage.text(7, "a") == Self.big)
            #expect(try await stage.unlike() == (1...6).map { "\(MemberStage.name($0))" })
            let listed = try stage.folder().list()
            #expect(listed.dropLast().allSatisfy { $0.manifest == nil && $0.fault?.contains("its member a") == true })
            #expect(listed.last?.manifest != nil && listed.last?.fault == nil)
            // Nobody counts on them: a policy that keeps one dump has one, and removes none of these.
            var retention = Retention()
            retention.keepLast = 1
            let dumps = listed.map {
                RetentionDump(
                    name: $0.name, time: $0.time, bytes: $0.bytes, rows: 1, isProven: $0.manifest != nil)
            }
            let plan = retention.decide(dumps, zone: .utc, now: instant("2026-12-01T00:00:00Z"))
            #expect(plan.removals.isEmpty)
            // The next one stands on the new file, and has nothing to tell.
            #expect(try await stage.publish(8, ["a": Self.big]).isEmpty)
            #expect(try stage.areOne("a", 7, 8))
        }
    }

    @Test func `a dump that is put right counts again`() async throws {
        try await withMembers { stage in
            try await stage.publish(1, ["a": Self.big])
            try Damage.flip(stage.path(1, "a"), byte: 0, bit: 0)
            #expect(try await stage.publish(2, ["a": Self.big]).count == 1)
            try Damage.flip(stage.path(1, "a"), byte: 0, bit: 0)
            let folder = try stage.folder()
            let manifest = try #require(try folder.list()[0].anyManifest)
            #expect(manifest.damage != nil)
            let lock = try JobLock.take("app", root: stage.root)
            #expect(try folder.clearDamage(of: manifest, lock: lock)?.fault == nil)
            #expect(try folder.list().allSatisfy { $0.manifest != nil })
        }
    }

    @Test func `a new member that has changed since it was read fails the run, and no dump is blamed`() async throws {
        try await withMembers { stage in
            try await stage.publish(1, ["a": Self.big])
            let folder = try stage.folder()
            let name = MemberStage.name(2)
            let archive = folder.partialPath(name, ".dump")
            try Disk.makeFolder(archive)
            try Disk.write(Data(Self.big.utf8), to: "\(archive)/a")
            let digest = try await ArchiveDigest.take(archive)
            var manifest = CatalogSample.manifest(name)
            manifest.bytes = digest.bytes
            manifest.sha256 = digest.sha256
            manifest.members = digest.members
            try Damage.flip("\(archive)/a", byte: 1_999_999, bit: 7)
            let failure = #expect(throws: Failure.self) { try folder.publish(name, manifest) }
            #expect(failure?.kind == .inputOutput && failure?.message.contains("no longer what was read") == true)
            try folder.discard(name)
            #expect(try folder.list().map(\.fault) == [nil])
            #expect(try await stage.unlike().isEmpty)
        }
    }
}
