import BackupCore
import Foundation

/// The schedule as a file: read with care, for it may be anything that a person or a tool put in its place.
package enum ScheduleFile {
    package static let usualPath = "/etc/archon-backupd/schedule.json"

    /// Throws a `Failure(.configInvalid)` that lists every fault of the file, or says why it cannot be read.
    package static func load(_ path: String) throws -> Schedule {
        var zones: [String: Zone?] = [:]
        return try ScheduleDecoder.decode(bytes(of: path), file: path) { lookup($0, &zones) }
    }

    /// With the jobs of the databases that discovery has found.
    package static func loadWithFound(_ path: String) throws -> Schedule {
        let schedule = try load(path)
        return schedule.discovers ? schedule.including(CatalogReading.found(schedule)) : schedule
    }

    /// The faults one by one, for those who print them; an unreadable file throws.
    package static func faults(_ path: String) throws -> [ScheduleFault] {
        var zones: [String: Zone?] = [:]
        return ScheduleDecoder.faults(in: try bytes(of: path), file: path) { lookup($0, &zones) }
    }

    /// Each zone is read once, and its table shared by all of its jobs.
    private static func lookup(_ name: String, _ known: inout [String: Zone?]) -> Zone? {
        if let zone = known[name] { return zone }
        let zone = ZoneFiles.lookup(name)
        known[name] = .some(zone)
        return zone
    }

    private static func bytes(of path: String) throws -> [UInt8] {
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
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while bytes.count <= ScheduleDecoder.sizeLimit {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw unreadable(path, errno) }
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        return bytes
    }

    private static func unreadable(_ path: String, _ code: Int32) -> Failure {
        Failure(
            .configInvalid, "\(path) cannot be read: \(String(cString: strerror(code)))",
            hint: code == ENOENT
                ? "Copy the shipped config/schedule.json there, or name the file with --config or ARCHON_BACKUPD_CONFIG."
                : "Look at its owner and mode.")
    }
}
