import BackupCore
@testable import BackupRuntime
import Foundation
import TestSupport
import Testing

/// What a daemon with thousands of jobs asks instead of everything.
@Suite struct CatalogChangesTests {
    private func withCatalog(_ body: (Catalog, Schedule) async throws -> Void) async throws {
        try await withTemporaryFolder { folder in
            let schedule = try CatalogSample.schedule(folder)
            try await body(try Catalog.open(folder: "\(folder)/state"), schedule)
        }
    }

    private func request(_ schedule: Schedule, _ slot: Double) -> RunRequest {
        RunRequest(
            job: schedule.jobs[0], server: schedule.servers[0], storage: schedule.storage,
            slot: Date(timeIntervalSince1970: slot))
    }

    @Test func `a drift is kept with what was expected, and one that an older program has noted is read as it is`()
        async throws
    {
        try await withCatalog { catalog, _ in
            try catalog.see(["app"], now: Date())
            var expected = ExpectedContents()
            expected.extensions = ["vector"]
            var contents = DatabaseContents(tables: [], extensions: [], schemas: [], owner: "app")
            let missing = Audit(expected, contents, database: "app")
            let noted = try catalog.noteDrift("app", missing)
            #expect(noted.last == nil && noted.now?.text == "the extension vector is missing")
            #expect(try catalog.states()["app"]?.drift == noted.now && noted.now == missing.noted(after: nil))
            #expect(try catalog.noteDrift("app", missing).last == noted.now)
            try catalog.write { try $0.execute(sql: "UPDATE job SET drift = '2 tables'") }
            #expect(try catalog.states()["app"]?.drift?.text == "2 tables")
            contents.extensions = ["vector"]
            let over = try catalog.noteDrift("app", Audit(expected, contents, database: "app"))
            #expect(over.last?.text == "2 tables" && over.now == nil)
            #expect(try catalog.states()["app"]?.drift == nil)
        }
    }

    @Test func `only rows that somebody has changed since are read, and each change is`() async throws {
        try await withCatalog { catalog, schedule in
            try catalog.see(["app", "other", "third"], now: Date())
            let all = try catalog.changes(since: nil)
            #expect(Set(all.states.map(\.job)) == ["app", "other", "third"])
            #expect(try catalog.changes(since: all.revision).states.isEmpty)
            _ = try catalog.begin(request(schedule, 1000), now: Date())
            let first = try catalog.changes(since: all.revision)
            #expect(first.states.map(\.job) == ["app"] && first.revision > all.revision)
            #expect(first.states[0].state.account?.slot == Date(timeIntervalSince1970: 1000))
            // Another process.
            let command = try Catalog.open(folder: "\(schedule.storage.state ?? "")")
            try command.suspend("other", "why")
            try command.reanchor(["third"], now: Date(timeIntervalSince1970: 5))
            let second = try catalog.changes(since: first.revision)
            #expect(Set(second.states.map(\.job)) == ["other", "third"])
            #expect(second.states.first { $0.job == "other" }?.state.suspension == "why")
            #expect(try catalog.changes(since: second.revision).states.isEmpty)
        }
    }

    @Test func `the number of dumps and their bytes follow each dump that comes, changes and goes`() async throws {
        try await withCatalog { catalog, _ in
            func totals() throws -> [String] { try catalog.dumpTotals().values.map { "\($0.count) \($0.bytes)" } }
            var manifests = (0..<3).map { CatalogSample.manifest($0) }
            try catalog.reconcile("app", manifests, used: 21)
            #expect(try totals() == ["3 21"])
            // The same dump again, with other bytes.
            manifests[1].bytes = 100
            try catalog.reconcile("app", manifests, used: 114)
            #expect(try totals() == ["3 114"])
            try catalog.reconcile("app", Array(manifests[1...]), used: 107)
            #expect(try totals() == ["2 107"])
            // Of a job that is known, what they take together counts, not their sum.
            try catalog.see(["app"], now: Date())
            try catalog.reconcile("app", manifests, used: 50)
            #expect(try totals() == ["3 50"])
        }
    }

    @Test func `runs that begin while the disk is at work are noted together, each with its number`() async throws {
        try await withTemporaryFolder { folder in
            let schedule = try CatalogSample.schedule(folder)
            let ledger = try Ledger(folder: "\(folder)/state", schedule: schedule) { Issue.record("\($0)") }
            let numbers = await withTaskGroup(of: Int64?.self) { group in
                for slot in 0..<300 {
                    group.addTask {
                        var request = self.request(schedule, Double(slot))
                        request.job.name = "job \(slot)"
                        let id = await ledger.begin(request, now: Date())
                        await ledger.end(id, request, .failed, manifest: nil, error: "x", now: Date())
                        return id
                    }
                }
                return await group.reduce(into: Set<Int64?>()) { $0.insert($1) }
            }
            #expect(numbers.count == 300 && !numbers.contains(nil))
            let runs = try CatalogReading.runs(schedule, job: nil, limit: 1000)
            #expect(runs.count == 300 && runs.allSatisfy { $0.outcome == .failed })
            #expect(await ledger.unwritten.jobs.isEmpty)
        }
    }

    @Test func `a folder is as it was noted, or it is read`() async throws {
        try await withTemporaryFolder { folder in
            let schedule = try CatalogSample.schedule(folder)
            try CatalogSample.publish([nil, nil, nil], schedule)
            let job = JobFolder(job: schedule.jobs[0], root: schedule.storage.root)
            let noted = Dictionary(
                uniqueKeysWithValues: try job.list().compactMap(\.manifest).map { ($0.dump, NotedDump($0)) })
            #expect(noted.count == 3)
            #expect(try job.holds(noted))
            var fewer = noted
            fewer[CatalogSample.manifest(0).dump] = nil
            #expect(try !job.holds(fewer) && !job.holds([:]))
            let name = DumpName(job: "app", time: CatalogSample.nights[0])
            let archive = job.archivePath(name)
            try Disk.remove(archive)
            #expect(try !job.holds(noted))
            try Disk.write(Data("archivf and more".utf8), to: archive)
            #expect(try !job.holds(noted))
            try Disk.remove(archive)
            try Disk.write(Data("archive".utf8), to: archive)
            #expect(try job.holds(noted))
            // A drill's verdict that a crash has kept from being noted.
            var newest = CatalogSample.manifest(2)
            newest.proof = .drilled
            try Disk.remove(job.manifestPath(DumpName(job: "app", time: CatalogSample.nights[2])))
            try Disk.write(
                try ManifestCodec.encode(newest),
                to: job.manifestPath(DumpName(job: "app", time: CatalogSample.nights[2])))
            #expect(try !job.holds(noted))
        }
    }
}
