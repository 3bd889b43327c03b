import BackupCore
import Foundation

/// The few system calls that durability is made of; each failure names the path and what the system said.
enum Disk {
    /// Which kind of failure an errno is: a user mends these differently.
    static func failure(_ what: String, _ code: Int32 = errno) -> Failure {
        let said = String(cString: strerror(code))
        switch code {
        case ENOSPC, EDQUOT:
            return Failure(.cannotWrite, "\(what): \(said)", hint: "Free some room, or move storage.root.")
        case EROFS, EACCES, EPERM:
            return Failure(.cannotWrite, "\(what): \(said)", hint: "Look at owner, mode and mount of the folder.")
        case ENOENT: return Failure(.inputOutput, "\(what): \(said)")
        default: return Failure(.inputOutput, "\(what): \(said)", hint: "Look at the disk: dmesg, smartctl.")
        }
    }

    /// Makes the folder and those above it, 0700, and makes their names durable.
    static func makeFolder(_ path: String) throws {
        if access(path, F_OK) == 0 { return }
        let parent = (path as NSString).deletingLastPathComponent
        if parent != path, !parent.isEmpty { try makeFolder(parent) }
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw failure("cannot make the folder \(path)") }
        if !parent.isEmpty { try sync(parent, isFolder: true) }
    }

    /// fsync of a file or a folder.
    static func sync(_ path: String, isFolder: Bool = false) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | (isFolder ? O_DIRECTORY : 0))
        guard descriptor >= 0 else { throw failure("cannot open \(path)") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("cannot write \(path) through to the disk") }
    }

    static func rename(_ from: String, _ to: String) throws {
        guard Glibc.rename(from, to) == 0 else { throw failure("cannot rename \(from) to \(to)") }
    }

    /// Removes a file, or a folder with its files; nothing there is no error. Links are removed, not followed.
    static func remove(_ path: String) throws {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT { return }
            throw failure("cannot look at \(path)")
        }
        if status.st_mode & S_IFMT == S_IFDIR {
            for name in try names(in: path) { try remove("\(path)/\(name)") }
            guard rmdir(path) == 0 else { throw failure("cannot remove \(path)") }
        } else {
            guard unlink(path) == 0 || errno == ENOENT else { throw failure("cannot remove \(path)") }
        }
    }

    /// Writes a new file, 0600, and its bytes through to the disk; a file of that name is an error.
    static func write(_ data: Data, to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("cannot make \(path)") }
        defer { close(descriptor) }
        try data.withUnsafeBytes { try write($0, to: descriptor, path) }
        guard fsync(descriptor) == 0 else { throw failure("cannot write \(path) through to the disk") }
    }

    /// Adds to a file that is there.
    static func append(_ data: Data, to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw failure("cannot open \(path)") }
        defer { close(descriptor) }
        try data.withUnsafeBytes { try write($0, to: descriptor, path) }
    }

    /// Hands over the file's bytes piece by piece until it ends or `take` returns false. Blocks; a cancellation throws.
    static func read(_ path: String, _ cancellation: Cancellation, take: (UnsafeRawBufferPointer) throws -> Bool) throws
    {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("cannot open \(path)") }
        defer { close(descriptor) }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        while true {
            try cancellation.check()
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("cannot read \(path)") }
            guard count > 0, try take(UnsafeRawBufferPointer(rebasing: buffer[..<count])) else { return }
        }
    }

    /// All of them, to a descriptor of `path`.
    static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, _ path: String) throws {
        var written = 0
        while written < bytes.count {
            let count = Glibc.write(descriptor, bytes.baseAddress?.advanced(by: written), bytes.count - written)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("cannot write \(path)") }
            written += count
        }
    }

    /// A second name for a file, which becomes its owner's alone.
    static func link(_ from: String, to path: String) throws {
        guard Glibc.link(from, path) == 0 else { throw failure("cannot link \(from) to \(path)") }
        guard chmod(path, 0o600) == 0 else { throw failure("cannot change the mode of \(path)") }
    }

    /// The same, or a copy where that cannot be: no hard links on this file system, or another's file. What `beforeCopying`
    /// throws keeps it from being made.
    static func linkOrCopy(_ from: String, to path: String, beforeCopying: () throws -> Void = {}) throws {
        guard !exists(path) else { throw failure("cannot make \(path)", EEXIST) }
        do {
            try link(from, to: path)
        } catch {
            try remove(path)
            try beforeCopying()
            try copy(from, to: path)
        }
    }

    /// What a path stands for when each link in it is followed; itself when that is nothing.
    static func real(_ path: String) -> String {
        guard let found = realpath(path, nil) else { return path }
        defer { free(found) }
        return String(cString: found)
    }

    /// Copies a file, or a folder with its files, for the owner alone; something of that name is an error.
    static func copy(_ from: String, to path: String) throws {
        if isFolder(from) {
            guard mkdir(path, 0o700) == 0 else { throw failure("cannot make the folder \(path)") }
            for name in try names(in: from) { try copy("\(from)/\(name)", to: "\(path)/\(name)") }
            return
        }
        let source = open(from, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else { throw failure("cannot open \(from)") }
        defer { close(source) }
        let target = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard target >= 0 else { throw failure("cannot make \(path)") }
        defer { close(target) }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        while true {
            let count = Glibc.read(source, buffer.baseAddress, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("cannot read \(from)") }
            if count == 0 { return }
            try write(UnsafeRawBufferPointer(rebasing: buffer[..<count]), to: target, path)
        }
    }

    /// Sorted; without . and ..
    static func names(in folder: String) throws -> [String] {
        guard let stream = opendir(folder) else { throw failure("cannot read the folder \(folder)") }
        defer { closedir(stream) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
            errno = 0
        }
        guard errno == 0 else { throw failure("cannot read the folder \(folder)") }
        return names.sorted()
    }

    /// Of a file, or the sum of a folder's files; nil when nothing is there.
    static func bytes(of path: String) -> Int64? {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        guard status.st_mode & S_IFMT == S_IFDIR else { return Int64(status.st_size) }
        guard let names = try? names(in: path) else { return nil }  // a folder that cannot be read has no size
        return names.reduce(0) { $0 + (bytes(of: "\(path)/\($1)") ?? 0) }
    }

    static func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    /// Two names for one file; links by name are not followed.
    static func isSameFile(_ one: String, _ other: String) -> Bool {
        var (first, second) = (stat(), stat())
        return lstat(one, &first) == 0 && lstat(other, &second) == 0 && first.st_mode & S_IFMT == S_IFREG
            && first.st_dev == second.st_dev && first.st_ino == second.st_ino
    }

    static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Bytes that this user may still write on the file system of `path`.
    static func freeBytes(at path: String) throws -> Int64 {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { throw failure("cannot ask for the free room of \(path)") }
        return Int64(status.f_bavail) * Int64(status.f_frsize)
    }
}
