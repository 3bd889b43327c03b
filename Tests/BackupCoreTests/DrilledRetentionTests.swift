import BackupCore
import Foundation
import TestSupport
import Testing

/// What drills say weighs more than any policy.
@Suite struct DrilledRetentionTests {
    private let now = instant("2026-11-24T12:00:00Z")

    @Test func `the newest drilled dump is kept beyond the policy, the older drilled ones are not`() {
        var policy = Retention()
        policy.keepLast = 1
        let dumps = (1...5).map { hours in
            RetentionDump(
                name: "d\(hours)", time: now.addingTimeInterval(-Double(hours) * 3600), bytes: 1000, rows: 1,
                isProven: true, isDrilled: hours == 3 || hours == 5)
        }
        let plan = policy.decide(dumps, zone: .utc, now: now)
        #expect(plan.removals.map(\.name) == ["d5", "d4", "d2"])
        #expect(plan.decisions[2].reasons == ["the newest dump proven by a drill"])
        // A refuted dump is no longer proven: it neither counts nor goes.
        var refuted = dumps
        refuted[0].isProven = false
        refuted[0].isDrilled = false
        let after = policy.decide(refuted, zone: .utc, now: now)
        #expect(after.removals.map(\.name) == ["d5", "d4"])
        #expect(after.decisions[1].reasons.contains("the newest good dump"))
    }

    @Test func `over random histories the newest drilled dump stays, and a refuted one neither counts nor goes`() async
    {
        var random = SplitMix64(seed: 7)
        for round in 0..<20_000 {
            let policy = RetentionTests.policy(using: &random)
            let dumps = (0..<Int.random(in: 0...12, using: &random)).map { index in
                let isProven = Int.random(in: 0..<5, using: &random) > 0
                return RetentionDump(
                    name: "\(index)",
                    time: now.addingTimeInterval(Double(Int.random(in: -4_000_000...200_000, using: &random))),
                    bytes: Int64.random(in: 500...1000, using: &random), rows: 100, isProven: isProven,
                    isDrilled: isProven && Int.random(in: 0..<3, using: &random) == 0)
            }
            if round.isMultiple(of: 100) { await Task.yield() }
            let plan = policy.decide(dumps, zone: .utc, now: now)
            let removed = Set(plan.decisions.filter { $0.verdict == .remove }.map(\.dump.name))
            let drilled = dumps.filter { $0.isDrilled && !$0.isFromTheFuture(now) }.max {
                ($0.time, $0.name) < ($1.time, $1.name)
            }
            if let drilled, removed.contains(drilled.name) {
                Issue.record("round \(round): \(policy) removes the newest drilled of \(dumps)")
            }
            if dumps.contains(where: { !$0.isProven && removed.contains($0.name) }) {
                Issue.record("round \(round): a refuted dump is removed")
            }
            // What a drill has refuted is as if it were not there.
            let without = policy.decide(dumps.filter(\.isProven), zone: .utc, now: now)
            if without.removals != plan.removals {
                Issue.record("round \(round): a refuted dump counts with \(policy) of \(dumps)")
            }
            let left = dumps.filter { !removed.contains($0.name) }
            if policy.decide(left, zone: .utc, now: now).decisions.contains(where: { $0.verdict == .remove }) {
                Issue.record("round \(round): a second prune removes more with \(policy) of \(dumps)")
            }
        }
    }
}
