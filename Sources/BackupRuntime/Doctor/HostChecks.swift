import BackupCore
import CLinux
import Foundation

/// This host: room, clock, files, unit.
enum HostChecks {
    static func disk(_ storage: Schedule.Storage) -> CheckResult {
        guard access(storage.root, F_OK) == 0 else {
            let code = errno
            if code == EACCES { return .skipped(.disk, storage.root, "this user may not look there: run it as root") }
            let user = ServiceUser.name(of: storage)
            return .fail(
                .disk, storage.root, "not there: \(String(cString: strerror(code)))",
                mend:
                    "Make it for the service: `install -d -m 0700 -o \(user) \(ShellCommand.word(storage.root))`, or mount it."
            )
        }
        do {
            let free = try Disk.freeBytes(at: storage.root)
            let text = "\(ByteSize.text(free)) are free, minimumFree is \(ByteSize.text(storage.minimumFree))"
            guard free >= storage.minimumFree else {
                return .fail(
                    .disk, storage.root, text,
                    mend: "Free some room: `archon-backupd prune --dry-run` shows what retention keeps, and why.")
            }
            return .pass(.disk, storage.root, text)
        } catch {
            return .fail(.disk, storage.root, "\(error)", mend: "Look at the disk: dmesg, smartctl.")
        }
    }

    static func clock() -> CheckResult {
        let error = archon_clock_error()
        guard error >= 0 else { return .skipped(.clock, "system clock", "the kernel may not be asked here") }
        return .clock(maximumErrorMicroseconds: Int(error))
    }

    /// The schedule, and what the servers' passwords are in.
    static func credentials(_ schedule: Schedule, path: String) -> [CheckResult] {
        let user = ServiceUser.name(of: schedule.storage)
        return [look(path, user, CheckResult.schedule)]
            + schedule.servers.compactMap { server in
                if let passfile = server.passfile { return look(passfile, user, CheckResult.secret) }
                return server.passwordCredential.map { credential($0, server.name, user) }
            }
    }

    private static func credential(_ name: String, _ server: String, _ user: String) -> CheckResult {
        guard let folder = ProcessInfo.processInfo.environment["CREDENTIALS_DIRECTORY"] else {
            return .skipped(
                .credentials, "\(name) of \(server)",
                "systemd gives it to the service alone; the check postgresql uses it")
        }
        // systemd has set its mode.
        return look("\(folder)/\(name)", user) { path, rights in
            rights.isFile && rights.isReadable
                ? .pass(.credentials, path, "readable") : CheckResult.secret(path, rights)
        }
    }

    private static func look(
        _ path: String, _ user: String, _ judge: (String, CheckResult.Rights) -> CheckResult
    ) -> CheckResult {
        var status = stat()
        guard stat(path, &status) == 0 else {
            let code = errno
            if code == EACCES, let folder = shutFolder(path) {
                return .fail(
                    .credentials, path, "this user may not enter \(folder)",
                    mend: "Let the service's user, \(user), into it: `chmod o+x \(ShellCommand.word(folder))`.")
            }
            return .fail(
                .credentials, path, "not there: \(String(cString: strerror(code)))",
                mend: "Make it, mode 0600, for the service's user, or correct the schedule.")
        }
        let rights = CheckResult.Rights(
            user: user, mode: status.st_mode & 0o7777, isFile: status.st_mode & S_IFMT == S_IFREG,
            isReadable: access(path, R_OK) == 0, stranger: stranger(status.st_uid), openFolder: openFolder(path))
        return judge(path, rights)
    }

    /// The topmost folder on the way to `path` that this user may not pass; nil when all of its own let them, and what a link
    /// leads to does not.
    private static func shutFolder(_ path: String) -> String? {
        var folder = path
        var shut: String?
        while folder.contains("/"), folder != "/" {
            folder = (folder as NSString).deletingLastPathComponent
            var status = stat()
            if stat(folder, &status) == 0, access(folder, X_OK) != 0 { shut = folder }
        }
        return shut
    }

    /// The folder of that name, and the one that a link leads to.
    private static func openFolder(_ path: String) -> CheckResult.OpenFolder? {
        var paths = [path]
        if let real = realpath(path, nil) {
            paths.append(String(cString: real))
            free(real)
        }
        for path in paths {
            let folder = path.contains("/") ? (path as NSString).deletingLastPathComponent : "."
            var status = stat()
            guard stat(folder, &status) == 0 else { continue }
            let open = CheckResult.OpenFolder(
                path: folder, mode: status.st_mode & 0o7777, stranger: stranger(status.st_uid))
            if let open { return open }
        }
        return nil
    }

    /// Nil for root and the service's user: whoever runs this, for root becomes that user first, or the unit's own.
    private static func stranger(_ owner: uid_t) -> String? {
        guard owner != 0, owner != geteuid() else { return nil }
        let name = getpwuid(owner).map { String(cString: $0.pointee.pw_name) } ?? "\(owner)"
        return name == "archon-backup" ? nil : name
    }

    static func unit() async -> CheckResult {
        let name = "archon-backupd.service"
        guard Disk.isFolder("/run/systemd/system") else {
            return .skipped(.unit, name, "this host, or container, was not begun by systemd")
        }
        guard
            let program = ["/usr/bin/systemctl", "/bin/systemctl"].first(
                where: FileManager.default.isExecutableFile(atPath:))
        else {
            return .skipped(.unit, name, "there is no systemctl here")
        }
        do {
            // By its files, which anybody may read.
            let enabled = try await word(program, ["--root=/", "is-enabled", name])
            return .unit(name, enabled: enabled, active: try await word(program, ["is-active", name]))
        } catch {
            return .skipped(.unit, name, "\(error)")
        }
    }

    private static func word(_ program: String, _ arguments: [String]) async throws -> String {
        let said = OutputText(limit: 1024)
        _ = try await Child.run(program, arguments, timeoutSeconds: 15) { said.add($0) }
        return said.text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
