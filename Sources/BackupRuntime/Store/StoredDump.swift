import BackupCore
import Foundation

/// What stands in a job's folder under the name of a dump.
package struct StoredDump: Sendable {
    package enum State: Sendable {
        case whole(Manifest)
        /// Left by the older shell script: nothing is known of it.
        case legacy
        /// A drill has shown that it does not restore to what it should be, or a run that its bytes are no longer what they were.
        case refuted(Manifest, String)
        /// Not to be trusted, and why.
        case damaged(String)
    }
    package var job: String
    package var name: String
    package var path: String
    package var time: Date
    /// Of the archive's files, as long as they are; and what they take beside those of other dumps.
    package var bytes: Int64
    package var space: DumpSpace
    package var state: State

    init(
        job: String, name: String, path: String, time: Date, _ found: (bytes: Int64, space: DumpSpace)?, state: State
    ) {
        self.job = job
        self.name = name
        self.path = path
        self.time = time
        (bytes, space) = found ?? (0, DumpSpace())
        self.state = state
    }

    init(job: String, name: String, path: String, time: Date, state: State) {
        self.init(job: job, name: name, path: path, time: time, ArchiveSpace.look(path), state: state)
    }

    /// Of a good dump; nil for any other.
    package var manifest: Manifest? {
        guard case .whole(let manifest) = state else { return nil }
        return manifest
    }

    /// Of a dump whose files are as long as its manifest says, be it good or refuted.
    package var anyManifest: Manifest? {
        switch state {
        case .whole(let manifest), .refuted(let manifest, _): manifest
        case .legacy, .damaged: nil
        }
    }

    /// From when its data are; where that is not known, when it began.
    package var dataTime: Date { anyManifest?.snapshot ?? time }

    /// Whether there is one beside it, be it good for anything or not.
    package var hasManifest: Bool { Disk.exists((path as NSString).deletingPathExtension + ".json") }

    /// Why it must not be trusted; nil when nothing is known against it, as of what an older tool has left.
    package var fault: String? {
        switch state {
        case .refuted(_, let fault), .damaged(let fault): fault
        case .whole, .legacy: nil
        }
    }
}

extension [StoredDump] {
    /// The last of these, oldest first, when it is not good, and why. What an older tool has left is nobody's newest dump.
    package var newestIfNotGood: (name: String, fault: String)? {
        let newest = last { if case .legacy = $0.state { false } else { true } }
        guard let newest, let fault = newest.fault else { return nil }
        return (newest.name, fault)
    }
}
