/// Reads typed values out of JSON nodes and collects what is wrong with them; a value that is wrong reads as nil.
final class ScheduleReader {
    struct Noted {
        let offset: Int
        let path: String
        let message: String
        let hint: String
    }

    private(set) var noted: [Noted] = []
    private let faultLimit: Int

    /// No more than `faultLimit` faults are noted.
    init(faultLimit: Int) { self.faultLimit = faultLimit }

    func fault(_ offset: Int, _ path: SchedulePath, _ message: String, _ hint: String) {
        guard noted.count < faultLimit else { return }
        noted.append(Noted(offset: offset, path: path.text, message: message, hint: hint))
    }

    /// The members of an object whose keys are among `allowed`; others are faults.
    func object(_ node: JSONNode, _ path: SchedulePath, allowed: [String]) -> JSONNode.Members? {
        guard let members = members(node, path) else { return nil }
        for member in members where !allowed.contains(member.key) {
            unknown(member, path.key(member.key), allowed: allowed)
        }
        return JSONNode.Members(members)
    }

    /// The members of an object whose keys are names of the user's.
    func members(_ node: JSONNode, _ path: SchedulePath) -> [JSONNode.Member]? {
        guard case .object(let members) = node.value else {
            fault(node.offset, path, "must be an object, not \(node.kind)", "Write it as { … }.")
            return nil
        }
        return members
    }

    private func unknown(_ member: JSONNode.Member, _ path: SchedulePath, allowed: [String]) {
        // A file of nothing but unknown keys is not worth a search for each.
        guard noted.count < faultLimit else { return }
        guard !PasswordText.isKey(member.key) else { return password(member.keyOffset, path) }
        let distances = allowed.map { ($0, Self.distance($0, member.key)) }
        let nearest = distances.min { $0.1 < $1.1 }.flatMap { $0.1 <= max(2, member.key.count / 3) ? $0.0 : nil }
        let list = allowed.filter { $0 != "$schema" }.joined(separator: ", ")
        fault(
            member.keyOffset, path, "this key is unknown",
            nearest.map { "Did you mean \"\($0)\"?" } ?? "Known here: \(list).")
        findPasswords(in: member.value, path)
    }

    /// Nobody reads what stands under an unknown key, and all faults are told at once.
    private func findPasswords(in node: JSONNode, _ path: SchedulePath) {
        switch node.value {
        case .null, .bool, .number: break
        case .string(let text): if PasswordText.isIn(text) { password(node.offset, path) }
        case .array(let elements):
            for (index, element) in elements.enumerated() { findPasswords(in: element, path.index(index)) }
        case .object(let members):
            for member in members {
                if PasswordText.isKey(member.key) {
                    password(member.keyOffset, path.key(member.key))
                } else {
                    findPasswords(in: member.value, path.key(member.key))
                }
            }
        }
    }

    func password(_ offset: Int, _ path: SchedulePath) {
        fault(
            offset, path, "there is a password here, and this file is no place for one",
            "Use \"passfile\" (a libpq password file), \"passwordCredential\" (a systemd credential) or a service file."
        )
    }

    // Thousands of values are no fault: the place of one is put together where it is.

    func string(_ node: JSONNode?, _ path: @autoclosure () -> SchedulePath, _ example: String) -> String? {
        guard let node, let text = text(node, path(), example) else { return nil }
        // What reads as nil is repeated by no message.
        guard !PasswordText.isIn(text) else {
            password(node.offset, path())
            return nil
        }
        return text
    }

    /// A string that may hold a password: no message may repeat it.
    func text(_ node: JSONNode, _ path: @autoclosure () -> SchedulePath, _ example: String) -> String? {
        guard case .string(let text) = node.value else {
            fault(node.offset, path(), "must be a string, not \(node.kind)", "Write it like \"\(example)\".")
            return nil
        }
        guard !text.isEmpty, !text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) else {
            let what = text.isEmpty ? "is empty" : "has a control character in it"
            fault(node.offset, path(), what, "Write it like \"\(example)\".")
            return nil
        }
        return text
    }

    /// The name of a database, which may be any that PostgreSQL allows but for control characters.
    func databaseName(_ node: JSONNode?, _ path: @autoclosure () -> SchedulePath, _ example: String) -> String? {
        guard let name = string(node, path(), example), let node else { return nil }
        guard name.utf8.count <= 63 else {
            fault(node.offset, path(), "has \(name.utf8.count) bytes", "PostgreSQL's names have at most 63.")
            return nil
        }
        return name
    }

    func bool(_ node: JSONNode?, _ path: @autoclosure () -> SchedulePath) -> Bool? {
        guard let node else { return nil }
        guard case .bool(let value) = node.value else {
            fault(node.offset, path(), "must be true or false, not \(node.kind)", "Write true or false without quotes.")
            return nil
        }
        return value
    }

    func integer(_ node: JSONNode?, _ path: @autoclosure () -> SchedulePath, _ range: ClosedRange<Int>) -> Int? {
        guard let node else { return nil }
        var hint: String { "Write a whole number from \(range.lowerBound) to \(range.upperBound)." }
        guard case .number(let text) = node.value else {
            fault(node.offset, path(), "must be a number, not \(node.kind)", hint)
            return nil
        }
        guard let value = Int(text), range.contains(value) else {
            fault(node.offset, path(), "is \(text)", hint)
            return nil
        }
        return value
    }

    func seconds(_ node: JSONNode?, _ path: @autoclosure () -> SchedulePath, _ range: ClosedRange<Double>) -> Double? {
        guard let text = string(node, path(), "90s"), let node else { return nil }
        guard let seconds = TimeSpan.seconds(text) else {
            fault(node.offset, path(), "\"\(text)\" is no time span", "Write one like \"90s\", \"6h\" or \"1d 12h\".")
            return nil
        }
        guard range.contains(seconds) else {
            fault(
                node.offset, path(), "\"\(text)\" is out of range",
                "Write a time span from \(TimeSpan.text(range.lowerBound)) to \(TimeSpan.text(range.upperBound)).")
            return nil
        }
        return seconds
    }

    func bytes(_ node: JSONNode?, _ path: @autoclosure () -> SchedulePath, atLeast least: Int64) -> Int64? {
        guard let node else { return nil }
        var hint: String { "Write a size like \"500MiB\" or \"5GiB\"." }
        let text: String
        let bytes: Int64?
        switch node.value {
        case .string:
            guard let string = string(node, path(), "5GiB") else { return nil }
            (text, bytes) = ("\"\(string)\"", ByteSize.bytes(string))
        case .number(let number): (text, bytes) = (number, Int64(number))
        case .null, .bool, .array, .object:
            fault(node.offset, path(), "must be a size, not \(node.kind)", hint)
            return nil
        }
        guard let bytes, bytes >= least else {
            fault(node.offset, path(), "\(text) is no size that can be used here", hint)
            return nil
        }
        return bytes
    }

    /// Nil when any element is wrong.
    func strings(_ node: JSONNode?, _ path: @autoclosure () -> SchedulePath, _ example: String) -> [String]? {
        guard let node else { return nil }
        guard case .array(let elements) = node.value else {
            fault(
                node.offset, path(), "must be an array of strings, not \(node.kind)", "Write it like [\"\(example)\"].")
            return nil
        }
        let strings = elements.enumerated().compactMap { string($1, path().index($0), example) }
        return strings.count == elements.count ? strings : nil
    }

    func choice<Choice: RawRepresentable & CaseIterable>(_ node: JSONNode?, _ path: @autoclosure () -> SchedulePath)
        -> Choice?
    where Choice.RawValue == String {
        guard let text = string(node, path(), Choice.allCases.first?.rawValue ?? ""), let node else { return nil }
        guard let choice = Choice(rawValue: text) else {
            let choices = Choice.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: " or ")
            fault(node.offset, path(), "\"\(text)\" is not known", "Write \(choices).")
            return nil
        }
        return choice
    }

    /// Levenshtein's distance, case aside.
    private static func distance(_ left: String, _ right: String) -> Int {
        let right = Array(String(right.prefix(64)).lowercased())
        var row = Array(0...right.count)
        for (index, character) in left.lowercased().enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in right.indices {
                let above = row[column + 1]
                row[column + 1] = min(above + 1, row[column] + 1, diagonal + (right[column] == character ? 0 : 1))
                diagonal = above
            }
        }
        return row[right.count]
    }
}
