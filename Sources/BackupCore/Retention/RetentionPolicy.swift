import Foundation

extension Retention {
    /// True when no rule is set: everything is kept.
    package var keepsEverything: Bool {
        keepLast == nil && keepHourly == nil && keepDaily == nil && keepWeekly == nil && keepMonthly == nil
            && keepYearly == nil
            && keepWithinSeconds == nil && maximumBytes == nil
    }

    /// Which dumps to keep. Only proven dumps from before `now` count and may be removed: an unproven one proves nothing,
    /// and one from the future says that a clock was wrong, of which nobody knows when. The newest proven dump is kept
    /// whatever the rules say, and so is the newest that a drill has restored. Buckets are those of the calendar in `zone`; the newest dump of a bucket stands for it.
    ///
    /// `acceptedAt` is the time of the last dump that a person has accepted although it is suspiciously small.
    package func decide(_ dumps: [RetentionDump], zone: Zone, now: Date, acceptedAt: Date? = nil) -> RetentionPlan {
        let sorted = dumps.sorted { ($0.time, $0.name) > ($1.time, $1.name) }
        let countable = sorted.filter { $0.isProven && !$0.isFromTheFuture(now) }
        var reasons = keepReasons(countable, zone: zone, now: now)
        limitBytes(countable, &reasons)
        let decisions = sorted.map { dump in
            let kept =
                protection(of: dump, newest: countable.first, drilled: countable.first(where: \.isDrilled), now: now)
                + (reasons[dump.name] ?? [])
            guard kept.isEmpty else { return RetentionDecision(dump: dump, verdict: .keep, reasons: kept) }
            return RetentionDecision(dump: dump, verdict: .remove, reasons: [removalReason(dump, countable)])
        }
        return RetentionPlan(decisions: decisions, suspension: Suspicion.find(countable, acceptedAt: acceptedAt))
    }

    private func protection(
        of dump: RetentionDump, newest: RetentionDump?, drilled: RetentionDump?, now: Date
    ) -> [String] {
        if !dump.isProven { return ["not proven: never removed, never counted"] }
        if dump.isFromTheFuture(now) { return ["its time lies in the future: never removed, never counted"] }
        var reasons: [String] = []
        if dump.name == newest?.name { reasons.append("the newest good dump") }
        if dump.name == drilled?.name { reasons.append("the newest dump proven by a drill") }
        return reasons
    }

    private func keepReasons(_ dumps: [RetentionDump], zone: Zone, now: Date) -> [String: [String]] {
        var reasons: [String: [String]] = [:]
        if keepsEverything {
            for dump in dumps { reasons[dump.name] = ["no rule is set"] }
            return reasons
        }
        for (index, dump) in dumps.enumerated() {
            if let keepLast, index < keepLast {
                reasons[dump.name, default: []].append("keepLast \(index + 1)/\(keepLast)")
            }
            if let keepAtLeast, index < keepAtLeast {
                reasons[dump.name, default: []].append("keepAtLeast \(index + 1)/\(keepAtLeast)")
            }
            if let seconds = keepWithinSeconds, now.timeIntervalSince(dump.time) <= seconds {
                reasons[dump.name, default: []].append("keepWithin \(TimeSpan.text(seconds))")
            }
        }
        for (rule, count, bucket) in bucketRules {
            guard let count else { continue }
            var seen: Set<Int> = []
            for dump in dumps where seen.count < count {
                let local = Int(dump.time.timeIntervalSince1970.rounded(.down)) + zone.offset(at: dump.time)
                if seen.insert(bucket(local)).inserted {
                    reasons[dump.name, default: []].append("\(rule) \(seen.count)/\(count)")
                }
            }
        }
        // A limit on bytes alone keeps everything that fits.
        if keepLast == nil, keepWithinSeconds == nil, bucketRules.allSatisfy({ $0.count == nil }) {
            for dump in dumps { reasons[dump.name, default: []].append("within maximumBytes") }
        }
        return reasons
    }

    /// Each bucket rule with a function from local seconds to the number of the bucket.
    private var bucketRules: [(rule: String, count: Int?, bucket: (Int) -> Int)] {
        func day(_ local: Int) -> Int { flooredDivision(local, by: 86_400).quotient }
        func date(_ local: Int) -> CivilDate { CivilDate(daysSince1970: day(local)) }
        return [
            ("keepHourly", keepHourly, { flooredDivision($0, by: 3600).quotient }),
            ("keepDaily", keepDaily, day),
            // ISO weeks begin on Monday; 1970-01-01 was a Thursday.
            ("keepWeekly", keepWeekly, { flooredDivision(day($0) + 3, by: 7).quotient }),
            ("keepMonthly", keepMonthly, { date($0).year * 12 + date($0).month }),
            ("keepYearly", keepYearly, { date($0).year }),
        ]
    }

    /// Takes the reasons away from the oldest dumps until what is kept fits, but never from the newest nor from those that
    /// keepAtLeast names. What several of them share is counted with the newest that holds it.
    private func limitBytes(_ dumps: [RetentionDump], _ reasons: inout [String: [String]]) {
        guard let maximumBytes else { return }
        var total: Int64 = 0
        var isFull = false
        var meter = DumpSpace.Meter()
        for (index, dump) in dumps.enumerated() where reasons[dump.name] != nil || index == 0 {
            let sum = DumpSpace.sum(total, meter.add(dump.space))
            let fits = !isFull && sum <= maximumBytes
            if fits || index < max(1, keepAtLeast ?? 1) {
                total = sum
            } else {
                reasons[dump.name] = nil
                isFull = true
            }
        }
    }

    private func removalReason(_ dump: RetentionDump, _ dumps: [RetentionDump]) -> String {
        let newer = dumps.count { ($0.time, $0.name) > (dump.time, dump.name) }
        let limit = maximumBytes.map { " or beyond maximumBytes \(ByteSize.text($0))" } ?? ""
        return "no rule keeps it\(limit); \(newer) newer good \(newer == 1 ? "dump" : "dumps")"
    }
}
