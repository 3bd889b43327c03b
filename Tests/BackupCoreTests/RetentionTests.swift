import BackupCore
import Foundation
import TestSupport
import Testing

@Suite struct RetentionTests {
    private let now = instant("2026-11-24T12:00:00Z")

    private func dump(_ hoursAgo: Double, bytes: Int64 = 1000, rows: Int = 100, isProven: Bool = true) -> RetentionDump
    {
        let time = now.addingTimeInterval(-hoursAgo * 3600)
        return RetentionDump(name: "d\(Int(hoursAgo * 3600))", time: time, bytes: bytes, rows: rows, isProven: isProven)
    }

    private func kept(_ plan: RetentionPlan) -> [String] {
        plan.decisions.filter { $0.verdict == .keep }.map(\.dump.name)
    }

    @Test func `keepLast keeps the newest and says why`() {
        var policy = Retention()
        policy.keepLast = 2
        let plan = policy.decide([dump(1), dump(2), dump(3)], zone: .utc, now: now)
        #expect(kept(plan) == ["d3600", "d7200"])
        #expect(plan.decisions[0].reasons == ["the newest good dump", "keepLast 1/2"])
        #expect(plan.removals.map(\.name) == ["d10800"])
        #expect(plan.decisions[2].reasons[0].contains("2 newer good dumps"))
    }

    @Test func `daily buckets are days of the job's zone`() throws {
        var policy = Retention()
        policy.keepDaily = 2
        // 21:30 and 22:30 UTC are two days in Sofia and one in UTC.
        let dumps = ["2026-11-22T21:30:00Z", "2026-11-22T22:30:00Z", "2026-11-23T10:00:00Z"].map {
            RetentionDump(name: $0, time: instant($0), bytes: 1, rows: 1, isProven: true)
        }
        #expect(kept(policy.decide(dumps, zone: .utc, now: now)).count == 2)
        #expect(policy.decide(dumps, zone: .utc, now: now).removals.map(\.name) == ["2026-11-22T21:30:00Z"])
    }

    @Test func `what is not proven, or from the future, is kept and not counted`() {
        var policy = Retention()
        policy.keepLast = 1
        let plan = policy.decide([dump(-5), dump(1, isProven: false), dump(2), dump(3)], zone: .utc, now: now)
        #expect(plan.removals.map(\.name) == ["d10800"])
        #expect(kept(plan).count == 3)
    }

    @Test func `maximumBytes removes the oldest and never the newest nor what keepAtLeast names`() {
        var policy = Retention()
        policy.maximumBytes = 1500
        #expect(policy.decide([dump(1, bytes: 9000), dump(2), dump(3)], zone: .utc, now: now).removals.count == 2)
        policy.keepAtLeast = 2
        #expect(
            policy.decide([dump(1, bytes: 9000), dump(2), dump(3)], zone: .utc, now: now).removals.map(\.name) == [
                "d10800"
            ])
        #expect(Retention().decide([dump(1), dump(2)], zone: .utc, now: now).removals.isEmpty)
    }

    @Test func `a dump under half of the median suspends pruning until it is accepted or a normal one comes`() {
        var policy = Retention()
        policy.keepLast = 2
        let history = (2...7).map { dump(Double($0)) }
        let small = policy.decide([dump(1, bytes: 499)] + history, zone: .utc, now: now)
        #expect(small.suspension?.contains("suspiciously small") == true && small.removals.isEmpty)
        #expect(policy.decide([dump(1, rows: 49)] + history, zone: .utc, now: now).suspension != nil)
        #expect(policy.decide([dump(1, bytes: 500, rows: 50)] + history, zone: .utc, now: now).suspension == nil)
        #expect(
            policy.decide(
                [dump(1, bytes: 499)] + history, zone: .utc, now: now, acceptedAt: now.addingTimeInterval(-3600)
            ).suspension == nil)
        #expect(policy.decide([dump(0.5), dump(1, bytes: 499)] + history, zone: .utc, now: now).removals.count == 6)
        // What was accepted is the measure of what follows.
        #expect(
            policy.decide(
                [dump(0.5, bytes: 450), dump(1, bytes: 499)] + history, zone: .utc, now: now,
                acceptedAt: now.addingTimeInterval(-3600)
            ).suspension == nil)
    }

    @Test func `small dumps one after another never become the measure by themselves`() {
        var policy = Retention()
        policy.keepLast = 2
        var history = (20...25).map { dump(Double($0)) }
        for hour in stride(from: 19.0, through: 1, by: -1) {
            history.insert(dump(hour, bytes: 400), at: 0)
            let plan = policy.decide(history, zone: .utc, now: now)
            #expect(plan.removals.isEmpty, "after \(20 - hour) small dumps")
        }
        // A person says that they are right: the newest is the measure, and pruning goes on for good, also when it is gone.
        let accepted = now.addingTimeInterval(-3600)
        #expect(policy.decide(history, zone: .utc, now: now, acceptedAt: accepted).removals.count == history.count - 2)
        let later = [dump(-1, bytes: 390), dump(0, bytes: 410)] + history.filter { $0.time < accepted }
        let plan = policy.decide(later, zone: .utc, now: now.addingTimeInterval(7200), acceptedAt: accepted)
        #expect(plan.suspension == nil && plan.removals.count == later.count - 2)
    }

    @Test
    func `over a hundred thousand random histories the newest good dump survives and a second prune removes nothing`()
        async
    {
        var random = SplitMix64(seed: 42)
        for round in 0..<100_000 {
            let policy = Self.policy(using: &random)
            let dumps = (0..<Int.random(in: 0...12, using: &random)).map { index in
                RetentionDump(
                    name: "\(index)",
                    time: now.addingTimeInterval(
                        Double(Int.random(in: -4_000...60, using: &random)) * 3600
                            / Double(Int.random(in: 1...40, using: &random))),
                    bytes: Int64.random(in: 0...2000, using: &random), rows: Int.random(in: 0...200, using: &random),
                    isProven: Int.random(in: 0..<6, using: &random) > 0)
            }
            if round.isMultiple(of: 100) { await Task.yield() }
            let plan = policy.decide(dumps, zone: .utc, now: now)
            let newest = dumps.filter { $0.isProven && $0.time <= now.addingTimeInterval(60) }.max {
                ($0.time, $0.name) < ($1.time, $1.name)
            }
            let removed = Set(plan.decisions.filter { $0.verdict == .remove }.map(\.dump.name))
            if let newest, removed.contains(newest.name) {
                Issue.record("round \(round): \(policy) removes the newest of \(dumps)")
            }
            if !dumps.allSatisfy({ $0.isProven || !removed.contains($0.name) }) {
                Issue.record("round \(round): an unproven dump is removed")
            }
            let left = dumps.filter { !removed.contains($0.name) }
            let second = policy.decide(left, zone: .utc, now: now)
            if second.decisions.contains(where: { $0.verdict == .remove }) {
                Issue.record("round \(round): a second prune removes more with \(policy) of \(dumps)")
            }
            if plan.decisions.contains(where: \.reasons.isEmpty) {
                Issue.record("round \(round): a verdict has no reason")
            }
        }
    }

    static func policy(using random: inout SplitMix64) -> Retention {
        func maybe(_ range: ClosedRange<Int>, using random: inout SplitMix64) -> Int? {
            Int.random(in: 0..<3, using: &random) == 0 ? Int.random(in: range, using: &random) : nil
        }
        var policy = Retention()
        policy.keepLast = maybe(1...8, using: &random)
        policy.keepHourly = maybe(1...5, using: &random)
        policy.keepDaily = maybe(1...5, using: &random)
        policy.keepWeekly = maybe(1...4, using: &random)
        policy.keepMonthly = maybe(1...4, using: &random)
        policy.keepYearly = maybe(1...2, using: &random)
        policy.keepAtLeast = maybe(1...4, using: &random)
        policy.keepWithinSeconds = maybe(1...500, using: &random).map { Double($0) * 3600 }
        policy.maximumBytes = maybe(1...8000, using: &random).map(Int64.init)
        return policy
    }

    /// The shipped policy over a month of the shipped slots, with a run and a prune at each.
    @Test(arguments: [
        ("*-*-* 00/6:00:00", 30), ("*-*-* 02:00:00", 14), ("*-*-* 03:00:00", 14), ("Sun *-*-* 04:00:00", 4),
        ("*-*-* 08,12,16,20:00:00", 60),
    ])
    func `a month of the shipped schedule keeps the shipped counts`(calendar: String, count: Int) throws {
        var policy = Retention()
        policy.keepLast = count
        let trigger = Trigger.calendar(try CalendarExpression(calendar))
        var dumps: [RetentionDump] = []
        var most = 0
        for slot in slots(trigger, after: instant("2026-10-01T00:00:00Z"), in: .utc, count: 200)
        where slot < instant("2026-11-01T00:00:00Z") {
            dumps.append(
                RetentionDump(
                    name: "\(DumpName(job: "j", time: slot))", time: slot, bytes: 1000, rows: 10, isProven: true))
            let removed = Set(policy.decide(dumps, zone: .utc, now: slot.addingTimeInterval(60)).removals.map(\.name))
            dumps.removeAll { removed.contains($0.name) }
            most = max(most, dumps.count)
        }
        #expect(dumps.count == count)
        #expect(most == count)
    }
}
