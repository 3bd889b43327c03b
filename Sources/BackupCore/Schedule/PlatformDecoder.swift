/// Reads "platform".
struct PlatformDecoder {
    let reader: ScheduleReader

    func platform(_ node: JSONNode?, _ path: SchedulePath) -> Platform {
        var platform = Platform()
        guard let node, let members = reader.object(node, path, allowed: ScheduleKeys.platform) else { return platform }
        let container = ContainerDecoder(reader: reader)
        if let engine = members["engine"] {
            platform.engine = container.engine(engine, path.key("engine")) ?? .docker
        }
        platform.socket = container.socket(members["socket"], path.key("socket"))
        platform.hosts = named(members["hosts"], path.key("hosts"), what: "host", Endpoint.isHost, host)
        platform.endpoints = named(members["endpoints"], path.key("endpoints"), what: "endpoint", nil, endpoint)
        platform.containers = containers(members["containers"], path.key("containers"))
        platform.postgrest = named(
            members["postgrest"], path.key("postgrest"), what: "container", ContainerDecoder.isName, postgrest)
        return platform
    }

    /// Objects under names of the user's: those that `isName` takes, or that a job could have.
    private func named<Value>(
        _ node: JSONNode?, _ path: SchedulePath, what: String, _ isName: ((String) -> Bool)?,
        _ read: (JSONNode.Member, SchedulePath) -> Value?
    ) -> [Value] {
        guard let node else { return [] }
        return (reader.members(node, path) ?? []).compactMap { member in
            let place = path.key(member.key)
            if PasswordText.isIn(member.key) {
                reader.password(member.keyOffset, path)
                return nil
            }
            if let isName, !isName(member.key) {
                reader.fault(
                    member.keyOffset, place, "is no name of a \(what)",
                    "Write letters, digits, _ . -, with a letter or digit at the beginning.")
                return nil
            }
            if isName == nil { NameRule.check(member, place, reader, what: what) }
            return read(member, place)
        }
    }

    private func host(_ member: JSONNode.Member, _ path: SchedulePath) -> Platform.Host? {
        guard let members = reader.object(member.value, path, allowed: ScheduleKeys.platformHost) else { return nil }
        let containers = containers(members["containers"], path.key("containers"))
        // Such as host.docker.internal, which only containers need to know.
        let here = reader.bool(members["here"], path.key("here")) ?? containers.isEmpty
        return Platform.Host(name: member.key, containers: containers, isNamedHere: here)
    }

    private func containers(_ node: JSONNode?, _ path: SchedulePath) -> [String] {
        guard let node, let names = reader.strings(node, path, "archon-server"), case .array(let elements) = node.value
        else { return [] }
        for (index, name) in names.enumerated() where !ContainerDecoder.isName(name) {
            reader.fault(
                elements[index].offset, path.index(index), "\"\(name)\" is no name of a container",
                "Write it as `docker ps` shows it: letters, digits, _ . -, like \"archon-server\".")
        }
        return names
    }

    private func endpoint(_ member: JSONNode.Member, _ path: SchedulePath) -> Endpoint? {
        guard let members = reader.object(member.value, path, allowed: ScheduleKeys.endpoint) else { return nil }
        let example = "http://127.0.0.1:8181/health"
        let status = reader.integer(members["status"], path.key("status"), 100...599)
        let timeout = reader.seconds(members["timeout"], path.key("timeout"), 0.1...300) ?? 5
        guard let node = members["url"] else {
            reader.fault(member.value.offset, path, "\"url\" is missing", "Write \"url\": \"\(example)\".")
            return nil
        }
        guard let url = reader.string(node, path.key("url"), example) else { return nil }
        guard let address = Endpoint.Address(url) else {
            reader.fault(
                node.offset, path.key("url"), "is no URL that can be asked here",
                "Write \"\(example)\": http alone, without user, fragment and spaces.")
            return nil
        }
        return Endpoint(name: member.key, url: url, address: address, status: status, timeoutSeconds: timeout)
    }

    private func postgrest(_ member: JSONNode.Member, _ path: SchedulePath) -> Platform.PostgREST? {
        guard let members = reader.object(member.value, path, allowed: ScheduleKeys.postgrest) else { return nil }
        guard let node = members["database"] else {
            reader.fault(
                member.value.offset, path, "\"database\" is missing", "Write \"database\": \"archon_db\".")
            return nil
        }
        return reader.databaseName(node, path.key("database"), "archon_db").map {
            Platform.PostgREST(container: member.key, database: $0)
        }
    }
}
