import BackupCore
import Foundation

/// File systems in a file, for what only some of them can. Needs root, loop devices and the programs of that file system; exFAT may be
/// the kernel's or exfat-fuse's.
package enum LoopDisk {
    /// Whether `kind`, such as `btrfs`, can be made and mounted here.
    package static func isPossible(_ kind: String) -> Bool {
        let paths = ["/usr/sbin/mkfs.\(kind)", "/sbin/mkfs.\(kind)"]
        return getuid() == 0 && access("/dev/loop-control", W_OK) == 0
            && (isKnown(kind)
                || access(helper(kind), X_OK) == 0 && isKnown("fuseblk") && access("/dev/fuse", W_OK) == 0)
            && paths.contains { access($0, X_OK) == 0 }
    }

    /// To the kernel itself.
    private static func isKnown(_ kind: String) -> Bool {
        let known = (try? String(contentsOfFile: "/proc/filesystems", encoding: .utf8)) ?? ""  // none is known then
        return known.split(whereSeparator: \.isWhitespace).contains(Substring(kind))
    }

    /// What mounts it where the kernel does not know it.
    private static func helper(_ kind: String) -> String { "/usr/sbin/mount.\(kind)-fuse" }

    /// A new one, mounted at the folder that is handed over; gone when the body ends.
    package static func with(
        _ kind: String, options: String = "", mebibytes: Int, _ body: (String) async throws -> Void
    ) async throws {
        // The loop device goes with the mount. What stays to serve it must not keep our pipes open.
        let mount =
            isKnown(kind)
            ? "mount -o loop image disk"
            : "l=$(losetup -f --show image); \(helper(kind)) $l disk < /dev/null > said 2>&1 || { cat said >&2; exit 1; }; losetup -d $l"
        try await withTemporaryFolder { folder in
            let made = try await run(
                "/bin/sh",
                [
                    "-ec",
                    "cd '\(folder)'; truncate -s \(mebibytes)M image; mkfs.\(kind) \(options) image > /dev/null; mkdir disk; \(mount)",
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
