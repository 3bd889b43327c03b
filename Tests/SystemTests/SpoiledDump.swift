import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

/// One way to spoil a dump, and which rung of the ladder sees it first.
struct SpoiledDump: Sendable {
    var name: String
    /// What `list` says against it; nil when it sees nothing: it looks at names, sizes and the manifest alone.
    var listed: String?
    /// What `verify` says of it; nil when a full read sees nothing either, and only a drill does.
    var verified: String? = nil
    var drilled = "failed"
    var seeds: ClosedRange<UInt64> = 1...1
    var spoil: @Sendable (DumpStage, inout SplitMix64) async throws -> Void
}

extension SpoiledDump {
    private static let rows =
        "create table small (id int, v text); insert into small select g, 'row ' || g from generate_series(1, 100) g; create table t (id int, v text); insert into t select g, md5(g::text) from generate_series(1, 20000) g; create sequence counter; select nextval('counter')"

    static func hold(_ spoiled: [SpoiledDump], _ settings: String = "") async throws {
        try await withHost { host in
            let name = "damage\(UInt32.random(in: 0 ... .max))"
            try await host.server.create(name, Self.rows)
            try await host.server.create("other_\(name)", Self.rows)
            try host.write(
                "\"damaged\": {\"database\": \"\(name)\", \(settings) \"calendar\": \"Mon *-*-* 02:00:00\"}, \"other\": {\"database\": \"other_\(name)\", \(settings) \"calendar\": \"Mon *-*-* 02:00:00\"}"
            )
            try #require(try await host.call("backup", "other").status == 0)
            let older = try await DumpStage(host, "damaged")
            try await host.server.psql(name, "update t set v = reverse(v)")
            try FileManager.default.moveItem(atPath: older.folder, toPath: "\(host.folder)/older")
            try FileManager.default.removeItem(atPath: "\(host.folder)/pristine-damaged")
            // The newer one gets another name.
            try await Task.sleep(for: .milliseconds(1100))
            let stage = try await DumpStage(host, "damaged")
            for way in spoiled {
                for seed in way.seeds {
                    var random = SplitMix64(seed: seed)
                    try stage.reset()
                    try await way.spoil(stage, &random)
                    try await held(stage, way, "\(way.name), seed \(seed)")
                }
            }
            try stage.reset()
            #expect(try await stage.verify().status == 0)
            try await host.server.drop(name)
            try await host.server.drop("other_\(name)")
        }
    }

    private static func held(_ stage: DumpStage, _ way: SpoiledDump, _ name: String) async throws {
        let (proof, fault) = try await stage.listed()
        if let said = way.listed {
            #expect(fault?.contains(said) == true, "\(name): list says \(fault ?? "nothing")")
        } else {
            #expect(fault == nil && proof == "read", "\(name): list says \(fault ?? proof)")
        }
        let verify = try await stage.verify()
        if let said = way.listed ?? way.verified {
            #expect(verify.status == 65 && verify.error.contains(said), "\(name): \(verify)")
            #expect(verify.error.contains(stage.dump), "\(name): \(verify)")
        } else {
            #expect(verify.status == 0, "\(name): \(verify)")
        }
        let drill = try await stage.drill()
        #expect(drill.status == 65 && drill.error.contains(way.drilled), "\(name): \(drill)")
        // Nobody trusts it any more, and the job has been dumped again.
        let after = try await stage.listed()
        #expect(after.fault != nil, "\(name)")
        let newest = try await stage.host.call("show", "damaged")
        #expect(newest.status == 0 && !newest.output.contains(stage.dump), "\(name): \(newest)")
        let plan = try await stage.host.call("prune", "--dry-run", "damaged").lines.first { $0.contains(stage.dump) }
        #expect(plan?.contains("never counted") == true, "\(name): \(plan ?? "not in the plan")")
    }
}
