import BackupCore
import CLinux
import Foundation

/// A pg_dump of a run that was ended by `kill -9`. It goes on, or stays stopped for ever when it was waiting for those that compress,
/// with its snapshot and locks on the server. To a sweep, which holds the job's lock, it is beyond doubt when
///   it is a pg_dump whose `--file` is a partial archive,
///   the folder of that is the job's: the same device and inode, as the process itself sees the file system, and
///   no archon-backupd is the parent of its session: such a one was left without its lock, by somebody who removed the file.
/// It is signalled through a descriptor that was open before all this was asked, so that nobody else can be meant.
struct LeftDump {
    private let process: pid_t
    private let descriptor: Int32

    static func isPartialArchive(_ file: String) -> Bool { file.hasPrefix(".partial-") && file.hasSuffix(".dump") }

    /// Ends all that write into that folder, by SIGKILL, for one that is stopped heeds nothing else. Returns their numbers when they
    /// are gone. Only for who holds the job's lock.
    static func endAll(writingInto folder: String) throws -> [pid_t] {
        var status = stat()
        guard stat(folder, &status) == 0 else { throw Disk.failure("cannot look at \(folder)") }
        let left = try Disk.names(in: "/proc").compactMap { pid_t($0) }.compactMap { find($0, status) }
        defer { for dump in left { close(dump.descriptor) } }
        for dump in left { _ = archon_pidfd_signal(dump.descriptor, SIGKILL) }
        for dump in left {
            // Ended is ended; one that waits for its disk is let be after a while, and the sweep says what it cannot remove.
            var polled = pollfd(fd: dump.descriptor, events: Int16(POLLIN), revents: 0)
            _ = poll(&polled, 1, 10_000)
        }
        return left.map(\.process)
    }

    private static func find(_ process: pid_t, _ folder: stat) -> LeftDump? {
        let descriptor = archon_pidfd_open(process)
        guard descriptor >= 0 else { return nil }
        guard writes(process, folder), !isOurs(process) else {
            close(descriptor)
            return nil
        }
        return LeftDump(process: process, descriptor: descriptor)
    }

    private static func writes(_ process: pid_t, _ folder: stat) -> Bool {
        let arguments = text(process, "cmdline").split(separator: "\0")
        guard let program = arguments.first, (program as NSString).lastPathComponent == "pg_dump",
            let option = arguments.first(where: { $0.hasPrefix("--file=/") })
        else { return false }
        let archive = option.dropFirst("--file=".count) as NSString
        var status = stat()
        return isPartialArchive(archive.lastPathComponent)
            && stat("/proc/\(process)/root\(archive.deletingLastPathComponent)", &status) == 0
            && status.st_dev == folder.st_dev && status.st_ino == folder.st_ino
    }

    /// A pg_dump leads its session; its workers have it as their parent.
    private static func isOurs(_ process: pid_t) -> Bool {
        guard let session = numbers(process)?.session, let parent = numbers(session)?.parent else { return false }
        return text(parent, "comm") == "archon-backupd\n"
    }

    /// Nil when there is no such process.
    private static func numbers(_ process: pid_t) -> (parent: pid_t, session: pid_t)? {
        // `712 (pg_dump) T 1 712 712 …`: state, parent, group, session.
        let fields = text(process, "stat").split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 3, let parent = pid_t(fields[1]), let session = pid_t(fields[3]) else { return nil }
        return (parent, session)
    }

    private static func text(_ process: pid_t, _ file: String) -> String {
        FileManager.default.contents(atPath: "/proc/\(process)/\(file)").map { String(decoding: $0, as: UTF8.self) }
            ?? ""
    }
}
