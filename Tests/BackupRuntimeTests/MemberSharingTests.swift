import BackupCore
@testable import BackupRuntime
import Foundation
import TestSupport
import Testing

/// Members of a dump that stand on an earlier dump's files. The power cut's table is in MemberSharing.swift.
@Suite struct MemberSharingTests {
    private struct PowerCut: Error {}
    private static let big = String(repeating: "0123456789", count: 200_000)

    @Test func `a member that an earlier dump holds takes no room, whatever its name`() async throws {
        try await withMembers { stage in
            try await stage.publish(1, ["toc.dat": "toc 1", "10.dat": Self.big, "11.dat": "eleven", "12.dat": ""])
            try await stage.publish(2, ["toc.dat": "toc 2", "10.dat": "changed", "20.dat": Self.big, "12.dat": ""])
            let (old, new) = (try stage.status(1, "10.dat"), try stage.status(2, "20.dat"))
            #expect(old.inode == new.inode && new.links == 2)
            #expect(try stage.status(2, "toc.dat").links == 1 && stage.status(2, "10.dat").links == 1)
            // Nothing to gain.
            #expect(try stage.status(2, "12.dat").links == 1)
            #expect(try stage.text(2, "20.dat") == Self.big && stage.text(2, "10.dat") == "changed")
            #expect(try await stage.unlike().isEmpty)
            let dumps = try stage.folder().list()
            #expect(dumps.map(\.space.own) == [11, 12] && dumps.map(\.space.shared) == [2_000_000, 2_000_000])
            #expect(dumps.map(\.bytes) == [2_000_011, 2_000_012])
            // The one goes, and the other has it all alone.
            try stage.folder().remove(MemberStage.name(1))
            #expect(try await stage.unlike().isEmpty)
            #expect(try stage.folder().list().map(\.space) == [DumpSpace(own: 2_000_012)])
        }
    }

    @Test func `each file of an earlier dump serves one member, also when many are alike`() async throws {
        try await withMembers { stage in
            let many = Dictionary(uniqueKeysWithValues: (0..<20).map { ("\($0).dat", "empty") })
            for day in 1...3 { try await stage.publish(day, many) }
            for member in many.keys { #expect(try stage.status(3, member).links == 3) }
            try await stage.publish(4, many.merging(["20.dat": "empty"]) { $1 })
            #expect(try (0...20).filter { try stage.status(4, "\($0).dat").links == 1 }.count == 1)
            #expect(try await stage.unlike().isEmpty)
        }
    }

    @Test func `only whole dumps of the job lend, the newest three of them`() async throws {
        try await withMembers { stage in
            try await stage.publish(1, ["a": Self.big])
            for day in 2...4 { try await stage.publish(day, ["a": "other \(day)"]) }
            try await stage.publish(5, ["a": Self.big])
            #expect(try stage.status(5, "a").links == 1)
            // It comes and goes: the table of three days ago is found.
            try await stage.publish(6, ["a": "other 4"])
            #expect(try stage.areOne("a", 6, 4))
            // A refuted dump, one without a manifest and one with a manifest that cannot be read lend nothing.
            try await stage.publish(7, ["a": "refuted"], drill: CatalogSample.drill(.failed))
            try await stage.publish(8, ["a": "lost"])
            try await stage.publish(9, ["a": "spoiled"])
            try Disk.remove("\(stage.root)/app/\(MemberStage.name(8)).json")
            try Data("{".utf8).write(to: URL(fileURLWithPath: "\(stage.root)/app/\(MemberStage.name(9)).json"))
            try await stage.publish(10, ["a": "refuted", "b": "lost", "c": "spoiled", "d": "other 4"])
            for member in ["a", "b", "c"] { #expect(try stage.status(10, member).links == 1) }
            #expect(try stage.areOne("a", 6, 4) && stage.status(10, "d").links == 3)
        }
    }

    @Test(arguments: [
        "share member", "replace member", "sync archive", "write manifest", "sync folder before renaming",
        "rename archive", "sync folder before the manifest", "rename manifest", "sync folder after the manifest",
    ])
    func `a power cut leaves the new dump whole or not at all, and the earlier ones as they were`(step: String)
        async throws
    {
        try await withMembers { stage in
            try await stage.publish(1, ["a": Self.big, "b": "same", "c": "one"])
            for count in 1...3 {
                let left = Shared(count)
                var cut = stage
                cut.step = { name in
                    let isNow = left.with { left in
                        if name == step { left -= 1 }
                        return name == step && left == 0
                    }
                    if isNow { throw PowerCut() }
                }
                var isCut = false
                do {
                    try await cut.publish(2, ["a": Self.big, "b": "same", "c": "two"])
                } catch is PowerCut {
                    isCut = true
                }
                #expect(isCut || count > 1, "\(step) never came")
                #expect(try stage.folder().list().first?.manifest != nil)
                _ = try stage.folder().sweep()
                let listed = try stage.folder().list()
                #expect(listed.allSatisfy { $0.manifest != nil } && (1...2).contains(listed.count))
                #expect(try await stage.unlike().isEmpty)
                #expect(try stage.text(1, "a") == Self.big && stage.text(1, "b") == "same")
                #expect(try stage.status(1, "a").links == listed.count)
                #expect(try Disk.names(in: "\(stage.root)/app").count == 2 * listed.count)
                if listed.count == 2 {
                    #expect(try stage.text(2, "a") == Self.big && stage.text(2, "c") == "two")
                    try stage.folder().remove(MemberStage.name(2))
                }
            }
        }
    }

    @Test func `a file that may have no more links is passed by, and the next dump links to the new one`() async throws
    {
        try await withMembers { stage in
            try await stage.publish(1, ["a": Self.big, "b": "b"])
            let links = "\(stage.root)/links"
            try Disk.makeFolder(links)
            var count = 0
            // ext4: 65,000.
            while count < 70_000, link(stage.path(1, "a"), "\(links)/\(count)") == 0 { count += 1 }
            guard count < 70_000 else { return }  // This file system has no such limit to meet.
            try #require(errno == EMLINK)
            #expect(try await stage.publish(2, ["a": Self.big, "b": "b"]).isEmpty)
            #expect(try stage.status(2, "a").links == 1 && stage.status(2, "b").links == 2)
            try await stage.publish(3, ["a": Self.big, "b": "b"])
            #expect(try stage.areOne("a", 2, 3) && stage.status(3, "b").links == 3)
            // Names elsewhere keep what this dump holds from becoming free with it.
            #expect(try stage.folder().list()[0].space.own == 0)
        }
    }

    @Test(.enabled(if: getuid() == 0, "only root may make a file immutable"))
    func `where no link may be made the run goes on with its own copy`() async throws {
        try await withMembers { stage in
            try await stage.publish(1, ["a": Self.big])
            let made = try await run("chattr", ["+i", stage.path(1, "a")])
            guard made.status == 0 else { return }  // This file system has no such flag.
            do {
                #expect(try await stage.publish(2, ["a": Self.big]).isEmpty)
                #expect(try stage.status(2, "a").links == 1)
                #expect(try await stage.unlike().isEmpty)
                #expect(try Disk.names(in: "\(stage.root)/app/\(MemberStage.name(2)).dump") == ["a"])
            } catch {
                _ = try await run("chattr", ["-i", stage.path(1, "a")])
                throw error
            }
            _ = try await run("chattr", ["-i", stage.path(1, "a")])
        }
    }

    @Test func `what a person has put in a member's place is never linked to`() async throws {
        try await withMembers { stage in
            try await stage.publish(1, ["a": Self.big, "b": "b", "c": "c", "d": "d"])
            try Disk.remove(stage.path(1, "a"))
            try FileManager.default.createSymbolicLink(atPath: stage.path(1, "a"), withDestinationPath: "/etc/passwd")
            try Disk.remove(stage.path(1, "b"))
            mkfifo(stage.path(1, "b"), 0o600)
            try Disk.remove(stage.path(1, "c"))
            try Disk.makeFolder(stage.path(1, "c"))
            try await stage.publish(2, ["a": Self.big, "b": "b", "c": "c", "d": "d"])
            #expect(try ["a", "b", "c"].allSatisfy { try stage.status(2, $0).links == 1 })
            #expect(try stage.text(2, "a") == Self.big)
        }
    }
}
