import Foundation

/// The slots of one job that have fallen due and that nothing accounts for yet.
package struct DueSlots: Sendable, Equatable {
    /// More slots than this are not counted one by one: the count then stops here.
    package static let countLimit = 10_000

    package var first: Date
    package var latest: Date
    package var count: Int
    /// Of them, those before the instant since which the scheduler has been watching.
    package var missed: Int

    /// The slots after `anchor` whose start (slot and jitter) is not after `now`; nil when there is none.
    package static func find(job: Job, after anchor: Date, now: Date, watchingSince: Date) -> DueSlots? {
        var due: DueSlots?
        var cursor = anchor
        while let slot = job.trigger.next(after: cursor, in: job.zone), slot <= now {
            if job.start(of: slot) > now { break }
            if due == nil { due = DueSlots(first: slot, latest: slot, count: 0, missed: 0) }
            due?.latest = slot
            due?.count += 1
            if slot < watchingSince { due?.missed += 1 }
            if let count = due?.count, count >= countLimit {
                due?.latest = latest(of: job, now: now) ?? slot
                break
            }
            cursor = slot
        }
        return due
    }

    /// The last slot whose start is not after `now`, looked for from `now` backwards in doubling steps (years of a slot
    /// a second would take minutes to walk); nil when the last two years hold none.
    package static func latest(of job: Job, now: Date) -> Date? {
        var window: TimeInterval = 1
        while window < 2 * 366 * 86400 {
            var cursor = now.addingTimeInterval(-window)
            var found: Date?
            while let slot = job.trigger.next(after: cursor, in: job.zone), job.start(of: slot) <= now {
                found = slot
                cursor = slot
            }
            if let found { return found }
            window *= 2
        }
        return nil
    }
}

extension Job {
    /// When a slot's run is to begin: the slot, moved by this job's jitter for it.
    package func start(of slot: Date) -> Date {
        slot.addingTimeInterval(Jitter.seconds(job: name, slot: slot, limit: jitterSeconds))
    }
}

/// A delay that is the same for the same job and slot on every machine and after every restart.
package enum Jitter {
    /// Between 0 and `limit` seconds, `limit` not included; 0 when `limit` is 0.
    package static func seconds(job: String, slot: Date, limit: Double) -> Double {
        guard limit > 0 else { return 0 }
        // FNV-1a over name and slot, then one round of mixing: its high bits alone are too regular for near slots.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in "\(job)\u{0}\(Int64(slot.timeIntervalSince1970))".utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
        }
        hash = (hash ^ (hash >> 30)) &* 0xbf58_476d_1ce4_e5b9
        hash = (hash ^ (hash >> 27)) &* 0x94d0_49bb_1331_11eb
        hash ^= hash >> 31
        return Double(hash >> 11) / Double(UInt64(1) << 53) * limit
    }
}
