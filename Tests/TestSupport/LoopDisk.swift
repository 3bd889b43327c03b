import BackupCore
import Foundation

/// File systems in a file, for what only some of them can. Needs root, loop devices and the programs of that file system.
package enum LoopDisk {
    /// Whether `kind`, such as `btrfs`, can be made and mounted here.
    package static func isPossible(_ kind: String) -> Bool {
        let known = (try? String(contentsOfFile: "/proc/filesystems", encoding: .utf8)) ?? ""  // none is known then
        let paths = ["/usr/sbin/mkfs.\(kind)", "/sbin/mkfs.\(kind)"]
        return getuid() == 0 && access("/dev/loop-control", W_OK) == 0
            && known.split(whereSeparator: \.isWhitespace).contains(Substring(kind))
            && paths.contains { access($0, X_OK) == 0 }
    }

    /// A new one, mounted at the folder that is handed over; gone when the body ends.
    package static func with(
        _ kind: String, options: String = "", mebibytes: Int, _ body: (String) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder in
            let made = try await run(
                "/bin/sh",
                [
                    "-ec",
                    "cd '\(folder)'; truncate -s \(mebibytes)M image; mkfs.\(kind) \(options) -q image; mkdir disk; mount -o loop image disk",
                ], environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"])
            guard made.status == 0 else { throw Failure(.failed, "no \(kind): \(made.error)") }
            do {
                try await body("\(folder)/disk")
            } catch {
                _ = try await run("umount", ["-l", "\(folder)/disk"])
                throw error
            }
            _ = try await run("umount", ["-l", "\(folder)/disk"])
        }
    }
}
