/// Writes a schedule.json for people to read and change.
enum ScheduleText {
    static func write(_ jobs: [ScheduleImport.Job], root: String, zoneName: String) -> String {
        var servers: [FoundServer] = []
        for job in jobs where !servers.contains(job.server) { servers.append(job.server) }
        var names: [String] = []
        for (index, server) in servers.enumerated() {
            let wanted = server.container.flatMap { NameRule.isSafe($0) && $0 != "throwaway" ? $0 : nil } ?? "main"
            names.append(names.contains(wanted) ? "server-\(index + 1)" : wanted)
        }
        let serverLines = zip(names, servers).map { "    \(quoted($0)): { \(server($1)) }" }
        let jobLines = jobs.map { job in
            var members: [String] = []
            if job.database != job.name { members.append("\"database\": \(quoted(job.database))") }
            if servers.count > 1, let index = servers.firstIndex(of: job.server) {
                members.append("\"server\": \(quoted(names[index]))")
            }
            members.append("\"\(job.key)\": \(quoted(job.times))")
            if let zone = job.timeZone { members.append("\"timeZone\": \(quoted(zone))") }
            // Kept is what either of them keeps.
            let rules = [job.keepLast.map { "\"keepLast\": \($0)" }, job.keepDays.map { "\"keepWithin\": \"\($0)d\"" }]
            let kept = rules.compactMap { $0 }.joined(separator: ", ")
            if !kept.isEmpty { members.append("\"retention\": { \(kept) }") }
            return "    \(quoted(job.name)): { \(members.joined(separator: ", ")) }"
        }
        return """
            {
              "version": 1,
              "storage": { "root": \(quoted(root)) },
              "timeZone": \(quoted(zoneName)),
              "servers": {
            \(serverLines.joined(separator: ",\n"))
              },
              "databases": {
            \(jobLines.joined(separator: ",\n"))
              }
            }

            """
    }

    private static func server(_ server: FoundServer) -> String {
        if let container = server.container {
            let user = server.user ?? "postgres"
            return
                "\"container\": { \"engine\": \(quoted(server.engine)), \"name\": \(quoted(container)), \"user\": \(quoted(user)) }"
        }
        var pairs = [("host", server.host ?? "/var/run/postgresql")]
        if let port = server.port { pairs.append(("port", port)) }
        pairs.append(("user", server.user ?? "postgres"))
        return "\"connection\": " + quoted(pairs.map { "\($0.0)=\(value($0.1))" }.joined(separator: " "))
    }

    /// A value of a libpq connection string.
    private static func value(_ text: String) -> String {
        let isPlain = !text.isEmpty && !text.contains { " '\\\t\n".contains($0) }
        return isPlain ? text : "'\(text.replacing("\\", with: "\\\\").replacing("'", with: "\\'"))'"
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            case _: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
