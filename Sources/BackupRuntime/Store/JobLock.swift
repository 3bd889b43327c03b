import BackupCore
import Foundation

/// The one writer of a job's folder, be it daemon or command: an flock on `<root>/<job>/.lock`, which the kernel gives
/// back when the process ends in whatever way.
package final class JobLock: Sendable {
    private let descriptor: Int32

    private init(_ descriptor: Int32) { self.descriptor = descriptor }

    /// Not by `close` alone: a child has a copy of the descriptor from its fork to its exec, and the lock with it.
    deinit {
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    /// Throws `.busy` at once when somebody else has it.
    package static func take(_ job: String, root: String) throws -> JobLock {
        let folder = job.isEmpty ? root : "\(root)/\(job)"
        try Disk.makeFolder(folder)
        let path = folder + "/.lock"
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw Disk.failure("cannot open \(path)") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            let holder = holder(descriptor)
            close(descriptor)
            guard code == EWOULDBLOCK else { throw Disk.failure("cannot lock \(path)", code) }
            throw Failure(
                .busy, "another process works on \(job)" + (holder.map { " (pid \($0))" } ?? ""),
                hint: "Try again later, or with --wait.")
        }
        // For people who look who it is; the lock is the flock, not this text.
        ftruncate(descriptor, 0)
        let pid = "\(getpid())\n"
        _ = pid.withCString { pwrite(descriptor, $0, strlen($0), 0) }
        return JobLock(descriptor)
    }

    /// Waits for it, looking every half second: flock has no time limit and cannot be interrupted from here.
    package static func wait(_ job: String, root: String) async throws -> JobLock {
        while true {
            do {
                return try take(job, root: root)
            } catch let failure as Failure where failure.kind == .busy {
                try await Task.sleep(for: .milliseconds(500))
            }
        }
    }

    private static func holder(_ descriptor: Int32) -> String? {
        var buffer = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return nil }
        let text = String(decoding: buffer[..<count], as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        return text.isEmpty ? nil : text
    }
}
