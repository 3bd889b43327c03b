import BackupCore
import Foundation

/// The user to whom dumps and catalog belong. A command that root runs acts as that user, as PostgreSQL's own tools on Debian
/// do: peer authentication works then, and no file is left that the service cannot read or write.
package enum ServiceUser {
    /// The name of the user we have become; nil when nothing had to be done: we are not root, there is no storage yet, or
    /// storage and state do not agree on an owner. Throws `.failed` when the system refuses.
    package static func become(for schedule: Schedule) throws -> String? {
        guard geteuid() == 0, let owner = owner(of: schedule.storage.root), owner != 0 else { return nil }
        let state = Daemon.stateFolder(of: schedule)
        guard self.owner(of: state).map({ $0 == owner }) ?? true, let user = getpwuid(owner) else { return nil }
        let name = String(cString: user.pointee.pw_name)
        let group = user.pointee.pw_gid
        // libpq looks for a password file in $HOME.
        setenv("HOME", user.pointee.pw_dir, 1)
        guard initgroups(name, group) == 0, setgid(group) == 0, setuid(owner) == 0 else {
            throw Failure(
                .failed,
                "cannot act as \(name), who owns \(schedule.storage.root): \(String(cString: strerror(errno)))",
                hint: "Run the command as \(name).")
        }
        return name
    }

    /// Whom dumps belong to; where there is no storage yet, the user whom the package makes, or this one where it did not.
    package static func name(of storage: Schedule.Storage) -> String {
        let owner = owner(of: storage.root) ?? getpwnam("archon-backup")?.pointee.pw_uid ?? geteuid()
        return getpwuid(owner).map { String(cString: $0.pointee.pw_name) } ?? "\(owner)"
    }

    private static func owner(of folder: String) -> uid_t? {
        var status = stat()
        return stat(folder, &status) == 0 ? status.st_uid : nil
    }
}
