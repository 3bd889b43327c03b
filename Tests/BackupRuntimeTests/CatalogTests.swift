import BackupCore
@testable import BackupRuntime
import Foundation
import GRDB
import TestSupport
import Testing

/// The catalog is memory, not truth: whatever happens to its file, no dump is lost and the daemon goes on.
@Suite struct CatalogTests {
    private final class Heard: Sendable {
        private let events = Shared<[Event]>([])
        func add(_ event: Event) { events.with { $0.append(event) } }
        var kinds: [Event.Kind] { events.with { $0.map(\.kind) } }
    }

    private func schedule(_ folder: String) throws -> Schedule {
        let job = Job(
            name: "app", server: "s", database: "db", trigger: .calendar(try CalendarExpression("*-*-* 02:00:00")),
            zone: .utc)
        return Schedule(
            storage: .init(root: "\(folder)/root", minimumFree: 0, state: "\(folder)/state"), concurrency: 1,
            servers: [Server(name: "s", connection: "")], jobs: [job])
    }

    /// Three nights' dumps in the job's folder, published as a run does it.
    private func publishDumps(_ schedule: Schedule) throws -> [Manifest] {
        let folder = JobFolder(job: schedule.jobs[0], root: schedule.storage.root)
        try folder.prepare()
        return try (0..<3).map { night in
            let time = instant("2026-11-21T02:00:00Z").addingTimeInterval(Double(night) * 86_400)
            let name = DumpName(job: "app", time: time)
            try Disk.write(Data("archive".utf8), to: folder.partialPath(name, ".dump"))
            let manifest = Manifest(
                job: "app", server: "s", database: "db", dump: "\(name)", slot: time, began: time,
                ended: time.addingTimeInterval(5),
                snapshot: time, format: .custom, compression: "gzip:1", pgDumpVersion: "15", serverVersion: "15",
                bytes: 7,
                sha256: "00", members: nil, entries: 1, rows: ["public.t": 10], largeObjects: 0, extensions: [],
                properties: .init(owner: "o", encoding: "UTF8", collation: "C", characterType: "C"), globals: nil,
                proof: .read,
                warnings: [], tool: "t")
            try folder.publish(name, manifest)
            return manifest
        }
    }

    private func open(_ schedule: Schedule, _ heard: Heard = Heard()) throws -> Ledger {
        try Ledger(folder: Daemon.stateFolder(of: schedule), schedule: schedule) { heard.add($0) }
    }

    private func expectWhole(_ ledger: Ledger, _ schedule: Schedule) async throws {
        let known = await ledger.known(of: schedule, now: instant("2026-11-24T00:00:00Z"))["app"]
        #expect(known?.facts.account?.slot == instant("2026-11-23T02:00:00Z"))
        #expect(known?.state.lastRows == 10 && known?.state.lastBytes == 7)
        let report = try CatalogReading.status(schedule, now: instant("2026-11-23T12:00:00Z"))
        #expect(report.jobs[0].dumps == 3 && report.healthy)
        #expect(try CatalogReading.runs(schedule, job: "app", limit: 9).count == 3)
    }

    @Test func `deleted before the start, it is made again from the manifests`() async throws {
        try await withTemporaryFolder { folder in
            let schedule = try schedule(folder)
            _ = try publishDumps(schedule)
            try await expectWhole(try open(schedule), schedule)
        }
    }

    @Test(arguments: ["garbage", "header", "cut", "table", "empty"])
    func `damaged, it is set aside and made again, loudly`(damage: String) async throws {
        try await withTemporaryFolder { folder in
            let schedule = try schedule(folder)
            _ = try publishDumps(schedule)
            _ = try open(schedule)
            let path = Catalog.path(in: Daemon.stateFolder(of: schedule))
            let queue = try DatabaseQueue(path: path)
            _ = try await queue.writeWithoutTransaction { try $0.checkpoint(.truncate) }
            if damage == "table" { try await queue.write { try $0.execute(sql: "DROP TABLE job") } }
            try queue.close()
            var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            switch damage {
            case "garbage": bytes = Data((0..<8192).map { UInt8(truncatingIfNeeded: $0 &* 31) })
            case "header": bytes.replaceSubrange(0..<16, with: Data("not a database!\0".utf8))
            case "cut": bytes.removeLast(bytes.count / 2)
            case "empty": bytes = Data()
            default: break
            }
            if damage != "table" {
                for suffix in ["-wal", "-shm"] { try Disk.remove(path + suffix) }
                try bytes.write(to: URL(fileURLWithPath: path))
            }
            let heard = Heard()
            let ledger = try open(schedule, heard)
            try await expectWhole(ledger, schedule)
            #expect(heard.kinds == [.catalogRebuilt])
            let aside = try Disk.names(in: Daemon.stateFolder(of: schedule)).filter {
                $0.hasPrefix("catalog.sqlite.damaged-")
            }
            #expect(!aside.isEmpty)
        }
    }

    @Test func `deleted or damaged under a running daemon, it is made again and the run is noted`() async throws {
        try await withTemporaryFolder { folder in
            let schedule = try schedule(folder)
            _ = try publishDumps(schedule)
            let heard = Heard()
            let ledger = try open(schedule, heard)
            for file in ["catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"] {
                try Disk.remove("\(Daemon.stateFolder(of: schedule))/\(file)")
            }
            try await expectWhole(ledger, schedule)
            #expect(heard.kinds == [.catalogRebuilt])
        }
    }

    @Test func `older by a version, it is brought up to date with all that it knows`() async throws {
        try await withTemporaryFolder { folder in
            let schedule = try schedule(folder)
            let state = Daemon.stateFolder(of: schedule)
            try Disk.makeFolder(state)
            let old = try DatabaseQueue(path: Catalog.path(in: state))
            try Catalog.migrations().migrate(old, upTo: "1")
            try await old.write {
                try $0.execute(
                    sql:
                        "INSERT INTO job (name, firstSeen, slot, attempts, slotOutcome, slotEnded, failures, lastError) VALUES ('app', 1, 2, 3, 'failed', 4, 5, 'six'); INSERT INTO daemon VALUES (1, 1, 1, '\(schedule.storage.root)')"
                )
            }
            try old.close()
            let heard = Heard()
            let known = await (try open(schedule, heard)).known(of: schedule, now: Date())["app"]?.state
            #expect(known?.failures == 5 && known?.lastError == "six" && known?.account?.attempts == 3)
            #expect(heard.kinds.isEmpty)
        }
    }

    @Test func `written by a later version, it is set aside and made again`() async throws {
        try await withTemporaryFolder { folder in
            let schedule = try schedule(folder)
            _ = try publishDumps(schedule)
            _ = try open(schedule)
            let later = try DatabaseQueue(path: Catalog.path(in: Daemon.stateFolder(of: schedule)))
            try await later.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('99')") }
            try later.close()
            #expect(throws: Failure.self) { try CatalogReading.status(schedule, now: Date()) }
            let heard = Heard()
            try await expectWhole(try open(schedule, heard), schedule)
            #expect(heard.kinds == [.catalogRebuilt])
        }
    }

    @Test func `two schedules with different roots never share one`() async throws {
        try await withTemporaryFolder { folder in
            var schedule = try schedule(folder)
            _ = try open(schedule)
            schedule.storage.root = "\(folder)/other"
            let failure = #expect(throws: Failure.self) { try open(schedule) }
            #expect(failure?.kind == .configInvalid && failure?.hint?.contains("storage.state") == true)
        }
    }

    @Test func `read by a command while the daemon writes`() async throws {
        try await withTemporaryFolder { folder in
            let schedule = try schedule(folder)
            let ledger = try open(schedule)
            let writer = Task {
                for index in 0..<200 {
                    let request = RunRequest(
                        job: schedule.jobs[0], server: schedule.servers[0], storage: schedule.storage,
                        slot: Date(timeIntervalSince1970: Double(index)))
                    let id = await ledger.begin(request, now: Date())
                    await ledger.end(id, request, .failed, manifest: nil, error: "x", now: Date())
                }
            }
            var seen = 0
            while seen < 200 {
                let count = try CatalogReading.runs(schedule, job: nil, limit: 1000).count
                #expect(count >= seen)
                seen = max(seen, count)
            }
            await writer.value
        }
    }

    /// Not a bound on time, which is Benchmarks' affair: whatever `status` asks must be answered from an index.
    @Test func `no question of status walks over the runs`() async throws {
        try await withTemporaryFolder { folder in
            let schedule = try schedule(folder)
            _ = try open(schedule)
            let queue = try DatabaseQueue(path: Catalog.path(in: Daemon.stateFolder(of: schedule)))
            for sql in Catalog.questionsOfStatus {
                let plan = try await queue.read {
                    try Row.fetchAll($0, sql: "EXPLAIN QUERY PLAN \(sql)").map { $0["detail"] as String }
                }
                #expect(!plan.contains { $0 == "SCAN run" }, "\(sql): \(plan)")
            }
        }
    }
}
