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
        "/var/spool/cron/crontabs", "/var/spool/cron/tabs", "/var/spool/cron",
    ]
    /// Of scripts that cron runs as they are.
    private static let scriptFolders: Set = [
        "/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly",
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
            for file in files(in: folder, &seen) {
                if Self.scriptFolders.contains(folder), isScript(file, &seen) { continue }
                search(file, .crontab, &seen)
            }
        }
        let units = Self.unitFolders.flatMap { files(in: $0, &seen) }
        for file in units { searchUnit(file, timersOf: units, &seen) }
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

    /// A path and what each link leads to, the file itself last; nil for what leads nowhere, which calls nothing.
    private func followed(_ path: String) -> [String]? {
        var steps = [path]
        // As many links as the kernel follows.
        while steps.count <= 40, let last = steps.last {
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = readlink(root + last, &buffer, buffer.count)
            guard count > 0 else { return size(last) == nil ? nil : steps }
            let target = String(decoding: buffer[..<count], as: UTF8.self)
            steps.append(target.hasPrefix("/") ? target : "\((last as NSString).deletingLastPathComponent)/\(target)")
        }
        return nil
    }

    /// Its size; nil when it is not there or no regular file, as /dev/null, to which a masked unit is a link.
    private func size(_ path: String) -> Int? {
        var status = stat()
        guard stat(root + path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }

    /// The script under its own name, or a link to it, whose text need not name it.
    private func isScript(_ path: String, _ seen: inout Seen) -> Bool {
        guard let steps = followed(path), let end = steps.last,
            steps.contains(where: { ($0 as NSString).lastPathComponent == OldJob.script })
        else { return false }
        seen.count += 1
        seen.results.append(
            .fail(
                .oldJob, path, steps.count == 1 ? "the script itself" : "a link to \(end)", mend: "Remove \(path)."))
        return true
    }

    private func search(_ path: String, _ kind: OldJob.Kind, _ seen: inout Seen, mend: ((OldJob.Line) -> String)? = nil)
    {
        guard let text = text(path, &seen) else { return }
        seen.count += 1
        // A user's own is edited by a command, which does not show the lines that cron has put on top.
        let user = path.hasPrefix("/var/spool/cron/") ? (path as NSString).lastPathComponent : nil
        let hidden = user == nil ? 0 : OldJob.headerLines(in: text)
        for line in OldJob.lines(in: text, kind) {
            let number = line.number - hidden
            let how = mend.map { $0(line) } ?? Self.mend(path, of: user, number, line.text)
            seen.results.append(.fail(.oldJob, "\(path):\(number)", line.text, mend: how))
        }
    }

    private func text(_ path: String, _ seen: inout Seen) -> String? {
        guard let end = followed(path)?.last, let size = size(end) else { return nil }
        guard size <= Self.sizeLimit, let data = FileManager.default.contents(atPath: root + end) else {
            seen.unread.append(path)
            return nil
        }
        return String(decoding: data, as: UTF8.self)
    }

    private static func mend(_ path: String, of user: String?, _ number: Int, _ text: String) -> String {
        guard let user else { return "Remove line \(number) of \(path): \(text)" }
        return "`crontab -e -u \(user)`, and remove line \(number): \(text)"
    }

    // MARK: systemd

    /// A service, or the folder of what is dropped in for one.
    private func searchUnit(_ path: String, timersOf units: [String], _ seen: inout Seen) {
        if path.hasSuffix(".service") {
            var read = Seen()
            let timers = timers(of: (path as NSString).lastPathComponent, units, &read)
            search(path, .unit, &seen) { _ in Self.mend(service: path, timers) }
        } else if path.hasSuffix(".service.d") || path.hasSuffix("/service.d") {
            for file in files(in: path, &seen) where file.hasSuffix(".conf") {
                // Its service may be anybody's, and is not to be ended.
                search(file, .unit, &seen) { line in
                    "Remove line \(line.number) of \(file), then `systemctl daemon-reload`: \(line.text)"
                }
            }
        }
    }

    /// The paths of those that begin `service`, by name; of two of one name the first counts, as for systemd.
    private func timers(of service: String, _ units: [String], _ seen: inout Seen) -> [String] {
        var found: [String: (path: String, begins: Bool)] = [:]
        for path in units where path.hasSuffix(".timer") {
            let name = (path as NSString).lastPathComponent
            guard found[name] == nil, let text = text(path, &seen) else { continue }
            // What is dropped in comes after it, whichever folder it lies in.
            let dropped = units.filter { ($0 as NSString).lastPathComponent == "\(name).d" }
                .flatMap { files(in: $0, &seen) }.filter { $0.hasSuffix(".conf") }.compactMap { self.text($0, &seen) }
            let unit =
                OldJob.unit(begunBy: ([text] + dropped).joined(separator: "\n"))
                ?? "\((name as NSString).deletingPathExtension).service"
            found[name] = (path, unit == service || OldJob.template(of: unit) == service)
        }
        return found.sorted { $0.key < $1.key }.filter(\.value.begins).map(\.value.path)
    }

    private static func mend(service: String, _ timers: [String]) -> String {
        let paths = timers + [service]
        let files = timers.isEmpty ? service : "\(timers.joined(separator: ", ")) and \(service)"
        var names = paths.map { ($0 as NSString).lastPathComponent }
        let template = names.first { $0.contains("@.") }
        names.removeAll { $0.contains("@.") }
        let units = (["`systemctl disable --now"] + names).joined(separator: " ") + "`"
        guard let template else { return "\(units), then remove \(files)." }
        // It is no unit that could be disabled; what was made of it is.
        let instances = "`systemctl list-units --all '\(template.prefix { $0 != "." })*'`"
        return "\(units) and each that \(instances) names, then remove \(files)."
    }
}
