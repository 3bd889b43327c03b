import Foundation

/// The slots of one job that have fallen due and that nothing accounts for yet.
package struct DueSlots: Sendable, Equatable {
    /// More slots than this are not counted one by one: the count then stops here.
    package static let countLimit = 10_000

    package var first: Date
    package var latest: Date
    /// When the run of the latest was to begin.
    package var latestStart: Date
    package var count: Int
    /// Of them, those that were to begin before the instant since which the scheduler has been watching.
    package var missed: Int

    /// A slot, and when its run is to begin.
    struct Coming {
        let slot: Date
        let start: Date
    }

    /// The slots after `anchor` whose start (slot and jitter) is not after `now`; nil when there is none.
    package static func find(job: Job, after anchor: Date, now: Date, watchingSince: Date) -> DueSlots? {
        find(job.slots, after: anchor, now: now, watchingSince: watchingSince).due
    }

    /// The last slot whose start is not after `now`; nil when the last two years hold none.
    package static func latest(of job: Job, now: Date) -> Date? { latest(of: job.slots, now: now).slot }

    /// The same with the instant, later than `now`, before which the answer stays as it is, and the first slot that is not due.
    static func find(
        _ slots: SlotSource, after anchor: Date, now: Date, watchingSince: Date
    ) -> (due: DueSlots?, changes: Date, next: Coming?) {
        var due: DueSlots?
        var cursor = anchor
        while let slot = slots.next(after: cursor) {
            let start = slots.start(of: slot)
            guard start <= now else { return (due, start, Coming(slot: slot, start: start)) }
            if due == nil { due = DueSlots(first: slot, latest: slot, latestStart: start, count: 0, missed: 0) }
            due?.latest = slot
            due?.latestStart = start
            due?.count += 1
            if start < watchingSince { due?.missed += 1 }
            if let count = due?.count, count >= countLimit {
                let (last, changes) = latest(of: slots, now: now)
                due?.latest = last ?? slot
                due?.latestStart = last.map(slots.start) ?? start
                return (due, changes, nil)
            }
            cursor = slot
        }
        return (due, .distantFuture, nil)
    }

    /// The same with the instant, later than `now`, before which the answer stays as it is.
    static func latest(of slots: SlotSource, now: Date) -> (slot: Date?, changes: Date) {
        // Where there is jitter, a slot may begin before another that comes earlier: each of those that may not have begun is
        // looked at, the newest first.
        var reach: TimeInterval = 0
        while reach < slots.jitterSeconds {
            reach = min(max(60, 2 * reach), slots.jitterSeconds)
            let (slot, changes) = latestBegun(slots, after: now.addingTimeInterval(-reach), now: now)
            if let slot { return (slot, changes) }
        }
        let before = now.addingTimeInterval(-reach)
        return (last(slots, notAfter: before), latestBegun(slots, after: before, now: now).changes)
    }

    /// Of the slots after `before`, the last that has begun, and the first instant at which a later one may.
    private static func latestBegun(_ slots: SlotSource, after before: Date, now: Date) -> (slot: Date?, changes: Date)
    {
        var found: Date?
        var changes = Date.distantFuture
        var cursor = before
        while let slot = slots.next(after: cursor) {
            // None that is to come begins before it.
            guard slot <= now else { return (found, min(changes, slot)) }
            let start = slots.start(of: slot)
            if start <= now {
                (found, changes) = (slot, .distantFuture)
            } else {
                changes = min(changes, start)
            }
            cursor = slot
        }
        return (found, changes)
    }

    /// The last slot that is not after `end`, looked for from there backwards in doubling steps: years of a slot a second would
    /// take minutes to walk.
    private static func last(_ slots: SlotSource, notAfter end: Date) -> Date? {
        var window: TimeInterval = 1
        while window < 2 * 366 * 86_400 {
            var cursor = end.addingTimeInterval(-window)
            var found: Date?
            while let slot = slots.next(after: cursor), slot <= end {
                found = slot
                cursor = slot
            }
            if let found { return found }
            window *= 2
        }
        return nil
    }
}

/// The slots of a job's dumps, or of its drills.
struct SlotSource {
    let job: String
    let trigger: Trigger
    let zone: Zone
    let jitterSeconds: Double

    func next(after date: Date) -> Date? { trigger.next(after: date, in: zone) }

    /// When a slot's run is to begin: the slot, moved by this job's jitter for it.
    func start(of slot: Date) -> Date {
        slot.addingTimeInterval(Jitter.seconds(job: job, slot: slot, limit: jitterSeconds))
    }
}

extension Job {
    var slots: SlotSource { SlotSource(job: name, trigger: trigger, zone: zone, jitterSeconds: jitterSeconds) }
    var drillSlots: SlotSource { SlotSource(job: name, trigger: drill.trigger, zone: drill.zone, jitterSeconds: 0) }

    /// When a slot's run is to begin: the slot, moved by this job's jitter for it.
    package func start(of slot: Date) -> Date { slots.start(of: slot) }
}

/// A delay that is the same for the same job and slot on every machine and after every restart.
package enum Jitter {
    /// Between 0 and `limit` seconds, `limit` not included; 0 when `limit` is 0.
    package static func seconds(job: String, slot: Date, limit: Double) -> Double {
        guard limit > 0 else { return 0 }
        // FNV-1a over name, a zero and the slot's digits, then one round of mixing: its high bits alone are too regular for near
        // slots.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func take(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        for byte in job.utf8 { take(byte) }
        take(0)
        takeDigits(of: Int64(slot.timeIntervalSince1970), take)
        hash = (hash ^ (hash >> 30)) &* 0xbf58_476d_1ce4_e5b9
        hash = (hash ^ (hash >> 27)) &* 0x94d0_49bb_1331_11eb
        hash ^= hash >> 31
        return Double(hash >> 11) / Double(UInt64(1) << 53) * limit
    }

    /// The bytes that the number is written with, without writing it.
    private static func takeDigits(of number: Int64, _ take: (UInt8) -> Void) {
        if number < 0 { take(UInt8(ascii: "-")) }
        let magnitude = number.magnitude
        var divisor: UInt64 = 1
        while magnitude / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            take(UInt8(ascii: "0") + UInt8(magnitude / divisor % 10))
            divisor /= 10
        }
    }
}
