import BackupCore
import Foundation

/// Where cron and systemd would call the old script from.
package struct OldJobSearch: Sendable {
    private let root: String
    private static let sizeLimit = 4 << 20

    /// `root` is `/`, or a folder that looks like one.
    package init(root: String = "/") { self.root = root == "/" ? "" : root }

    private static let crontabs = ["/etc/crontab", "/etc/anacrontab"]
    private static let crontabFolders = [
        "/etc/cron.d", "/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly",
        "/var/spool/cron/crontabs", "/var/spool/cron",
    ]
    private static let unitFolders = [
        "/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
        "/lib/systemd/system",
    ]

    /// A failure for each line that calls it. When there is none it is a pass only if everything could be read.
    package func results() -> [CheckResult] {
        var seen = Seen()
        for path in Self.crontabs { search(path, .crontab, &seen) }
        for folder in Self.crontabFolders {
            for file in files(in: folder, &seen) { search(file, .crontab, &seen) }
        }
        for folder in Self.unitFolders {
            for file in files(in: folder, &seen) where file.hasSuffix(".service") { search(file, .unit, &seen) }
        }
        if !seen.unread.isEmpty {
            seen.results.append(
                .skipped(
                    .oldJob, seen.unread.joined(separator: ", "), "this user may not read there: run it as root"))
        }
        guard seen.results.isEmpty else { return seen.results }
        return [.pass(.oldJob, OldJob.script, "no line calls it in \(Plural.of(seen.count, "file", "files"))")]
    }

    private struct Seen {
        var results: [CheckResult] = []
        var unread: [String] = []
        var count = 0
        /// Device and inode: /lib is /usr/lib on Debian.
        var folders: Set<[UInt64]> = []
    }

    /// Absolute, below `root`'s view; nothing for a folder that is not there or was looked through.
    private func files(in folder: String, _ seen: inout Seen) -> [String] {
        var status = stat()
        guard stat(root + folder, &status) == 0 else {
            if errno != ENOENT, errno != ENOTDIR { seen.unread.append(folder) }
            return []
        }
        guard status.st_mode & S_IFMT == S_IFDIR,
            seen.folders.insert([UInt64(status.st_dev), UInt64(status.st_ino)]).inserted
        else { return [] }
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: root + folder) else {  // told as unread
            seen.unread.append(folder)
            return []
        }
        return names.sorted().map { "\(folder)/\($0)" }
    }

    private func search(_ path: String, _ kind: OldJob.Kind, _ seen: inout Seen) {
        var status = stat()
        // A link to nowhere calls nothing; a masked unit is a link to /dev/null, and no regular file.
        guard stat(root + path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return }
        guard status.st_size <= Self.sizeLimit, let data = FileManager.default.contents(atPath: root + path) else {
            seen.unread.append(path)
            return
        }
        seen.count += 1
        for line in OldJob.lines(in: String(decoding: data, as: UTF8.self), kind) {
            seen.results.append(
                .fail(.oldJob, "\(path):\(line.number)", line.text, mend: mend(path, line, kind)))
        }
    }

    private func mend(_ path: String, _ line: OldJob.Line, _ kind: OldJob.Kind) -> String {
        let name = (path as NSString).lastPathComponent
        switch kind {
        case .unit:
            let unit = (name as NSString).deletingPathExtension
            return "`systemctl disable --now \(unit).timer \(name)`, then remove \(path) and its timer."
        case .crontab where path.hasPrefix("/var/spool/cron/"):
            return "`crontab -e -u \(name)`, and remove line \(line.number): \(line.text)"
        case .crontab: return "Remove line \(line.number) of \(path): \(line.text)"
        }
    }
}
