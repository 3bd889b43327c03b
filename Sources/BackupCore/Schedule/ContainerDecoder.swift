/// Reads a server's "container".
struct ContainerDecoder {
    let reader: ScheduleReader

    func container(_ node: JSONNode?, _ path: SchedulePath) -> Container? {
        guard let node, let members = reader.object(node, path, allowed: ScheduleKeys.container) else { return nil }
        var engine: Container.Engine? = .docker
        if let said = members["engine"] { engine = self.engine(said, path.key("engine")) }
        let name = name(members["name"], node, path)
        var user: String? = "postgres"
        if let said = members["user"] { user = self.user(said, path.key("user")) }
        let socket = socket(members["socket"], path.key("socket"))
        guard let engine, let name, let user else { return nil }
        return Container(engine: engine, socket: socket, name: name, user: user)
    }

    func socket(_ node: JSONNode?, _ path: SchedulePath) -> String? {
        let example = "/run/archon-docker-proxy/docker.sock"
        guard let node, let socket = reader.string(node, path, example) else { return nil }
        guard socket.hasPrefix("/") else {
            reader.fault(
                node.offset, path, "\"\(socket)\" is no absolute path", "Write the engine's socket like \"\(example)\"."
            )
            return nil
        }
        return socket
    }

    func engine(_ node: JSONNode, _ path: SchedulePath) -> Container.Engine? {
        guard let word = reader.string(node, path, "docker") else { return nil }
        if let engine = Container.Engine(rawValue: word) { return engine }
        let known = Container.Engine.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: " or ")
        reader.fault(node.offset, path, "\"\(word)\" is no engine that is known", "Write \(known).")
        return nil
    }

    private func name(_ node: JSONNode?, _ container: JSONNode, _ path: SchedulePath) -> String? {
        guard let node else {
            reader.fault(
                container.offset, path, "\"name\" is missing", "Write the container's name, as `docker ps` shows it.")
            return nil
        }
        guard let name = reader.string(node, path.key("name"), "supabase-ai-db") else { return nil }
        guard Self.isName(name) else {
            reader.fault(
                node.offset, path.key("name"), "\"\(name)\" is no name of a container",
                "Write it as `docker ps` shows it: letters, digits, _ . -, like \"supabase-ai-db\".")
            return nil
        }
        return name
    }

    /// Engines take letters, digits, `_`, `.` and `-`, the first a letter or digit; nothing else may become an argument.
    static func isName(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.enumerated().allSatisfy { index, byte in
                let letter = Unicode.Scalar(byte).properties
                return byte < 0x80
                    && (letter.isAlphabetic || letter.numericType != nil || index > 0 && "_.-".utf8.contains(byte))
            }
    }

    private func user(_ node: JSONNode, _ path: SchedulePath) -> String? {
        guard let user = reader.string(node, path, "postgres") else { return nil }
        guard !user.isEmpty, user.utf8.count <= 63, !user.unicodeScalars.contains(where: { $0.value < 0x20 }) else {
            reader.fault(
                node.offset, path, "is no name of a role",
                "Write the role to connect as, at most 63 bytes, like \"postgres\".")
            return nil
        }
        return user
    }
}
