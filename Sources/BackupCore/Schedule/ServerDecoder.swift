/// Reads one member of `servers`.
struct ServerDecoder {
    let reader: ScheduleReader
    let discovery: DiscoveryDecoder

    func server(_ member: JSONNode.Member, _ path: SchedulePath) -> Server? {
        NameRule.check(member, path, reader, what: "server")
        if member.key == DrillRule.Place.throwawayName {
            reader.fault(
                member.keyOffset, path,
                "the name of this server is taken: for a drill's \"on\" it is a server made for the drill",
                "Name it otherwise, here and where \"server\" or \"on\" names it.")
        }
        guard let members = reader.object(member.value, path, allowed: ScheduleKeys.server) else { return nil }
        var server = Server(name: member.key, connection: "")
        place(members, member, path, into: &server)
        server.concurrency = reader.integer(members["concurrency"], path.key("concurrency"), 1...64) ?? 1
        server.passfile = passfile(members["passfile"], path.key("passfile"))
        server.passwordCredential = credential(members["passwordCredential"], path.key("passwordCredential"))
        if let passfile = members["passfile"], members["passwordCredential"] != nil {
            reader.fault(
                passfile.offset, path.key("passfile"), "stands beside \"passwordCredential\"", "Keep one of the two.")
        }
        let maintenance = path.key("maintenanceDatabase")
        server.maintenanceDatabase =
            reader.databaseName(members["maintenanceDatabase"], maintenance, "postgres") ?? "postgres"
        server.discovery = discovery.discovery(members["discover"], path.key("discover"), server: member.key)
        return server
    }

    /// A connection, or a container in its place.
    private func place(
        _ members: JSONNode.Members, _ member: JSONNode.Member, _ path: SchedulePath, into server: inout Server
    ) {
        guard let node = members["container"] else {
            server.connection = connection(members["connection"], member, path) ?? ""
            return
        }
        server.container = ContainerDecoder(reader: reader).container(node, path.key("container"))
        guard let connection = members["connection"] else { return }
        if case .string(let text) = connection.value, PasswordText.isIn(text) {
            reader.password(connection.offset, path.key("connection"))
        }
        reader.fault(
            node.offset, path.key("container"), "stands beside \"connection\"",
            "Keep \"container\" to run the programs inside it, or \"connection\" to reach the server from this host.")
    }

    private func passfile(_ node: JSONNode?, _ path: SchedulePath) -> String? {
        guard let node, let file = reader.string(node, path, "/etc/archon-backupd/pgpass") else { return nil }
        guard file.utf8.first == UInt8(ascii: "/") else {
            reader.fault(
                node.offset, path, "\"\(file)\" is no absolute path",
                "Write it from / on, like \"/etc/archon-backupd/pgpass\".")
            return nil
        }
        return file
    }

    private func credential(_ node: JSONNode?, _ path: SchedulePath) -> String? {
        guard let node, let name = reader.string(node, path, "supabase") else { return nil }
        guard !name.utf8.contains(UInt8(ascii: "/")), name.utf8.first != UInt8(ascii: ".") else {
            reader.fault(
                node.offset, path, "\"\(name)\" is no name of a credential",
                "Write the name in LoadCredential=NAME:… of the unit.")
            return nil
        }
        return name
    }

    /// No message here repeats the text: what is wrong may be a password in the wrong place.
    private func connection(_ node: JSONNode?, _ member: JSONNode.Member, _ server: SchedulePath) -> String? {
        let example = "host=/var/run/postgresql user=postgres"
        let path = server.key("connection")
        guard let node else {
            reader.fault(
                member.keyOffset, server, "\"connection\" is missing",
                "Write \"connection\": \"\(example)\", or \"container\": { \"name\": \"…\" }.")
            return nil
        }
        guard let text = reader.text(node, path, example) else { return nil }
        let connection: ConnectionText
        do throws(ConnectionText.Fault) {
            connection = try ConnectionText(text)
        } catch {
            if PasswordText.isIn(text) { reader.password(node.offset, path) }
            reader.fault(
                node.offset, path, "is no connection string: \(error.what)",
                "Write \"host=… port=… user=…\" or \"postgresql://user@host:port\".")
            return nil
        }
        if connection.hasPassword || PasswordText.isIn(text) { reader.password(node.offset, path) }
        if connection.names.contains("dbname") {
            reader.fault(node.offset, path, "names a database", "Leave it out: each job names its own.")
        }
        if connection.names.contains("passfile") {
            reader.fault(node.offset, path, "names a password file", "Write it as \"passfile\" beside \"connection\".")
        }
        return text
    }
}
