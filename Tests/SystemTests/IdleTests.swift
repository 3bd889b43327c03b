import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

/// What the daemon takes from a host when it has nothing to do. How long a start takes is measured in Benchmarks/, not here.
@Suite(.enabled(if: BootedHost.releaseBinary != nil, "ARCHON_BACKUPD_STATIC names the binary that is installed"))
struct IdleTests {
    @Test func `after a run it holds no more than 20 MB, and wakes no more than twice a minute`() async throws {
        try await withHost { host in
            try await host.server.create("idle", "create table t as select generate_series(1, 1000) g")
            // Due at once, for it has never run, and not again before the year ends.
            try host.write("\"idle\": {\"calendar\": \"*-01-01 00:00:00\", \"drill\": {\"enabled\": false}}")
            var installed = host
            installed.program = try #require(BootedHost.releaseBinary)
            // What the unit has.
            try await installed.withDaemon(environment: ["WATCHDOG_USEC": "180000000"]) { daemon in
                try await daemon.says("read back in full")
                // Threads of Dispatch end five seconds after they were needed.
                try await Task.sleep(for: .seconds(15))
                let process = IdleProcess(pid: daemon.running.pid)
                let isFeed: (String) -> Bool = { $0 == "WATCHDOG=1" }
                let fed = daemon.notify.messages.count(where: isFeed)
                // Each look at the clock, and the end of the threads that it took.
                let wakes = try await process.wakes(seconds: 125)
                #expect(wakes <= 5, "\(wakes) in two minutes and five seconds")
                #expect(daemon.notify.messages.count(where: isFeed) >= fed + 2)
                let resident = try process.residentBytes()
                #expect(resident <= 20_000_000, "\(resident) bytes")
                #expect(try await daemon.stop() == 0)
            }
            try await host.server.drop("idle")
        }
    }
}

/// A process seen from outside.
private struct IdleProcess {
    let pid: Int32

    /// What is mapped of it, with its share of libraries: VmRSS.
    func residentBytes() throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        return try #require(Self.number(after: "VmRSS:", in: status)) * 1024
    }

    /// How many times all of its threads slept and one of them then did not: what happens within a fifth of a second is one.
    func wakes(seconds: Double) async throws -> Int {
        let end = ContinuousClock.now + .seconds(seconds)
        var last = try switches()
        var quiet = 0
        var wakes = 0
        while ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(50))
            let seen = try switches()
            if seen != last, quiet >= 4 { wakes += 1 }
            quiet = seen == last ? quiet + 1 : 0
            last = seen
        }
        return wakes
    }

    /// By thread, how often it has given the processor away by itself: each sleep is one.
    private func switches() throws -> [String: Int] {
        var found: [String: Int] = [:]
        for thread in try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task") {
            let path = "/proc/\(pid)/task/\(thread)/status"
            let status = try? String(contentsOfFile: path, encoding: .utf8)  // it may have ended since
            found[thread] = status.flatMap { Self.number(after: "\nvoluntary_ctxt_switches:", in: $0) }
        }
        return found
    }

    private static func number(after name: String, in text: String) -> Int? {
        guard let range = text.range(of: name) else { return nil }
        return Int(text[range.upperBound...].drop { $0 == "\t" || $0 == " " }.prefix { $0.isNumber })
    }
}
