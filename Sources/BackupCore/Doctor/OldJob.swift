import Foundation

/// The lines by which the shell script that was here before is still called. Two of them on one host would dump everything twice,
/// and the old one prunes by its own rules.
package enum OldJob {
    package static let script = "backup-all-databases.sh"

    package enum Kind: Sendable {
        /// Lines of cron, or a script that cron runs.
        case crontab
        /// A service of systemd.
        case unit
    }

    package struct Line: Sendable, Equatable {
        /// From 1.
        package var number: Int
        /// As it stands there; of one with a password in it, only that it has one.
        package var text: String
    }

    package static func lines(in file: String, _ kind: Kind) -> [Line] {
        var isCommand = false
        var isContinued = false
        var found: [Line] = []
        // To Swift, a carriage return with a line feed is one character.
        let lines = file.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        for (index, raw) in lines.enumerated() {
            let line = raw.trimmingPrefix(while: \.isWhitespace)
            let isComment = line.first == "#" || kind == .unit && line.first == ";"
            switch kind {
            case .crontab: isCommand = true
            // systemd passes over a comment between the lines of one command.
            case .unit where isComment: continue
            case .unit:
                if !isContinued { isCommand = line.hasPrefix("Exec") }
                isContinued = line.hasSuffix("\\")
            }
            guard isCommand, !isComment, calls(line) else { continue }
            found.append(Line(number: index + 1, text: shown(line)))
        }
        return found
    }

    /// The unit that a timer's text names; nil when it begins the service of its own name.
    package static func unit(begunBy timer: String) -> String? {
        var unit: String?
        for line in timer.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                .map { $0.trimmingCharacters(in: .whitespaces) }
            // The last one counts.
            if parts.count == 2, parts[0] == "Unit" { unit = parts[1].isEmpty ? nil : parts[1] }
        }
        return unit
    }

    /// Of `name@instance.service` the unit that it is made of; nil for any other.
    package static func template(of unit: String) -> String? {
        guard let at = unit.firstIndex(of: "@"), let dot = unit.lastIndex(of: "."), at < dot else { return nil }
        return String(unit[...at]) + String(unit[dot...])
    }

    /// Whether the script's name stands there, and not as a part of another's.
    private static func calls(_ line: Substring) -> Bool {
        var rest = line
        while let place = rest.range(of: script) {
            let before = line[..<place.lowerBound].last
            let after = line[place.upperBound...].first
            if before.map(isPartOfName) != true, after.map({ isPartOfName($0) || $0 == "." }) != true { return true }
            rest = rest[place.upperBound...]
        }
        return false
    }

    private static func isPartOfName(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || character == "_" || character == "-"
    }

    private static func shown(_ line: Substring) -> String {
        var text = String(line)
        while text.last?.isWhitespace == true { text.removeLast() }
        return PasswordText.isIn(text) ? "(not shown: there is a password in it)" : text
    }
}
