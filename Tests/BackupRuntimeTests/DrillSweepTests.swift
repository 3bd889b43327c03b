import BackupCore
@testable import BackupRuntime
import Foundation
import TestSupport
import Testing

/// What a killed drill has left goes, and nothing else: names alone prove nothing.
@Suite struct DrillSweepTests {
    private static let name = "archon-backupd-drill-abc123"

    /// A folder in which servers may be made; whoever runs them passes through it.
    private func withBase(_ body: (String) async throws -> Void) async throws {
        try await withTemporaryFolder { folder in
            chmod(folder, 0o711)
            try await body(folder)
        }
    }

    private func make(_ folder: String) throws {
        try Disk.makeFolder("\(folder)/data")
        try Disk.write(Data("1\n".utf8), to: "\(folder)/.lock")
        try Disk.write(Data("x".utf8), to: "\(folder)/data/PG_VERSION")
    }

    @Test func `a folder that nobody holds goes, one that a living process holds stays`() async throws {
        try await withBase { base in
            let left = "\(base)/\(Self.name)"
            let held = "\(base)/archon-backupd-drill-xyz789"
            for folder in [left, held] { try make(folder) }
            let lock = try JobLock.take("", root: held)
            #expect(try await Throwaway.sweep([base, "\(base)/nowhere"]) == [left])
            #expect(try Disk.names(in: base) == ["archon-backupd-drill-xyz789"])
            withExtendedLifetime(lock) {}
        }
    }

    @Test func `a file, a link and other names stay`() async throws {
        try await withBase { base in
            try make("\(base)/elsewhere")
            try Disk.write(Data(), to: "\(base)/archon-backupd-drill-a")
            #expect(symlink("\(base)/elsewhere", "\(base)/archon-backupd-drill-b") == 0)
            try make("\(base)/archon-backupd-drill")
            try make("\(base)/my-archon-backupd-drill-c")
            let before = try Disk.names(in: base)
            #expect(try await Throwaway.sweep([base]).isEmpty)
            #expect(try Disk.names(in: base) == before)
            #expect(Disk.exists("\(base)/elsewhere/data/PG_VERSION"))
        }
    }

    @Test(.enabled(if: getuid() == 0, "giving a folder away needs root"))
    func `a folder of another owner stays`() async throws {
        try await withBase { base in
            let folder = "\(base)/\(Self.name)"
            try make(folder)
            #expect(chown(folder, 65_534, 65_534) == 0)
            #expect(try await Throwaway.sweep([base]).isEmpty && Disk.exists("\(folder)/data/PG_VERSION"))
        }
    }

    @Test func `one that is just being made stays, one that was never finished goes after an hour`() async throws {
        try await withBase { base in
            for name in ["archon-backupd-new-young1", "archon-backupd-new-old222"] { try make("\(base)/\(name)") }
            var times = [timeval(), timeval()]
            times[0].tv_sec = time(nil) - 3700
            times[1].tv_sec = time(nil) - 3700
            #expect(utimes("\(base)/archon-backupd-new-old222", times) == 0)
            #expect(try await Throwaway.sweep([base]) == ["\(base)/archon-backupd-new-old222"])
            #expect(try Disk.names(in: base) == ["archon-backupd-new-young1"])
        }
    }

    @Test func `one that cannot be removed is told, and does not keep the others`() async throws {
        try await withBase { base in
            for name in ["archon-backupd-drill-a", "archon-backupd-drill-b"] { try make("\(base)/\(name)") }
            try Disk.remove("\(base)/archon-backupd-drill-a/.lock")
            #expect(symlink("/nonexistent", "\(base)/archon-backupd-drill-a/.lock") == 0)
            await #expect(throws: Failure.self) { try await Throwaway.sweep([base]) }
            #expect(try Disk.names(in: base) == ["archon-backupd-drill-a"])
        }
    }

    @Test func `a process that is no server of the folder is let live, whatever the folder says`() async throws {
        try await withBase { base in
            let folder = "\(base)/\(Self.name)"
            try make(folder)
            let sleeper = try await run("/bin/sh", ["-c", "sleep 600 > /dev/null 2>&1 & echo $!"])
            let pid = try #require(pid_t(sleeper.output.trimmingCharacters(in: .whitespacesAndNewlines)))
            defer { kill(pid, SIGKILL) }
            try Disk.write(Data("\(pid)\n\(folder)/data\n".utf8), to: "\(folder)/data/postmaster.pid")
            #expect(try await Throwaway.sweep([base]) == [folder])
            #expect(kill(pid, 0) == 0)
        }
    }

    @Test func `a server whose drill has died is ended, and its folder goes`() async throws {
        try await withBase { base in
            // Without its object nobody holds the lock, as after kill -9; the server goes on.
            let place = try await Seats.taken {
                // From here on: a seat may be long in coming.
                let limit = TimeLimit(seconds: 600, fault: Failure(.unavailable, "too long"))
                return try await Throwaway.begin(major: 15, bytes: 1, bases: [base], limit).server.connection
            }
            let names = try Disk.names(in: base)
            let folder = "\(base)/\(try #require(names.first))"
            #expect(names.count == 1 && names[0].hasPrefix("archon-backupd-drill-") && place.contains(folder))
            let data = FileManager.default.contents(atPath: "\(folder)/data/postmaster.pid") ?? Data()
            let pid = try #require(pid_t(String(decoding: data, as: UTF8.self).prefix { $0.isNumber }))
            #expect(kill(pid, 0) == 0)
            #expect(try await Throwaway.sweep([base]) == [folder])
            #expect(!Disk.exists(folder))
            // A zombie of nobody's may be left for a moment.
            try await until("its server has ended") { !Disk.exists("/proc/\(pid)/cwd/.") }
        }
    }

    // MARK: scratch databases

    private func databases(_ server: ScratchServer, _ like: String) async throws -> [String] {
        try await server.psql("postgres", "select datname from pg_database where datname like '\(like)' order by 1")
            .split(separator: "\n").map(String.init)
    }

    @Test func `a scratch database needs our name and our mark to be dropped`() async throws {
        try await withHost { host in
            let server = host.server
            let settings = try ConnectionSettings(Server(name: "s", connection: server.connection))
            let admin = try await AdminSession.open(settings, avoiding: "")
            let ours = try ScratchDatabase(stateFolder: "\(host.folder)/state")
            let others = try ScratchDatabase(stateFolder: "\(host.folder)/other")
            let token = String(UInt32.random(in: 0 ... .max), radix: 36)
            let kept = [
                "archon_drill_\(token)_bare", "archon_drill_\(token)_other", "archonxdrill_\(token)", "my_\(token)",
            ]
            let left = (1...2).map { "archon_drill_\(token)_left\($0)" }
            for name in kept + left { try await server.create(name) }
            try await others.mark(kept[1], admin)
            for name in [kept[2], kept[3]] + left { try await ours.mark(name, admin) }
            // Somebody looks at one of them.
            let session = try await Session.open(settings, database: left[0], applicationName: "x")
            #expect(try await ours.sweep(admin, settings) == left)
            withExtendedLifetime(session) {}
            #expect(try await databases(server, "%\(token)%") == kept.sorted())
            // Killed between making it and marking it: its name says whose it is.
            let unmarked = "archon_drill_\(token)_\(ours.owner)_x"
            try await server.create(unmarked)
            #expect(try await others.sweep(admin, settings) == [kept[1]])
            #expect(try await ours.sweep(admin, settings) == [unmarked])
            #expect(try await ours.sweep(admin, settings).isEmpty)
            for name in kept { try await server.drop(name) }
        }
    }

    @Test func `what a killed drill has left on a server goes at the next start, and is told`() async throws {
        try await withHost { host in
            let token = String(UInt32.random(in: 0 ... .max), radix: 36)
            var schedule = try CatalogSample.schedule(host.folder)
            schedule.servers = [Server(name: "s", connection: host.server.connection)]
            let state = Daemon.stateFolder(of: schedule)
            let admin = try await AdminSession.open(try ConnectionSettings(schedule.servers[0]), avoiding: "")
            let name = "archon_drill_\(token)"
            try await host.server.create(name)
            try await ScratchDatabase(stateFolder: state).mark(name, admin)
            let events = Shared<[Event]>([])
            let ledger = try Ledger(folder: state, schedule: schedule) { _ in }
            let drills = DrillRun(ledger: ledger, stateFolder: state) { event in events.with { $0.append(event) } }
            // No job is drilled there: nobody looks.
            await drills.sweep(schedule)
            #expect(try await databases(host.server, name) == [name])
            schedule.jobs[0].drill.place = .server("s")
            // Somebody drills: it may be theirs.
            var lock: JobLock? = try JobLock.take(".drills", root: state)
            await drills.sweep(schedule)
            withExtendedLifetime(lock) {}
            lock = nil
            #expect(try await databases(host.server, name) == [name])
            await drills.sweep(schedule)
            #expect(try await databases(host.server, name).isEmpty)
            let told = events.with { $0.filter { $0.message.contains(name) } }
            #expect(told.map(\.kind) == [.partialsSwept] && told.first?.message.contains("\(name) on s") == true)
        }
    }
}
