import BackupCore
import BackupRuntime
import Foundation

/// The built daemon, the service manager that listens to it, and the clock on its wall.
package struct DaemonUnderTest: Sendable {
    package let host: TestHost
    package let running: Running
    package let notify: NotifySocket

    /// Moves the daemon's wall clock, from now on; its monotonic clock goes on as it is.
    package func setClock(_ date: Date) throws { try host.setClock(date) }

    /// Runs a verb to its end on the daemon's clock.
    package func call(_ arguments: String...) async throws -> Said {
        try await run(
            TestHost.binary, arguments,
            environment: ["ARCHON_BACKUPD_CONFIG": host.config].merging(host.environment) { $1 }.merging(
                host.clockEnvironment
            ) { $1 })
    }

    package func signal(_ number: Int32) { running.signal(number) }

    /// Lets it read its schedule and look at its clock; returns when it has made its plan.
    package func reload() async throws {
        let before = notify.messages.count
        signal(SIGHUP)
        try await until("the daemon has reloaded: \(running.said)") {
            notify.messages.dropFirst(before).contains("READY=1")
        }
    }

    /// Waits for the `count`-th line of its log that holds `text`.
    package func says(_ text: String, times count: Int = 1, seconds: Double = 120) async throws {
        try await until("\(count) times \"\(text)\" in the log:\n\(running.said)", seconds: seconds) {
            lines(with: text).count >= count
        }
    }

    package func lines(with text: String) -> [String] {
        running.said.split(separator: "\n").map(String.init).filter { $0.contains(text) }
    }

    /// SIGTERM, and the exit status.
    package func stop() async throws -> Int32 {
        signal(SIGTERM)
        return try await running.end()
    }
}

extension TestHost {
    private var clockFile: String { "\(folder)/clock-offset" }

    /// The library that moves the clock of the program it is loaded into; built with the tests.
    private static let wallClock = (binary as NSString).deletingLastPathComponent + "/libWallClock.so"

    fileprivate var clockEnvironment: [String: String] {
        ["LD_PRELOAD": Self.wallClock, "WALLCLOCK_OFFSET": clockFile]
    }

    package func setClock(_ date: Date) throws {
        // Put in place at once: a half written one would be another step.
        try Data("\(date.timeIntervalSinceNow)".utf8).write(to: URL(fileURLWithPath: clockFile), options: .atomic)
    }

    /// Runs `body` beside a daemon on this host's schedule that is ready; kills it when it still runs afterwards. With a
    /// `clock`, its wall clock begins there.
    package func withDaemon<Result>(
        clock: Date? = nil, environment: [String: String] = [:], _ body: (DaemonUnderTest) async throws -> Result
    ) async throws -> Result {
        let notify = try NotifySocket(folder: folder)
        var environment = environment
        environment["NOTIFY_SOCKET"] = notify.path
        if let clock {
            try setClock(clock)
            environment.merge(clockEnvironment) { $1 }
        }
        let running = try await start("daemon", environment: environment)
        defer { running.signal(SIGKILL) }
        let daemon = DaemonUnderTest(host: self, running: running, notify: notify)
        try await until("the daemon is ready: \(running.said)") { notify.has("READY=1") || running.hasEnded }
        return try await body(daemon)
    }

    /// The shipped schedule with this host's server and folders; returns it decoded.
    package func writeShipped() throws -> Schedule {
        let shipped = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "config/schedule.json")
        let text = try String(contentsOf: shipped, encoding: .utf8)
            .replacing(
                "\"root\": \"/backups/supabase-ai\"", with: "\"root\": \"\(storage)\", \"state\": \"\(folder)/state\""
            )
            .replacing("host=/var/run/postgresql user=postgres", with: server.connection).replacing(
                "5GiB", with: "1MiB")
        try Data(text.utf8).write(to: URL(fileURLWithPath: config))
        return try ScheduleFile.load(config)
    }

    /// `history --json`, oldest first.
    package func history(_ job: String? = nil) async throws -> [HistoryLine] {
        let arguments = ["history"] + (job.map { [$0] } ?? []) + ["--limit", "100000", "--json"]
        let said = try await run(Self.binary, arguments, environment: ["ARCHON_BACKUPD_CONFIG": config])
        guard said.status == 0 else { throw Failure(.failed, "history: \(said.error)") }
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .custom { decoder in
            let text = try decoder.singleValueContainer().decode(String.self)
            guard let date = Instant.parse(text) else { throw Failure(.failed, "\(text) is no instant") }
            return date
        }
        return try decoder.decode([HistoryLine].self, from: Data(said.output.utf8)).reversed()
    }
}

/// A run as `history --json` has it; the keys are a promise.
package struct HistoryLine: Decodable, Sendable {
    package var id: Int64
    package var job: String
    package var slot: Date?
    package var attempt: Int
    package var missed: Int
    package var coalesced: Int
    package var began: Date
    package var ended: Date?
    package var outcome: String
    package var dump: String?
    package var error: String?
}
