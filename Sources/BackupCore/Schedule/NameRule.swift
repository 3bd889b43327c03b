import Foundation

/// What a job or a server may be called: jobs are folders and parts of file names, and both stand in messages.
enum NameRule {
    static func check(_ member: JSONNode.Member, _ path: SchedulePath, _ reader: ScheduleReader, what: String) {
        // A connection string in the place of a name.
        guard !PasswordText.isIn(member.key) else { return reader.password(member.keyOffset, path) }
        guard let fault = fault(in: member.key) else { return }
        let hint = "Use at most 63 bytes, no /, no .., no control characters, no leading - or dot"
        reader.fault(
            member.keyOffset, path, "the name of this \(what) \(fault)",
            what == "job" ? "\(hint); \"database\" may name any database." : hint + ".")
    }

    static func isSafe(_ name: String) -> Bool { fault(in: name) == nil && !PasswordText.isIn(name) }

    /// By scalars: to a Swift character, a slash with an accent on it is no slash; to the kernel it is.
    private static func fault(in name: String) -> String? {
        if isPlain(name) { return nil }
        let scalars = name.unicodeScalars
        if scalars.isEmpty { return "is empty" }
        if name.utf8.count > 63 { return "has \(name.utf8.count) bytes" }
        if let first = scalars.first, first == "-" || first == "." { return "begins with \(first)" }
        if scalars.contains("/") { return "has a / in it" }
        if zip(scalars, scalars.dropFirst()).contains(where: { $0 == "." && $1 == "." }) { return "has .. in it" }
        if scalars.contains(where: isControl) { return "has a control character in it" }
        if [scalars.first, scalars.last].contains(where: { $0?.properties.isWhitespace == true }) {
            return "begins or ends with a space"
        }
        return nil
    }

    /// Letters, digits and `_` alone: what most names are.
    private static func isPlain(_ name: String) -> Bool {
        (1...63).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }

    static func isControl(_ scalar: UnicodeScalar) -> Bool {
        scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value) || [0x2028, 0x2029].contains(scalar.value)
    }

    /// Equal for two names that a file system may take for one: CIFS, vfat, casefolding ext4 and ZFS pass over case, over
    /// how a letter is composed, or over dots and spaces at the end.
    static func folder(of name: String) -> String {
        // Nothing is composed in it, and nothing stands at its end.
        if isPlain(name) { return name.lowercased() }
        let folded = name.precomposedStringWithCompatibilityMapping.lowercased()
            .precomposedStringWithCompatibilityMapping
        return String(folded.reversed().drop { $0 == "." || $0 == " " }.reversed())
    }
}
