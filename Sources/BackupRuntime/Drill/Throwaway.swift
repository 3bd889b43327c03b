import BackupCore
import Foundation

/// A PostgreSQL made for one drill: a cluster in a private folder, reached by a socket in it and by nothing else, with
/// settings for speed and none for durability, run by a user that is not root. It is gone when `end` returns; what a crash
/// leaves is ended and removed by `sweep`.
///
/// The folder is `<base>/archon-backupd-drill-XXXXXX`: `.lock` is held by the process that drills, `data` is the cluster,
/// `socket` its socket's folder.
package final class Throwaway: DrillServer {
    let server: Server
    var settings: ConnectionSettings { get throws { try ConnectionSettings(server) } }
    private let folder: String
    private let lock: JobLock
    private let programs: ServerPrograms
    private let user: UserChange?

    static let superuser = "archon_drill"
    private static let prefix = "archon-backupd-drill-"
    /// What it is called until it is locked: a sweep of another installation must not take it for one that was left.
    private static let unlockedPrefix = "archon-backupd-new-"
    private static let unlockedSeconds = 3600
    /// Beside the data: the empty cluster, and the log that the server writes before it is checkpointed.
    private static let overheadBytes: Int64 = 512 << 20
    /// A socket's path may have 107 bytes, and its file's name is ours to add.
    private static let pathLimit = 107 - "/socket/.s.PGSQL.5432".utf8.count

    /// For speed, and nothing for durability. No JIT: the service's sandbox lets nobody make code at run time
    /// (MemoryDenyWriteExecute). Where its socket is, is added.
    static let settings = """
        listen_addresses = ''
        fsync = off
        full_page_writes = off
        synchronous_commit = off
        wal_level = minimal
        max_wal_senders = 0
        max_wal_size = 256MB
        checkpoint_timeout = 1h
        autovacuum = off
        shared_buffers = 128MB
        maintenance_work_mem = 256MB
        max_connections = 100
        max_locks_per_transaction = 1024
        lc_messages = 'C'
        timezone = 'UTC'
        logging_collector = off
        jit = off
        """

    private init(folder: String, lock: JobLock, programs: ServerPrograms, user: UserChange?) {
        self.folder = folder
        self.lock = lock
        self.programs = programs
        self.user = user
        server = Server(
            name: "throwaway", connection: "host='\(folder)/socket' user=\(Self.superuser) \(Self.nothingElse)")
    }

    /// Whatever else may decide which server libpq reaches and how its sessions begin, said here: PGHOSTADDR would be preferred to
    /// the socket, and the service that PGSERVICE names fills in what a connection does not say.
    static let nothingElse =
        "hostaddr='' port=\(port) options='' requirepeer='' target_session_attrs=any gssencmode=disable"
    static let port = 5432

    var dataFolder: String { "\(folder)/data" }

    /// Where they may be made, in the order of trying: `folders` are the service's own. A server started by root belongs to
    /// another user, who may not look into those.
    static func bases(_ folders: [String]) -> [String] {
        geteuid() == 0 ? ["/var/tmp", "/tmp"] : folders + ["/var/tmp", "/tmp"]
    }

    /// Throws `.unavailable` for programs that are not there, `.cannotWrite` for too little room: the first of `bases` that has
    /// `bytes` and what a cluster takes besides is used.
    static func begin(major: Int, bytes: Int64, bases: [String], _ limit: TimeLimit) async throws -> Throwaway {
        let programs = try await ServerPrograms.find(major: major)
        let base = try room(bytes + overheadBytes, bases)
        let (folder, lock) = try makeFolder(base)
        do {
            let user = try UserChange.ofServers()
            for part in ["data", "socket"] {
                try Disk.makeFolder("\(folder)/\(part)")
                if let user, chown("\(folder)/\(part)", user.user, user.group) != 0 {
                    throw Disk.failure("cannot give \(folder)/\(part) to \(user.name)")
                }
            }
            // The server must pass through it; it cannot be read by others for all that.
            if user != nil { chmod(folder, 0o711) }
            let throwaway = Throwaway(folder: folder, lock: lock, programs: programs, user: user)
            do {
                try await throwaway.start(limit)
            } catch {
                try await throwaway.end()
                throw error
            }
            return throwaway
        } catch {
            try? Disk.remove(folder)  // the first fault is the one to tell; a sweep tries again
            throw error
        }
    }

    /// Makes a folder of its own and locks it.
    private static func makeFolder(_ base: String) throws -> (path: String, lock: JobLock) {
        var template = Array("\(base)/\(unlockedPrefix)XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Disk.failure("cannot make a folder for a server in \(base)") }
        let made = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let path = "\(base)/\(prefix)\(made.suffix(6))"
        do {
            let lock = try JobLock.take("", root: made)
            try Disk.rename(made, path)
            return (path, lock)
        } catch {
            try? Disk.remove(made)  // the first fault is the one to tell; a sweep tries again
            throw error
        }
    }

    private static func room(_ bytes: Int64, _ bases: [String]) throws -> String {
        var seen: [String] = []
        for base in bases where Disk.isFolder(base) && access(base, W_OK) == 0 {
            guard base.utf8.count + prefix.utf8.count + 8 < pathLimit else {
                seen.append("\(base) has too long a path for a socket")
                continue
            }
            let free = try Disk.freeBytes(at: base)
            if free >= bytes { return base }
            seen.append("\(base) has \(ByteSize.text(free)) free")
        }
        throw Failure(
            .cannotWrite,
            "there is no room for a server with the dump restored: \(ByteSize.text(bytes)) are needed, and \(seen.joined(separator: ", "))",
            hint: "Free some room, or write \"drill\": { \"on\": \"SERVER\" }.")
    }

    private func start(_ limit: TimeLimit) async throws {
        try await run(
            programs.initdb,
            [
                "--pgdata=\(folder)/data", "--username=\(Self.superuser)", "--auth=trust", "--no-sync", "--no-locale",
                "--encoding=UTF8", "--no-instructions",
            ], limit)
        let settings = "\n\(Self.settings)\nport = \(Self.port)\nunix_socket_directories = '\(folder)/socket'\n"
        try Disk.append(Data(settings.utf8), to: "\(folder)/data/postgresql.conf")
        try await run(
            programs.control,
            [
                "start", "--wait", "--silent", "--timeout=120", "--pgdata=\(folder)/data",
                "--log=\(folder)/data/drill.log",
            ],
            limit)
    }

    private func run(_ program: String, _ arguments: [String], _ limit: TimeLimit) async throws {
        // Not by the child's own setuid between fork and exec: glibc's may wait there for threads that the child does not have.
        let change = user.map { ["/usr/bin/setpriv", "--reuid=\($0.user)", "--regid=\($0.group)", "--clear-groups"] }
        let words = (change ?? []) + [program] + arguments
        let ending = try await Child.run(
            words[0], Array(words.dropFirst()), timeoutSeconds: try limit.remaining(), workingFolder: "/"
        ) { _ in }
        switch ending.cause {
        case .exited(0): return
        case .interrupted: throw CancellationError()
        case .timedOut: throw limit.fault
        case .exited, .signaled:
            throw Failure(
                .unavailable,
                "a server for the drill cannot be made: \((program as NSString).lastPathComponent) \(ending.description)",
                hint: "Try `\(program) --version` as the service's user.",
                cause: [ending.errors, log].compactMap { $0 }.joined(separator: "\n"))
        }
    }

    private var log: String? {
        FileManager.default.contents(atPath: "\(folder)/data/drill.log").map {
            String(decoding: $0.suffix(64 << 10), as: UTF8.self)
        }
    }

    /// What it logged last of a fault of its own: the lines of its PANIC and FATAL messages, newest last; empty when there is none.
    var lastWords: String {
        (log ?? "").split(separator: "\n").filter { $0.contains("PANIC: ") || $0.contains("FATAL: ") }.suffix(5)
            .joined(separator: "\n")
    }

    /// Stops the server and removes its folder. Throws when something of it stays.
    func end() async throws {
        let folder = folder
        // In a task of its own: this one may be cancelled.
        try await Task { try await blocking { _ in try Self.remove(folder) } }.value
    }

    // MARK: what a crash has left

    /// Ends and removes the throwaways in `bases` that nobody works with any more. Returns their folders; throws for one that
    /// stays, when it has been through all.
    package static func sweep(_ bases: [String]) async throws -> [String] {
        try await blocking { _ in
            var swept: [String] = []
            var fault: (any Error)?
            for base in bases where Disk.isFolder(base) && access(base, R_OK | X_OK) == 0 {
                for folder in try Disk.names(in: base).map({ "\(base)/\($0)" }) where isLeft(folder) {
                    do {
                        let lock = try JobLock.take("", root: folder)
                        try remove(folder)
                        withExtendedLifetime(lock) {}
                        swept.append(folder)
                    } catch let failure as Failure where failure.kind == .busy {
                        continue
                    } catch  where !Disk.exists(folder) {
                        // Whoever made it has removed it meanwhile: others use the same place.
                        continue
                    } catch {
                        fault = fault ?? error
                    }
                }
            }
            if let fault { throw fault }
            return swept
        }
    }

    /// True for a folder of ours by name and owner: others too may write to where it lies.
    private static func isLeft(_ folder: String) -> Bool {
        let name = (folder as NSString).lastPathComponent
        var status = stat()
        guard name.hasPrefix(prefix) || name.hasPrefix(unlockedPrefix), lstat(folder, &status) == 0,
            status.st_uid == geteuid(), status.st_mode & S_IFMT == S_IFDIR
        else { return false }
        return name.hasPrefix(prefix) || status.st_mtim.tv_sec < time(nil) - unlockedSeconds
    }

    /// Blocks. Its data are worth nothing: the server is ended at once.
    private static func remove(_ folder: String) throws {
        let pid = FileManager.default.contents(atPath: "\(folder)/data/postmaster.pid").flatMap {
            pid_t(String(decoding: $0, as: UTF8.self).prefix { $0.isNumber })
        }
        if let pid, isServer(pid, of: folder) {
            kill(pid, SIGQUIT)
            for attempt in 0..<200 where isServer(pid, of: folder) {
                if attempt == 100 { kill(pid, SIGKILL) }
                usleep(50_000)
            }
        }
        // A backend that is slow to go may still make a file.
        for attempt in 0..<20 {
            do {
                return try Disk.remove(folder)
            } catch  where attempt < 19 {
                usleep(100_000)
            }
        }
    }

    /// A number in a file proves nothing: a server works in its own data folder.
    private static func isServer(_ pid: pid_t, of folder: String) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = readlink("/proc/\(pid)/cwd", &buffer, buffer.count)
        return count > 0 && String(decoding: buffer[..<count], as: UTF8.self) == "\(folder)/data"
    }
}

/// Another user for a child, because PostgreSQL's server refuses root.
struct UserChange: Sendable {
    let name: String
    let user: uid_t
    let group: gid_t

    /// Nil when we are not root. Throws `.unavailable` when there is nobody to be.
    static func ofServers() throws -> UserChange? {
        guard geteuid() == 0 else { return nil }
        for name in ["postgres", "nobody"] {
            if let entry = getpwnam(name) {
                return UserChange(name: name, user: entry.pointee.pw_uid, group: entry.pointee.pw_gid)
            }
        }
        throw Failure(
            .unavailable, "PostgreSQL refuses root, and there is no user postgres or nobody to run it",
            hint: "Run the service as a user of its own.")
    }
}
