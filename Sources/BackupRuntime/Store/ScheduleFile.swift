import BackupCore
import Foundation
import Synchronization

/// The schedule as a file: read with care, for it may be anything that a person or a tool put in its place.
package enum ScheduleFile {
    package static let usualPath = "/etc/archon-backupd/schedule.json"

    /// Which file it was, and in which state.
    private struct Identity: Equatable {
        private let numbers: [Int]

        init(_ status: stat) {
            numbers = [
                Int(status.st_dev), Int(status.st_ino), Int(status.st_size), status.st_mtim.tv_sec,
                status.st_mtim.tv_nsec,
                status.st_ctim.tv_sec, status.st_ctim.tv_nsec,
            ]
        }
    }

    /// What `look` has read: the load that follows it need not read thousands of jobs again.
    private static let looked = Mutex<(identity: Identity, schedule: Schedule)?>(nil)

    /// Throws a `Failure(.configInvalid)` that lists every fault of the file, or says why it cannot be read.
    package static func load(_ path: String) throws -> Schedule {
        if let schedule = looked(at: path) {
            looked.withLock { $0 = nil }
            return schedule
        }
        return try decode(path).schedule
    }

    /// The same, kept for the next load if the file stays as it is.
    package static func look(_ path: String) throws -> Schedule {
        let found = try decode(path)
        looked.withLock { $0 = found }
        return found.schedule
    }

    private static func looked(at path: String) -> Schedule? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        let identity = Identity(status)
        return looked.withLock { $0?.identity == identity ? $0?.schedule : nil }
    }

    private static func decode(_ path: String) throws -> (identity: Identity, schedule: Schedule) {
        var zones: [String: Zone?] = [:]
        let (bytes, identity) = try bytes(of: path)
        return (identity, try ScheduleDecoder.decode(bytes, file: path) { lookup($0, &zones) })
    }

    /// Writes a new one, readable for all. Throws `.cannotWrite` when something of that name is there. Whenever the power fails,
    /// it is there whole or not at all, or empty where a file system has no links; what may be left is a hidden file beside it.
    package static func writeNew(_ text: String, to path: String) throws {
        let folder = (path as NSString).deletingLastPathComponent
        let partial = (folder.isEmpty ? "." : folder) + "/.\((path as NSString).lastPathComponent).\(getpid())"
        guard !Disk.exists(path) else {
            throw Failure(.cannotWrite, "\(path) is there already", hint: "Name a file that is not there yet.")
        }
        try Disk.write(Data(text.utf8), to: partial)
        do {
            try give(partial, its: path)
            guard chmod(path, 0o644) == 0 else { throw Disk.failure("cannot change the mode of \(path)") }
        } catch {
            try? Disk.remove(partial)  // the first fault is the one to tell
            throw error
        }
        try Disk.remove(partial)
        try Disk.sync(folder.isEmpty ? "." : folder, isFolder: true)
    }

    /// Its name, unless that is taken.
    private static func give(_ partial: String, its path: String) throws {
        do {
            try Disk.link(partial, to: path)
        } catch {
            guard !Disk.exists(path) else { throw error }
            // No links here: the name is claimed by an empty file, over which nobody else writes.
            try Disk.write(Data(), to: path)
            try Disk.rename(partial, path)
        }
    }

    /// With the jobs of the databases that discovery has found.
    package static func loadWithFound(_ path: String) throws -> Schedule {
        let schedule = try load(path)
        return schedule.discovers ? schedule.including(CatalogReading.found(schedule)) : schedule
    }

    /// The faults one by one, for those who print them; an unreadable file throws.
    package static func faults(_ path: String) throws -> [ScheduleFault] {
        // What could be looked at has none.
        guard looked(at: path) == nil else { return [] }
        var zones: [String: Zone?] = [:]
        return ScheduleDecoder.faults(in: try bytes(of: path).bytes, file: path) { lookup($0, &zones) }
    }

    /// Each zone is read once, and its table shared by all of its jobs.
    private static func lookup(_ name: String, _ known: inout [String: Zone?]) -> Zone? {
        if let zone = known[name] { return zone }
        let zone = ZoneFiles.lookup(name)
        known[name] = .some(zone)
        return zone
    }

    private static func bytes(of path: String) throws -> (bytes: [UInt8], identity: Identity) {
        // Without O_NONBLOCK a fifo in the file's place would hang the daemon at its next reload.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw unreadable(path, errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw unreadable(path, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            let what = status.st_mode & S_IFMT == S_IFDIR ? "a folder" : "no regular file"
            throw Failure(
                .configInvalid, "\(path) is \(what)", hint: "The schedule must be a file; --config names another one.")
        }
        guard status.st_size <= ScheduleDecoder.sizeLimit else {
            throw Failure(
                .configInvalid, "\(path) has \(ByteSize.text(Int64(status.st_size)))",
                hint: "A schedule may have \(ByteSize.text(Int64(ScheduleDecoder.sizeLimit))); is this the right file?")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(status.st_size) + 1)
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while bytes.count <= ScheduleDecoder.sizeLimit {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw unreadable(path, errno) }
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        return (bytes, Identity(status))
    }

    private static func unreadable(_ path: String, _ code: Int32) -> Failure {
        Failure(
            .configInvalid, "\(path) cannot be read: \(String(cString: strerror(code)))",
            hint: code == ENOENT
                ? "Copy the shipped config/schedule.json there, or name the file with --config or ARCHON_BACKUPD_CONFIG."
                : "Look at its owner and mode.")
    }
}
