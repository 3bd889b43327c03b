import Foundation

/// Makes a `Schedule` of the bytes of schedule.json, or says everything that is wrong with them.
package struct ScheduleDecoder {
    /// A larger file is refused before it is read: a schedule of a hundred thousand jobs has twenty-five megabytes.
    package static let sizeLimit = 48 << 20

    /// More faults than these are not worth printing.
    package static let faultLimit = 10_000

    private let reader = ScheduleReader(faultLimit: faultLimit + 1)
    private let zones: (String) -> Zone?

    /// Throws one `Failure(.configInvalid)` that lists all faults; `faults(in:file:zones:)` gives them one by one.
    package static func decode(_ bytes: [UInt8], file: String, zones: (String) -> Zone?) throws -> Schedule {
        let (schedule, faults) = read(bytes, file: file, zones: zones)
        guard let schedule, faults.isEmpty else { throw Failure(faults) }
        return schedule
    }

    package static func faults(in bytes: [UInt8], file: String, zones: (String) -> Zone?) -> [ScheduleFault] {
        read(bytes, file: file, zones: zones).faults
    }

    private static func read(_ bytes: [UInt8], file: String, zones: (String) -> Zone?) -> (
        schedule: Schedule?, faults: [ScheduleFault]
    ) {
        withoutActuallyEscaping(zones) { zones in
            let decoder = ScheduleDecoder(zones: zones)
            var json = JSONReader(bytes, faultLimit: faultLimit + 1)
            var ending: [JSONReader.Fault] = []
            var schedule: Schedule?
            do throws(JSONReader.Fault) {
                let root = try json.read()
                schedule = decoder.schedule(root)
            } catch {
                ending = [error]
            }
            var noted = (json.faults + ending).map {
                ScheduleReader.Noted(offset: $0.offset, path: $0.path, message: $0.what, hint: $0.hint)
            }
            noted += decoder.reader.noted.filter { !json.unreadable.contains($0.offset) }
            return (schedule, placed(noted, in: bytes, file: file))
        }
    }

    /// In the order of the file, with lines and columns.
    static func placed(_ noted: [ScheduleReader.Noted], in bytes: [UInt8], file: String) -> [ScheduleFault] {
        var sorted = noted.enumerated().sorted { ($0.element.offset, $0.offset) < ($1.element.offset, $1.offset) }.map(
            \.element)
        if sorted.count > faultLimit {
            sorted.removeLast(sorted.count - faultLimit)
            sorted.append(
                .init(
                    offset: sorted[faultLimit - 1].offset, path: "$", message: "there are more faults than these",
                    hint: "Mend them and check again."))
        }
        var lines = LineCounter(bytes)
        return sorted.map { noted in
            let place = lines.place(of: noted.offset)
            return ScheduleFault(
                file: file, line: place.line, column: place.column, path: noted.path, message: noted.message,
                hint: noted.hint)
        }
    }

    private func schedule(_ root: JSONNode) -> Schedule? {
        let path = SchedulePath.root
        guard let top = reader.object(root, path, allowed: ScheduleKeys.top) else { return nil }
        if let schema = top["$schema"] { _ = reader.string(schema, path.key("$schema"), "schedule.schema.json") }
        version(top["version"], root)
        let storage = storage(top["storage"], root)
        let zone = TriggerDecoder(reader: reader, zones: zones).zone(top["timeZone"], path.key("timeZone")) ?? .utc
        let concurrency = reader.integer(top["concurrency"], path.key("concurrency"), 1...64) ?? 2
        let decoder = JobDecoder(reader: reader, zones: zones, servers: ServerNames(top["servers"]))
        var defaults = Job(name: "", server: "", database: "", trigger: .cron(.never), zone: zone)
        defaults.drill.trigger = .cron(.never)
        if let node = top["defaults"],
            let members = reader.object(node, path.key("defaults"), allowed: ScheduleKeys.defaults)
        {
            decoder.options(members, path.key("defaults"), node, into: &defaults)
        }
        let discovery = DiscoveryDecoder(reader: reader, jobs: decoder, defaults: defaults)
        let servers = servers(top["servers"], root, discovery)
        let jobs = jobs(top["databases"], root, decoder, defaults: defaults)
        let platform = PlatformDecoder(reader: reader).platform(top["platform"], path.key("platform"))
        let contacts = ContactDecoder(reader: reader).contacts(top["contacts"], path.key("contacts"))
        guard let storage else { return nil }
        checkFolders(top["databases"], storage, state: top["storage"])
        var schedule = Schedule(storage: storage, concurrency: concurrency, servers: servers, jobs: jobs)
        schedule.platform = platform
        schedule.contacts = contacts
        return schedule
    }

    private func version(_ node: JSONNode?, _ root: JSONNode) {
        let path = SchedulePath.root.key("version")
        guard let node else {
            return reader.fault(root.offset, .root, "\"version\" is missing", "Write \"version\": 1.")
        }
        guard case .number("1") = node.value else {
            return reader.fault(
                node.offset, path, "this version of the format is unknown", "Write 1; this program knows no other.")
        }
    }

    private func storage(_ node: JSONNode?, _ root: JSONNode) -> Schedule.Storage? {
        let path = SchedulePath.root.key("storage")
        guard let node else {
            reader.fault(root.offset, .root, "\"storage\" is missing", "Write \"storage\": { \"root\": \"/backups\" }.")
            return nil
        }
        guard let members = reader.object(node, path, allowed: ScheduleKeys.storage) else { return nil }
        if members["root"] == nil {
            reader.fault(node.offset, path, "\"root\" is missing", "Write \"root\": \"/backups\".")
        }
        let folder = absolutePath(members["root"], path.key("root"), "/backups")
        let state = absolutePath(members["state"], path.key("state"), "/var/lib/archon-backupd")
        let minimumFree = reader.bytes(members["minimumFree"], path.key("minimumFree"), atLeast: 0) ?? 1 << 30
        return folder.map { Schedule.Storage(root: $0, minimumFree: minimumFree, state: state) }
    }

    private func absolutePath(_ node: JSONNode?, _ path: SchedulePath, _ example: String) -> String? {
        guard let text = reader.string(node, path, example), let node else { return nil }
        let parts = text.unicodeScalars.split(separator: "/").map { String($0) }
        guard text.utf8.first == UInt8(ascii: "/"), !parts.isEmpty, !parts.contains(".."), !parts.contains(".") else {
            reader.fault(
                node.offset, path, "\"\(text)\" is no absolute path to a folder",
                "Write it from / on, without . and .., like \"\(example)\".")
            return nil
        }
        return "/" + parts.joined(separator: "/")
    }

    private func servers(_ node: JSONNode?, _ root: JSONNode, _ discovery: DiscoveryDecoder) -> [Server] {
        let path = SchedulePath.root.key("servers")
        guard let node else {
            reader.fault(
                root.offset, .root, "\"servers\" is missing",
                "Write \"servers\": { \"main\": { \"connection\": \"host=/var/run/postgresql user=postgres\" } }.")
            return []
        }
        guard let members = reader.members(node, path) else { return [] }
        if members.isEmpty {
            reader.fault(node.offset, path, "no server is named", "Name one with its \"connection\".")
        }
        return members.compactMap { ServerDecoder(reader: reader, discovery: discovery).server($0, path.key($0.key)) }
    }

    private func jobs(_ node: JSONNode?, _ root: JSONNode, _ decoder: JobDecoder, defaults: Job) -> [Job] {
        let path = SchedulePath.root.key("databases")
        guard let node else {
            reader.fault(
                root.offset, .root, "\"databases\" is missing",
                "Write \"databases\": { \"my_db\": { \"calendar\": \"*-*-* 02:00:00\" } }.")
            return []
        }
        guard let members = reader.members(node, path) else { return [] }
        var jobs: [Job] = []
        jobs.reserveCapacity(members.count)
        for member in members {
            if let job = decoder.job(member, path.key(member.key), defaults: defaults) { jobs.append(job) }
        }
        return jobs
    }

    /// Two jobs never write one folder, nor does the catalog lie in a job's.
    private func checkFolders(_ node: JSONNode?, _ storage: Schedule.Storage, state: JSONNode?) {
        guard case .object(let named)? = node?.value else { return }
        // A password in the place of a name has been told, and is not repeated.
        let members = named.filter { !PasswordText.isIn($0.key) }
        let path = SchedulePath.root.key("databases")
        var names: [String: String] = Dictionary(minimumCapacity: members.count)
        for member in members {
            let folder = NameRule.folder(of: member.key)
            // The same key twice has been told.
            if let other = names[folder], other != member.key {
                reader.fault(
                    member.keyOffset, path.key(member.key),
                    "this job and \"\(other)\" write one folder on a file system that passes over case or composition",
                    "Name one of them otherwise; \"database\" may name any database.")
            }
            names[folder] = member.key
        }
        guard let catalog = storage.state, case .object(let places)? = state?.value,
            let place = places.last(where: { $0.key == "state" }),
            catalog.hasPrefix("\(storage.root)/"),
            let job = members.first(where: { "\(catalog)/".hasPrefix("\(storage.root)/\($0.key)/") })
        else { return }
        reader.fault(
            place.value.offset, SchedulePath.root.key("storage").key("state"),
            "lies in the folder of the job \"\(job.key)\"",
            "Write a folder of its own, like \"/var/lib/archon-backupd\".")
    }
}

/// Turns byte offsets into lines and columns. It goes through the file once: each offset must be at or after the last.
private struct LineCounter {
    private let bytes: [UInt8]
    private var offset = 0
    private var line = 1
    private var column = 1

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func place(of next: Int) -> (line: Int, column: Int) {
        for byte in bytes[offset..<max(offset, min(next, bytes.count))] {
            if byte == 0x0a {
                line += 1
                column = 1
            } else if byte & 0xc0 != 0x80 {
                column += 1
            }
        }
        offset = max(offset, min(next, bytes.count))
        return (line, column)
    }
}
