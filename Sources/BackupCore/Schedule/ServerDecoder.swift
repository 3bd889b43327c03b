/// Reads one member of `servers`.
struct ServerDecoder {
    let reader: ScheduleReader

    func server(_ member: JSONNode.Member, _ path: SchedulePath) -> Server? {
        NameRule.check(member, path, reader, what: "server")
        guard let members = reader.object(member.value, path, allowed: ScheduleKeys.server) else { return nil }
        let example = "host=/var/run/postgresql user=postgres"
        if members["connection"] == nil {
            reader.fault(member.keyOffset, path, "\"connection\" is missing", "Write \"connection\": \"\(example)\".")
        }
        let connection = reader.string(members["connection"], path.key("connection"), example)
        if let connection, let node = members["connection"] { check(connection, node, path.key("connection")) }
        var server = Server(name: member.key, connection: connection ?? "")
        server.concurrency = reader.integer(members["concurrency"], path.key("concurrency"), 1...64) ?? 1
        if let node = members["passfile"],
            let file = reader.string(node, path.key("passfile"), "/etc/archon-backupd/pgpass")
        {
            if !file.hasPrefix("/") {
                reader.fault(
                    node.offset, path.key("passfile"), "\"\(file)\" is no absolute path", "Write it from / on.")
            }
            server.passfile = file
        }
        if let node = members["passwordCredential"],
            let name = reader.string(node, path.key("passwordCredential"), "supabase")
        {
            if name.contains("/") || name.hasPrefix(".") {
                reader.fault(
                    node.offset, path.key("passwordCredential"), "\"\(name)\" is no name of a credential",
                    "Write the name in LoadCredential=NAME:… of the unit.")
            }
            server.passwordCredential = name
            if let passfile = members["passfile"] {
                reader.fault(
                    passfile.offset, path.key("passfile"), "stands beside \"passwordCredential\"",
                    "Keep one of the two.")
            }
        }
        if let name = reader.string(members["maintenanceDatabase"], path.key("maintenanceDatabase"), "postgres") {
            server.maintenanceDatabase = name
        }
        return server
    }

    /// No message here repeats the text: what is wrong may be a password in the wrong place.
    private func check(_ text: String, _ node: JSONNode, _ path: SchedulePath) {
        let connection: ConnectionText
        do throws(ConnectionText.Fault) {
            connection = try ConnectionText(text)
        } catch {
            guard case .malformed(let what) = error else { return }
            let isAboutPassword = text.lowercased().contains("password")
            return reader.fault(
                node.offset, path,
                "is no connection string: \(isAboutPassword ? "it cannot be read, and a password is in it" : what)",
                "Write \"host=… port=… user=…\" or \"postgresql://user@host:port\".")
        }
        if connection.names("password") || connection.names("sslpassword") {
            reader.fault(
                node.offset, path, "has a password in it, and this file is no place for one",
                ScheduleReader.passwordHint)
        }
        if connection.names("dbname") {
            reader.fault(node.offset, path, "names a database", "Leave it out: each job names its own.")
        }
        if connection.names("passfile") {
            reader.fault(node.offset, path, "names a password file", "Write it as \"passfile\" beside \"connection\".")
        }
    }
}

/// What a job or a server may be called: jobs are folders and parts of file names, and both stand in messages.
enum NameRule {
    static func check(_ member: JSONNode.Member, _ path: SchedulePath, _ reader: ScheduleReader, what: String) {
        let name = member.key
        let fault: String? =
            if name.isEmpty { "is empty" } else if name.utf8.count > 63 {
                "has \(name.utf8.count) bytes"
            } else if name.hasPrefix("-") || name.hasPrefix(".") {
                "begins with \(name.prefix(1))"
            } else if name.contains("/") { "has a / in it" } else if name.contains("..") {
                "has .. in it"
            } else if name.unicodeScalars.contains(where: {
                $0.value < 0x20 || (0x7f..<0xa0).contains($0.value) || $0.value == 0x2028 || $0.value == 0x2029
            }) {
                "has a control character in it"
            } else if name.first?.isWhitespace == true || name.last?.isWhitespace == true {
                "begins or ends with a space"
            } else { nil }
        guard let fault else { return }
        let hint = "Use at most 63 bytes, no /, no .., no control characters, no leading - or dot"
        reader.fault(
            member.keyOffset, path, "the name of this \(what) \(fault)",
            what == "job" ? "\(hint); \"database\" may name any database." : hint + ".")
    }
}
