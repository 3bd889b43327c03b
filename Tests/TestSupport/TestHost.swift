import BackupCore
import Foundation
import Subprocess
import Synchronization
import SystemPackage

/// A host of one test: a folder with a schedule, a place for dumps and for state, and the built binary.
package struct TestHost: Sendable {
    package let folder: String
    package let server: ScratchServer
    package var environment: [String: String] = [:]
    /// The members of `servers` in the schedule; nil for the server above.
    package var servers: String?
    /// The binary that is installed here.
    package var program = TestHost.binary
    package var storage: String { "\(folder)/backups" }
    package var config: String { "\(folder)/schedule.json" }

    package init(folder: String, server: ScratchServer) {
        self.folder = folder
        self.server = server
    }

    /// The binary that was built with these tests.
    package static let binary: String = {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        let path = String(decoding: buffer[..<max(0, count)], as: UTF8.self)
        return (path as NSString).deletingLastPathComponent + "/archon-backupd"
    }()

    /// Writes the schedule: `databases` are the JSON members of that object, `top` more members of the file.
    package func write(_ databases: String, top: String = "", minimumFree: String = "0B", storage: String? = nil) throws
    {
        let servers = servers ?? "\"scratch\": {\"connection\": \"\(server.connection)\", \"concurrency\": 2}"
        let text = """
            {"version": 1, \(top)
             "storage": {"root": "\(storage ?? self.storage)", "state": "\(folder)/state", "minimumFree": "\(minimumFree)"},
             "servers": {\(servers)},
             "databases": {\(databases)}}
            """
        try Data(text.utf8).write(to: URL(fileURLWithPath: config), options: .atomic)
    }

    /// Runs a verb to its end.
    package func call(_ arguments: String..., input: String = "") async throws -> Said {
        try await call(arguments, input: input)
    }

    package func call(_ arguments: [String], input: String = "") async throws -> Said {
        try await run(
            program, arguments, environment: ["ARCHON_BACKUPD_CONFIG": config].merging(environment) { $1 },
            input: input)
    }

    /// Starts a verb whose end is awaited later; its stderr goes to `log`.
    package func start(_ arguments: String..., environment more: [String: String] = [:]) async throws -> Running {
        let log = "\(folder)/log.\(UInt32.random(in: 0 ... .max))"
        return try await Running.start(
            program, arguments,
            environment: ["ARCHON_BACKUPD_CONFIG": config].merging(environment) { $1 }.merging(more) { $1 }, log: log)
    }

    /// The names of files below the storage, sorted; hidden ones are left out.
    package func files() throws -> [String] {
        guard let found = FileManager.default.enumerator(atPath: storage) else { return [] }
        return found.compactMap { $0 as? String }.filter {
            !$0.contains("/.") && !$0.hasPrefix(".") && $0.contains("/")
        }.sorted()
    }
}

/// A program that runs beside the test.
package struct Running: Sendable {
    package let pid: Int32
    package let log: String
    private let work: Task<Int32, any Error>

    static func start(_ program: String, _ arguments: [String], environment: [String: String], log: String) async throws
        -> Running
    {
        let output = try FileDescriptor.open(
            FilePath(log), .writeOnly, options: [.create, .append], permissions: [.ownerReadWrite])
        var updates: [Subprocess.Environment.Key: String?] = [:]
        for (key, value) in environment { updates[.init(stringLiteral: key)] = value }
        let (pids, told) = AsyncStream.makeStream(of: Int32.self)
        let work = Task { [updates] in
            defer { told.finish() }
            let result = try await Subprocess.run(
                .path(FilePath(program)), arguments: Arguments(arguments), environment: .inherit.updating(updates),
                input: .none,
                output: .discarded, error: .fileDescriptor(output, closeAfterSpawningProcess: true)
            ) { execution in
                told.yield(Int32(execution.processIdentifier.value))
            }
            switch result.terminationStatus {
            case .exited(let code): return code
            case .signaled(let signal): return 128 + signal
            }
        }
        for await pid in pids { return Running(pid: pid, log: log, work: work) }
        _ = try await work.value
        throw Failure(.failed, "\(program) did not start")
    }

    package func signal(_ number: Int32) { if !hasEnded { kill(pid, number) } }

    /// True when there is no such process any more; a zombie has ended too.
    package var hasEnded: Bool {
        let status = FileManager.default.contents(atPath: "/proc/\(pid)/stat").map {
            String(decoding: $0, as: UTF8.self)
        }
        guard let state = status?.split(separator: ")").last?.split(separator: " ").first else { return true }
        return state == "Z" || state == "X"
    }

    /// The exit status when it has ended; 128 and the number for a signal. Kills what has not ended after five minutes, and
    /// throws.
    package func end() async throws -> Int32 {
        let killer = Task {
            try await Task.sleep(for: .seconds(300))
            signal(SIGKILL)
        }
        let status = try await work.value
        killer.cancel()
        // Cancelled in time, it threw.
        if (try? await killer.value) != nil { throw Failure(.failed, "process \(pid) did not end in 300 s: \(said)") }
        return status
    }

    package var said: String {
        FileManager.default.contents(atPath: log).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}

/// Asks until the answer is yes; after `seconds` the last word is what `fault` says.
package func until(_ what: String, seconds: Double = 120, _ answer: () async throws -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < end {
        if try await answer() { return }
        try await Task.sleep(for: .milliseconds(20))
    }
    throw Failure(.failed, "waited \(seconds) s in vain: \(what)")
}

/// A host with the shared server, gone when the body ends.
package func withHost<Result>(_ body: (TestHost) async throws -> Result) async throws -> Result {
    let server = try await SharedServer.only.server()
    return try await Seats.taken {
        try await withTemporaryFolder { try await body(TestHost(folder: $0, server: server)) }
    }
}

/// A host with a server of its own, for tests that stop it, fill it or need it bare; gone when the body ends.
package func withOwnServer<Result>(options: String = "", _ body: (TestHost) async throws -> Result) async throws
    -> Result
{
    try await Seats.taken {
        let server = try await ScratchServer.begin(options: options)
        defer { server.end() }
        return try await withTemporaryFolder { try await body(TestHost(folder: $0, server: server)) }
    }
}

/// Tests that run programs take one of a few seats: with all of them at once on two cores none would come to its point
/// within the time that it waits for it. Who has one takes no second.
package actor Seats {
    private static let only = Seats()
    @TaskLocal private static var isTaken = false
    private var free = 4
    private var waiting: [CheckedContinuation<Void, Never>] = []

    package static func taken<Result>(_ body: () async throws -> Result) async throws -> Result {
        if isTaken { return try await body() }
        await only.take()
        do {
            let result = try await $isTaken.withValue(true, operation: body)
            await only.giveBack()
            return result
        } catch {
            await only.giveBack()
            throw error
        }
    }

    private func take() async {
        if free > 0 { free -= 1 } else { await withCheckedContinuation { waiting.append($0) } }
    }

    private func giveBack() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}
