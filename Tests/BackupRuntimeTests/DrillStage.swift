import BackupCore
import Foundation
import TestSupport

@testable import BackupRuntime

/// One database of the shared server, dumped and drilled without the door, so that a test may stand in between.
struct DrillStage: Sendable {
    let host: TestHost
    let database: String
    let server: Server
    var job: Job

    init(_ host: TestHost, _ sql: String, _ name: String = "stage") async throws {
        self.host = host
        database = "\(name)\(UInt32.random(in: 0 ... .max))"
        server = Server(name: "s", connection: host.server.connection)
        job = Job(
            name: "job", server: "s", database: database, trigger: .cron(try CronExpression("0 2 * * *")), zone: .utc)
        job.compression = .auto
        try await host.server.create(database, sql)
    }

    func backUp(_ proof: SourceProof = .read, as server: Server? = nil, tools: Tools? = nil) async throws -> Manifest {
        var job = job
        job.proof = proof
        let request = RunRequest(
            job: job, server: server ?? self.server, storage: .init(root: host.folder, minimumFree: 0))
        let lock = try JobLock.take(job.name, root: host.folder)
        var backup = Backup(request, folder: JobFolder(job: job, root: host.folder), began: Date())
        backup.tools = tools
        return try await backup.perform(lock: lock)
    }

    /// What a run that must fail says; nil when it does not. Nothing may be left of it.
    func failure(_ proof: SourceProof, as server: Server? = nil, tools: Tools? = nil) async throws -> Failure? {
        do {
            _ = try await backUp(proof, as: server, tools: tools)
            return nil
        } catch let failure as Failure {
            let left = try FileManager.default.contentsOfDirectory(atPath: "\(host.folder)/job")
            guard left == [".lock"] else { throw Failure(.failed, "left are \(left)") }
            return failure
        }
    }

    func drill(
        _ manifest: Manifest, throwaway: Bool = false, tools: Tools? = nil, bases: [String] = Throwaway.bases([]),
        progress: @escaping @Sendable (RunProgress) -> Void = { _ in },
        whenFilled: @escaping @Sendable (Server, String) async throws -> Void = { _, _ in }
    ) async throws -> Drill.Result {
        var drill = Drill(
            job: job, server: throwaway ? nil : server, archive: "\(host.folder)/job/\(manifest.dump).dump",
            manifest: manifest, stateFolder: "\(host.folder)/state", bases: bases, progress: progress)
        drill.whenFilled = whenFilled
        drill.tools = tools
        return try await drill.perform()
    }

    /// What a drill says that must fail after `sql` was run in the filled database; nil when it does not. The scratch database
    /// is gone either way.
    func failure(_ manifest: Manifest, after sql: String = "", tools: Tools? = nil) async throws -> Failure? {
        let scratch = Shared("")
        do {
            let change: @Sendable (Server, String) async throws -> Void = { _, database in
                scratch.with { $0 = database }
                if !sql.isEmpty { try await host.server.psql(database, sql) }
            }
            _ = try await drill(manifest, tools: tools, whenFilled: change)
        } catch let failure as Failure {
            let left = try await host.server.psql(
                "postgres", "select count(*) from pg_database where datname = '\(scratch.with { $0 })'")
            guard left == "0" else { throw Failure(.failed, "the scratch database is left") }
            return failure
        }
        return nil
    }

    func end() async throws { try await host.server.drop(database) }

    /// Programs in a folder of this host that wrap the real ones; `lies` are bodies of shell scripts by program, in which
    /// `$real` is the real one's path.
    func programs(_ lies: [String: String]) async throws -> Tools {
        let real = try await Tools.find(serverMajor: 15)
        let folder = "\(host.folder)/programs\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for program in ["pg_dump", "pg_restore", "pg_dumpall"] {
            let body = lies[program] ?? "exec \"$real\" \"$@\""
            let path = "\(folder)/\(program)"
            try Data("#!/bin/sh\nreal=\(real.folder)/\(program)\n\(body)\n".utf8).write(to: URL(fileURLWithPath: path))
            chmod(path, 0o755)
        }
        return Tools(folder: folder, major: real.major, version: real.version)
    }
}
