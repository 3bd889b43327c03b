import BackupCore
@testable import BackupRuntime
import Foundation
import TestSupport

/// A job `app` whose dumps are directory archives of given members, published as a run does it.
struct MemberStage: Sendable {
    let root: String
    var step: @Sendable (String) throws -> Void = { _ in }

    func folder() throws -> JobFolder {
        let job = Job(
            name: "app", server: "s", database: "db", trigger: .cron(try CronExpression("@daily")), zone: .utc)
        var folder = JobFolder(job: job, root: root)
        folder.step = step
        try folder.prepare()
        return folder
    }

    static func name(_ day: Int) -> DumpName {
        DumpName(job: "app", time: instant("2026-11-01T02:00:00Z").addingTimeInterval(Double(day) * 86_400))
    }

    func path(_ day: Int, _ member: String) -> String { "\(root)/app/\(Self.name(day)).dump/\(member)" }

    /// Returns what was found wrong with earlier dumps.
    @discardableResult
    func publish(
        _ day: Int, _ members: [String: String], drill: Manifest.Drill? = nil,
        _ cancellation: Cancellation = Cancellation()
    ) async throws -> [Failure] {
        let folder = try folder()
        let name = Self.name(day)
        let archive = folder.partialPath(name, ".dump")
        try Disk.makeFolder(archive)
        for (member, text) in members { try Disk.write(Data(text.utf8), to: "\(archive)/\(member)") }
        let digest = try await ArchiveDigest.take(archive)
        var manifest = CatalogSample.manifest(name)
        manifest.format = .directory
        manifest.bytes = digest.bytes
        manifest.sha256 = digest.sha256
        manifest.members = digest.members
        manifest.drill = drill
        return try folder.publish(name, manifest, cancellation)
    }

    func text(_ day: Int, _ member: String) throws -> String {
        try String(contentsOfFile: path(day, member), encoding: .utf8)
    }

    func status(_ day: Int, _ member: String) throws -> (inode: UInt64, links: Int) {
        var status = stat()
        guard stat(path(day, member), &status) == 0 else { throw Disk.failure("no \(path(day, member))") }
        return (UInt64(status.st_ino), Int(status.st_nlink))
    }

    func areOne(_ member: String, _ one: Int, _ other: Int) throws -> Bool {
        try status(one, member).inode == status(other, member).inode
    }

    /// Every listed dump read again, against its manifest. Returns the names of those that are not as it says.
    func unlike() async throws -> [String] {
        var names: [String] = []
        for stored in try folder().list() {
            let digest = try await ArchiveDigest.take(stored.path)
            if digest.sha256 != stored.anyManifest?.sha256 { names.append(stored.name) }
        }
        return names
    }
}

/// On the file system of temporary folders.
func withMembers(_ body: (MemberStage) async throws -> Void) async throws {
    try await withTemporaryFolder { try await body(MemberStage(root: $0)) }
}
