/// What the machine of a server has, as that machine's own kernel says it: the server may be in a container, or far away.
/// What could not be read is nil.
package struct ServerMachine: Sendable, Equatable {
    /// That the server may run on.
    package private(set) var cores: Int?
    /// Bytes that nobody uses, within the limits of the server's control groups.
    package private(set) var availableMemory: Int64?
    /// Bytes that /dev/shm holds at most: parallel workers of some index builds share theirs there.
    package private(set) var sharedMemory: Int64?

    package init(cores: Int? = nil, availableMemory: Int64? = nil, sharedMemory: Int64? = nil) {
        self.cores = cores
        self.availableMemory = availableMemory
        self.sharedMemory = sharedMemory
    }

    /// The files that say it, read by the server; a control group's are asked for by `limits(of:)`.
    package static let status = "/proc/self/status"
    package static let memory = "/proc/meminfo"
    package static let mounts = "/proc/self/mounts"
    package static let groups = "/proc/self/cgroup"

    /// Where the memory of the group that `groups` names is limited: its own file and those of the groups around it.
    package static func limits(of groups: String) -> [String] {
        guard let line = groups.split(separator: "\n").first(where: { $0.hasPrefix("0::/") }) else { return [] }
        var path = line.dropFirst(4).split(separator: "/")
        var files: [String] = []
        while true {
            files.append((["/sys/fs/cgroup"] + path + ["memory.max"]).joined(separator: "/"))
            guard path.popLast() != nil else { return files }
        }
    }

    /// From the contents of those files; nil for one that could not be read.
    package init(status: String?, memory: String?, mounts: String?, limits: [String]) {
        cores = status.flatMap { Self.value("Cpus_allowed_list", in: $0) }.flatMap { Self.count(of: $0) }
        let groups = limits.compactMap { Int64($0.trimmed) }
        availableMemory = memory.flatMap { Self.kilobytes("MemAvailable", in: $0) }.map { bytes in
            min(bytes, groups.min() ?? bytes)
        }
        let all = memory.flatMap { Self.kilobytes("MemTotal", in: $0) }
        sharedMemory = mounts.flatMap { Self.size(of: "/dev/shm", in: $0, whole: all) }
    }

    private static func value(_ key: String, in text: String) -> Substring? {
        text.split(separator: "\n").first { $0.hasPrefix("\(key):") }?.dropFirst(key.count + 1).trimmed
    }

    private static func kilobytes(_ key: String, in text: String) -> Int64? {
        value(key, in: text)?.split(separator: " ").first.flatMap { Int64($0) }.map { $0 << 10 }
    }

    /// `0-3,8` are five.
    private static func count(of list: Substring) -> Int? {
        var total = 0
        for part in list.split(separator: ",") {
            let ends = part.split(separator: "-").compactMap { Int($0) }
            guard let first = ends.first, let last = ends.last, first <= last else { return nil }
            total += last - first + 1
        }
        return total > 0 ? total : nil
    }

    /// `shm /dev/shm tmpfs rw,nosuid,size=65536k 0 0`; a tmpfs that names no size has half of the memory.
    private static func size(of folder: String, in mounts: String, whole: Int64?) -> Int64? {
        let lines = mounts.split(separator: "\n").map { $0.split(separator: " ") }
        guard let mount = lines.last(where: { $0.count > 3 && $0[1] == folder && $0[2] == "tmpfs" }) else { return nil }
        guard let size = mount[3].split(separator: ",").first(where: { $0.hasPrefix("size=") })?.dropFirst(5) else {
            return whole.map { $0 / 2 }
        }
        let units: [Character: Int64] = ["k": 1 << 10, "m": 1 << 20, "g": 1 << 30]
        guard let unit = size.last.flatMap({ units[$0] }) else { return Int64(size) }
        return Int64(size.dropLast()).map { $0 * unit }
    }
}

extension StringProtocol {
    fileprivate var trimmed: SubSequence {
        var rest = self[...]
        while let last = rest.last, last.isWhitespace { rest.removeLast() }
        return rest.drop { $0.isWhitespace }
    }
}
