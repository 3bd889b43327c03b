import Foundation

/// Lines of a crontab, a user's or one of /etc/cron.d.
enum Crontab {
    /// A line with five fields that cron would take, or one of its words; and no script's first line.
    static func isCrontab(_ text: String) -> Bool {
        guard !text.hasPrefix("#!") else { return false }
        return text.split(separator: "\n").contains { line in
            guard let (times, command) = split(line), !command.isEmpty else { return false }
            return times.hasPrefix("@") || isTimes(times)
        }
    }

    private static func isTimes(_ text: String) -> Bool {
        do {
            _ = try CronExpression(text)
            return true
        } catch {
            return false
        }
    }

    static func read(_ text: String, file: String) -> ScheduleImport.Found {
        var found = ScheduleImport.Found()
        var variables: [String: ShellValue] = [:]
        var zoneName: String?
        var steps = CrontabLine.allStepLimit
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let number = index + 1
            let trimmed = line.drop { $0 == " " || $0 == "\t" }
            guard !trimmed.isEmpty, trimmed.first != "#" else { continue }
            if let (name, value) = setting(trimmed) {
                if name == "CRON_TZ" { zoneName = value }
                if name == "TZ" {
                    found.notes.append(
                        .init(line: number, text: "TZ is for the commands, and moves no time of cron's: left"))
                }
                variables[name] = ShellValue(text: value)
                continue
            }
            guard let (times, command) = split(trimmed) else {
                found.notes.append(.init(line: number, text: "is no line of a crontab: left"))
                continue
            }
            read(times, command, number, variables, zoneName, &steps, &found)
        }
        return found
    }

    private static func read(
        _ times: String, _ command: String, _ number: Int, _ variables: [String: ShellValue], _ zoneName: String?,
        _ steps: inout Int, _ found: inout ScheduleImport.Found
    ) {
        do {
            guard try CronExpression(times).next(after: Date(timeIntervalSince1970: 0), in: .utc) != nil else {
                return found.notes.append(.init(line: number, text: "\(times) names no day that ever comes: left"))
            }
        } catch {
            let fault = (error as? Failure)?.message ?? "\(times) is no cron line"
            return found.notes.append(.init(line: number, text: "\(fault): left"))
        }
        let node = ShellParser.parse(withoutUser(upToPercent(command)), line: number)
        CrontabLine(times: times, number: number, variables: variables, zoneName: zoneName).read(
            node, steps: &steps, &found)
    }

    /// `NAME = value`, with or without quotes.
    private static func setting(_ line: Substring) -> (String, String)? {
        guard let sign = line.firstIndex(of: "=") else { return nil }
        func trimmed(_ text: Substring) -> Substring {
            var text = text.drop { $0 == " " || $0 == "\t" }
            while text.last == " " || text.last == "\t" || text.last == "\r" { text.removeLast() }
            return text
        }
        let name = trimmed(line[..<sign])
        guard ShellWord.isName(name) else { return nil }
        var value = trimmed(line[line.index(after: sign)...])
        if let quote = value.first, quote == "\"" || quote == "'", value.count > 1, value.last == quote {
            value = value.dropFirst().dropLast()
        }
        return (String(name), String(value))
    }

    /// The times and what follows them.
    private static func split(_ line: Substring) -> (times: String, command: String)? {
        var rest = line.drop { $0 == " " || $0 == "\t" }
        guard let first = rest.first, first != "#" else { return nil }
        var fields: [Substring] = []
        for _ in 0..<(first == "@" ? 1 : 5) {
            let field = rest.prefix { $0 != " " && $0 != "\t" }
            guard let start = field.first, "@*0123456789".contains(start) || fields.count > 2 else { return nil }
            fields.append(field)
            rest = rest.dropFirst(field.count).drop { $0 == " " || $0 == "\t" }
        }
        guard !rest.isEmpty else { return nil }
        return (fields.joined(separator: " "), String(rest))
    }

    /// To cron an unescaped % ends the command; what follows is its input.
    private static func upToPercent(_ command: String) -> String {
        var text = ""
        var isEscaped = false
        for character in command {
            if isEscaped {
                text += character == "%" ? "%" : "\\\(character)"
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "%" {
                break
            } else {
                text.append(character)
            }
        }
        return text
    }

    private static let commands: Set<String> = [
        "pg_dump", "pg_dumpall", "docker", "podman", "sh", "bash", "dash", "cd", "find", "sudo", "su", "nice", "ionice",
        "env",
        "timeout", "test", "flock", "psql", "gzip", "rm", "umask", "date", "export", "set", "if", "for", "time",
        "nohup",
        "chronic", "exec", "echo", "mkdir", "tar", "systemctl", "run-parts", "setsid", "command",
    ]

    /// In /etc/cron.d the sixth field is a user.
    private static func withoutUser(_ command: String) -> String {
        let user = command.prefix { $0 != " " && $0 != "\t" }
        let rest = command.dropFirst(user.count).drop { $0 == " " || $0 == "\t" }
        let isName = user.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "_" || $0 == "-") }
        guard isName, !rest.isEmpty, rest.first != "-", rest.first != ">", !commands.contains(String(user)) else {
            return command
        }
        return String(rest)
    }
}
