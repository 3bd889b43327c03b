/// What was found, held to what a dump should hold. Every difference is a line for people that names the thing and both
/// facts; none means equal.
package struct Differences: Sendable, Equatable {
    package private(set) var lines: [String] = []
    /// Who says what is expected: `the manifest`, `the dump`, `the source`.
    private let authority: String

    package init(from authority: String) { self.authority = authority }

    /// The first, and how many more there are; nil when there is none.
    package var summary: String? {
        lines.first.map { lines.count == 1 ? $0 : "\($0), and \(lines.count - 1) more differences" }
    }

    package mutating func compareRows(_ expected: [String: Int], _ found: [String: Int]) {
        for table in Set(expected.keys).union(found.keys).sorted() {
            switch (expected[table], found[table]) {
            case (let expected?, let found?) where expected != found:
                lines.append("\(table) has \(Plural.rows(found)) where \(authority) says \(expected)")
            case (let expected?, nil): lines.append("\(table) is missing, with \(Plural.rows(expected))")
            case (nil, let found?): lines.append("\(table), with \(Plural.rows(found)), is unknown to \(authority)")
            default: break
            }
        }
    }

    /// Only of tables that both have: which are missing is for `compareRows` to say.
    package mutating func compareContents(_ expected: [String: Fingerprint], _ found: [String: Fingerprint]) {
        for (table, fingerprint) in expected.sorted(by: { $0.key < $1.key }) {
            guard let other = found[table], other != fingerprint else { continue }
            lines.append("\(table) has rows with other contents than \(authority) says")
        }
    }

    package mutating func compareSequences(
        _ expected: [String: Manifest.SequenceValue], _ found: [String: Manifest.SequenceValue]
    ) {
        func text(_ value: Manifest.SequenceValue) -> String {
            "\(value.lastValue)\(value.isCalled ? "" : " (not called yet)")"
        }
        for (name, value) in expected.sorted(by: { $0.key < $1.key }) {
            guard let other = found[name] else {
                lines.append("the sequence \(name) is missing")
                continue
            }
            guard other != value else { continue }
            lines.append("the sequence \(name) is at \(text(other)) where \(authority) says \(text(value))")
        }
    }

    /// Entries by type, but for those that stand for data. Where `ignoringMore`, what was found beyond is no difference.
    package mutating func compareEntries(
        _ expected: [String: [String]], _ found: [String: [String]], ignoringMore: Bool = false
    ) {
        for type in Set(expected.keys).union(found.keys).subtracting(ArchiveFacts.dataTypes).sorted() {
            func entries(_ contents: [String: [String]]) -> Set<String> {
                let entries = (contents[type] ?? []).filter { !ArchiveFacts.isOfLargeObject($0) }
                return Set(Self.ofOwned.contains(type) ? entries.map { "\(Self.withoutOwner($0)) " } : entries)
            }
            let (wanted, there) = (entries(expected), entries(found))
            for entry in wanted.subtracting(there).sorted() {
                lines.append(missing(type, entry, there))
            }
            guard !ignoringMore else { continue }
            for entry in there.subtracting(wanted).sorted() where !lines.contains(where: { $0.contains(entry) }) {
                let isOtherOwner = wanted.contains { Self.withoutOwner($0) == Self.withoutOwner(entry) }
                if !isOtherOwner { lines.append("\(type) \(Self.withoutOwner(entry)) is unknown to \(authority)") }
            }
        }
    }

    /// Entries about an object, with its owner. What an archive makes has an entry of its own that says so. Of the rest, parts of
    /// extensions and of the system, no restore can choose the owner: who makes the extension, or the server.
    private static let ofOwned: Set<String> = ["ACL", "COMMENT", "SECURITY LABEL"]

    private func missing(_ type: String, _ entry: String, _ there: Set<String>) -> String {
        guard let other = there.first(where: { Self.withoutOwner($0) == Self.withoutOwner(entry) }) else {
            return "\(type) \(Self.withoutOwner(entry)) is missing"
        }
        return
            "\(type) \(Self.withoutOwner(entry)) belongs to \(Self.owner(other)) where \(authority) says \(Self.owner(entry))"
    }

    private static func withoutOwner(_ entry: String) -> Substring {
        entry.lastIndex(of: " ").map { entry[..<$0] } ?? entry[...]
    }

    private static func owner(_ entry: String) -> Substring {
        entry.lastIndex(of: " ").map { entry[entry.index(after: $0)...] } ?? ""
    }

    /// Grants. What an owner may do goes with the owner: where that is another, as for functions of an extension, the rights that either
    /// of them has on what it owns are no difference.
    package mutating func compareGrants(_ expected: ArchiveFacts, _ found: ArchiveFacts, ignoringMore: Bool = false) {
        let (missing, more) = (expected.grants.subtracting(found.grants), found.grants.subtracting(expected.grants))
        guard !missing.isEmpty || !more.isEmpty else { return }
        let pairs = Self.aclPairs(expected, found)
        func isMoot(_ statement: String, _ facts: ArchiveFacts) -> Bool {
            guard let entry = facts.aclEntries[statement], let pair = pairs[Self.withoutOwner(entry)], pair.count == 2
            else { return false }
            let roles = MentionedRoles.find(in: statement)
            return !roles.isEmpty && roles.allSatisfy { role in pair.contains { $0.hasSuffix(" \(role)") } }
        }
        for statement in missing.sorted() where !isMoot(statement, expected) {
            lines.append("this is not in force: \(statement)")
        }
        guard !ignoringMore else { return }
        for statement in more.sorted() where !isMoot(statement, found) {
            lines.append("this is in force and unknown to \(authority): \(statement)")
        }
    }

    /// By object, the entries of its ACL on both sides: two where the owner is another.
    private static func aclPairs(_ expected: ArchiveFacts, _ found: ArchiveFacts) -> [Substring: Set<String>] {
        var pairs: [Substring: Set<String>] = [:]
        for entry in (expected.contents["ACL"] ?? []) + (found.contents["ACL"] ?? []) {
            pairs[withoutOwner(entry), default: []].insert(entry)
        }
        return pairs
    }

    package mutating func compareInlineConstraints(
        _ expected: Set<String>, _ found: Set<String>, ignoringMore: Bool = false
    ) {
        for name in expected.subtracting(found).sorted() { lines.append("the constraint \(name) is missing") }
        guard !ignoringMore else { return }
        for name in found.subtracting(expected).sorted() {
            lines.append("the constraint \(name) is unknown to \(authority)")
        }
    }

    package mutating func compareUnvalidated(_ expected: Set<String>, _ found: Set<String>) {
        for name in expected.symmetricDifference(found).sorted() {
            lines.append(
                expected.contains(name)
                    ? "the constraint \(name) is validated where \(authority) says it is not"
                    : "the constraint \(name) is not validated")
        }
    }

    package mutating func compareLargeObjects(
        _ expected: (count: Int, data: Fingerprint?), _ found: (count: Int, data: Fingerprint?)
    ) {
        if expected.count != found.count {
            lines.append("there are \(found.count) large objects where \(authority) says \(expected.count)")
        } else if let data = expected.data, let other = found.data, data != other {
            lines.append("there are large objects with other contents than \(authority) says")
        }
    }

    package mutating func note(_ line: String) { lines.append(line) }
}

extension Differences {
    /// What an archive was found to hold, against its manifest: as far as that says something.
    package static func between(_ manifest: Manifest, _ facts: ArchiveFacts, hash: RowHash) -> Differences {
        var differences = Differences(from: "the manifest")
        differences.compareRows(manifest.rows, facts.rows)
        if let fingerprints = manifest.fingerprints { differences.compareContents(fingerprints, facts.fingerprints) }
        if let sequences = manifest.sequences { differences.compareSequences(sequences, facts.sequences) }
        if let contents = manifest.contents, contents != facts.contents {
            differences.compareEntries(contents, facts.contents)
            if differences.lines.isEmpty { differences.note("its entries are not those of the manifest") }
        }
        if let grants = manifest.grants, grants != hash.fingerprint(of: facts.grants) {
            differences.note("its grants are not those of the manifest")
        }
        if let unvalidated = manifest.unvalidated {
            differences.compareUnvalidated(Set(unvalidated), facts.unvalidated)
        }
        differences.compareLargeObjects(
            (manifest.largeObjects, manifest.largeObjectData), (facts.largeObjects, facts.largeObjectData))
        return differences
    }
}

extension ArchiveFacts {
    /// Entries that stand for data, which are compared by their contents; a script of a schema alone has none of them.
    package static let dataTypes: Set<String> = [
        "TABLE DATA", "SEQUENCE SET", "MATERIALIZED VIEW DATA", "BLOB", "BLOBS", "BLOB METADATA", "LARGE OBJECT",
        "STATISTICS DATA",
    ]

    /// ACL, COMMENT and the like of large objects, which a script of a schema alone leaves out.
    package static func isOfLargeObject(_ entry: String) -> Bool { entry.hasPrefix("- LARGE OBJECT ") }
}
