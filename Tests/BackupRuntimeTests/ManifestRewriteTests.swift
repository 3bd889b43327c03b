import BackupCore
@testable import BackupRuntime
import Foundation
import TestSupport
import Testing

/// What is on the disk after the power fails before each step of putting a verdict into a manifest, and after the next sweep:
///
/// rewriting, before …          on the disk                                        after the sweep
///   write the new manifest       X with the old manifest                            the old one
///   …while that is written       the same, and a cut .partial-proof-X.json          the old one
///   rename the new manifest      the same, and a whole .partial-proof-X.json        the old one
///   sync folder after it         X with the new manifest, or still with the old one the one that is there, whole
@Suite struct ManifestRewriteTests {
    private struct PowerCut: Error {}
    private static let name = DumpName(job: "app", time: instant("2026-11-24T02:00:00Z"))

    private func folder(_ root: String, cutBefore: String? = nil) throws -> JobFolder {
        let job = Job(
            name: "app", server: "s", database: "db", trigger: .cron(try CronExpression("@daily")), zone: .utc)
        var folder = JobFolder(job: job, root: root)
        folder.step = { if $0 == cutBefore { throw PowerCut() } }
        try folder.prepare()
        return folder
    }

    /// A published dump; returns its manifest with the verdict of a drill.
    private func publish(_ folder: JobFolder, _ verdict: DrillVerdict = .proven) throws -> Manifest {
        var manifest = CatalogSample.manifest(Self.name)
        try Disk.write(Data("archive".utf8), to: folder.partialPath(Self.name, ".dump"))
        try folder.publish(Self.name, manifest)
        manifest.proof = verdict == .proven ? .drilled : .read
        manifest.drill = CatalogSample.drill(verdict)
        return manifest
    }

    private func read(_ folder: JobFolder) throws -> Manifest? { try folder.list().first?.anyManifest }

    private static let files = ["\(name).dump", "\(name).json"]

    @Test(arguments: [
        ("write the new manifest", false), ("rename the new manifest", false),
        ("sync folder after the new manifest", true),
    ])
    func `a power cut while a verdict is noted leaves one whole manifest`(step: String, isNew: Bool) async throws {
        try await withTemporaryFolder { root in
            let changed = try publish(try folder(root))
            let cut = try folder(root, cutBefore: step)
            #expect(throws: PowerCut.self) { try cut.rewrite(changed) }
            let next = try folder(root)
            #expect(try read(next)?.drill == (isNew ? changed.drill : nil))
            _ = try next.sweep()
            #expect(try read(next)?.drill == (isNew ? changed.drill : nil))
            #expect(try Disk.names(in: next.path) == Self.files)
        }
    }

    @Test(arguments: [0, 1, 100, 1_000_000])
    func `a new manifest that was cut short is swept, and does not keep the next from being written`(length: Int)
        async throws
    {
        try await withTemporaryFolder { root in
            let folder = try folder(root)
            let changed = try publish(folder)
            let partial = "\(folder.path)/.partial-proof-\(Self.name).json"
            try Disk.write(try ManifestCodec.encode(changed).prefix(length), to: partial)
            #expect(try folder.list().map(\.name) == ["\(Self.name)"])
            #expect(try folder.sweep() == [".partial-proof-\(Self.name).json"])
            #expect(try read(folder)?.drill == nil)
            #expect(try Disk.names(in: folder.path) == Self.files)
            try Disk.write(Data("{".utf8), to: partial)
            try folder.rewrite(changed)
            #expect(try read(folder) == changed)
            #expect(try Disk.names(in: folder.path) == Self.files)
        }
    }

    @Test func `a refuted dump is listed as damaged with the reason, and is proven again by a later drill`()
        async throws
    {
        try await withTemporaryFolder { root in
            let folder = try folder(root)
            var changed = try publish(folder, .failed)
            try folder.rewrite(changed)
            let refuted = try #require(try folder.list().first)
            #expect(refuted.manifest == nil && refuted.anyManifest == changed)
            #expect(refuted.fault == "its drill failed: why")
            changed.drill = CatalogSample.drill(.proven)
            changed.proof = .drilled
            try folder.rewrite(changed)
            #expect(try folder.list().first?.manifest == changed)
        }
    }

    @Test func `the manifest of a dump that is gone is not made again`() async throws {
        try await withTemporaryFolder { root in
            let folder = try folder(root)
            let changed = try publish(folder)
            try folder.remove(Self.name)
            let failure = #expect(throws: Failure.self) { try folder.rewrite(changed) }
            #expect(failure?.message.contains("no longer there") == true)
            #expect(try Disk.names(in: folder.path).isEmpty)
        }
    }
}
