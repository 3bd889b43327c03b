import BackupCore
import Foundation
import Synchronization

/// Compresses the members of a directory archive on all cores while pg_dump writes them without compression, and reads back what it
/// has written. The room that this takes besides is bounded: what has been compressed is taken out of pg_dump's files, and
/// pg_dump waits when it is too far ahead.
final class MemberCompression: Sendable {
    private let folder: String
    private let coding: MemberCoding
    private let dumpWorkers: Int
    private let pause: ChildPause
    private let watch: FolderWatch
    private let cores = ProcessInfo.processInfo.activeProcessorCount
    private let isDumped = Atomic(false)
    private let written = Atomic<Int64>(0)

    private let aheadBytes: Int64

    /// Makes the folder, which pg_dump takes when it is empty. `pause` is that of pg_dump's child; `aheadBytes` how far that may be
    /// ahead.
    init(
        _ folder: String, _ coding: MemberCoding, dumpWorkers: Int, pause: ChildPause, aheadBytes: Int64 = 256 << 20
    ) throws {
        guard mkdir(folder, 0o700) == 0 else { throw Disk.failure("cannot make the folder \(folder)") }
        self.folder = folder
        self.coding = coding
        self.dumpWorkers = dumpWorkers
        self.pause = pause
        self.aheadBytes = aheadBytes
        watch = try FolderWatch(folder)
    }

    /// Of the archive, so far.
    var writtenBytes: Int64 { written.load(ordering: .relaxed) }

    /// To be called when pg_dump has come to its end, and well.
    func dumpHasEnded() {
        isDumped.store(true, ordering: .releasing)
        watch.wake()
    }

    /// Returns what was read of each member when `dumpHasEnded` was called and all are compressed. Blocks; no thread and no
    /// descriptor is left when it returns or throws.
    func run(_ cancellation: Cancellation) throws -> [MemberReading] {
        let work = Work(folder: folder)
        begin(work)
        defer { pause.resume() }
        do {
            try follow(work, cancellation)
        } catch {
            work.fault.note(error)
        }
        work.members.close(drops: work.fault.isThere)
        work.followers.wait()
        work.pieces.close()
        work.compressors.wait()
        try work.fault.check()
        return work.readings.with { $0 }
    }

    /// What the threads of one run share.
    private final class Work: Sendable {
        let fault = FirstFault()
        let members = ThreadQueue<GrowingMember>()
        let pieces = ThreadQueue<Piece>()
        let followers = Crew()
        let compressors = Crew()
        let free = Shared<[Piece]>([])
        let readings = Shared<[MemberReading]>([])
        /// By name, all that were seen.
        let known = Shared<[String: GrowingMember]>([:])
        let unfinished = Shared<Set<String>>([])
        let folder: String

        init(folder: String) { self.folder = folder }

        /// Nil for what is not to be compressed.
        func member(_ name: String) -> GrowingMember? {
            guard let parts = MemberName(file: name), parts.form == .plain else { return nil }
            let (member, isNew) = known.with { known in
                if let member = known[name] { return (member, false) }
                let member = GrowingMember(name)
                known[name] = member
                return (member, true)
            }
            if isNew {
                unfinished.with { _ = $0.insert(name) }
                members.put(member)
            }
            return member
        }

        func finish(_ member: GrowingMember, _ reading: MemberReading) {
            readings.with { $0.append(reading) }
            unfinished.with { _ = $0.remove(member.name) }
        }

        /// By how much pg_dump is ahead of those that compress.
        var aheadBytes: Int64 {
            // Many at once are small ones.
            unfinished.with { Array($0.prefix(256)) }.reduce(0) { sum, name in
                let consumed = known.with { $0[name]?.consumedBytes ?? 0 }
                return sum + max(0, (Disk.bytes(of: "\(folder)/\(name)") ?? consumed) - consumed)
            }
        }
    }

    private func begin(_ work: Work) {
        let (folder, coding, depth) = (folder, coding, cores + 1)
        work.compressors.begin(cores, "compress") {
            do {
                let compressor = try PieceCompressor(coding)
                while let piece = work.pieces.take() { piece.compress(with: compressor) }
            } catch {
                work.fault.note(error)
                // Somebody waits for each of them.
                while let piece = work.pieces.take() { piece.fail(error) }
            }
        }
        // One more than grow at a time, so that those that are complete are worked off beside them.
        work.followers.begin(dumpWorkers + 1, "member") { [self] in
            do {
                let following = MemberFollowing(
                    folder: folder, coding: coding, crew: work.pieces, ownCompressor: try PieceCompressor(coding),
                    depth: depth, pieces: work.free, fault: work.fault,
                    wrote: { self.written.add(Int64($0), ordering: .relaxed) })
                while let member = work.members.take() { work.finish(member, try following.follow(member)) }
            } catch {
                work.fault.note(error)
            }
        }
    }

    /// Hands the members on until pg_dump has ended.
    private func follow(_ work: Work, _ cancellation: Cancellation) throws {
        while true {
            try cancellation.check()
            try work.fault.check()
            // Before the events: then those of the last member are among them.
            let isLast = isDumped.load(ordering: .acquiring)
            let events = try watch.events(waitMilliseconds: isLast ? 0 : 50)
            for event in events ?? [] {
                let member = work.member(event.name)
                if event.isClosed { member?.close() }
            }
            // Of what the system did not tell, the beginning is looked for; the end is when pg_dump's is.
            if events == nil { for name in try Disk.names(in: folder) { _ = work.member(name) } }
            if isLast { break }
            let ahead = work.aheadBytes
            if ahead > aheadBytes {
                pause.pause()
            } else if ahead < aheadBytes / 2 {
                pause.resume()
            }
        }
        for name in try Disk.names(in: folder) { work.member(name)?.close() }
        for member in work.known.with({ Array($0.values) }) { member.close() }
    }
}
