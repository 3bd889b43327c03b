/// What a script of `pg_restore -f -`, or of `pg_dump --schema-only`, says of a database.
package struct ArchiveFacts: Sendable, Equatable {
    /// The data of one table.
    package struct TableData: Sendable, Equatable {
        package var rows: Int
        /// Of its COPY lines, each without its line feed.
        package var fingerprint: Fingerprint
        /// As in the COPY statement, `(id, "Odd name")`; empty for a table without columns.
        package var columns: String

        package init(rows: Int, fingerprint: Fingerprint, columns: String) {
            self.rows = rows
            self.fingerprint = fingerprint
            self.columns = columns
        }
    }

    /// By table, the key as in the COPY statement: `public.t`, `public."Odd name"`.
    package var tables: [String: TableData] = [:]
    /// By sequence, the key in the same form.
    package var sequences: [String: Manifest.SequenceValue] = [:]
    /// The entries of the table of contents by type: `INDEX` has `public settings_key_idx postgres`, which is schema, name
    /// and owner in pg_restore's words, `-` where there is none. In the order of the script.
    package var contents: [String: [String]] = [:]
    /// GRANT, REVOKE and ALTER DEFAULT PRIVILEGES statements, but for those of large objects.
    package var grants: Set<String> = []
    /// Of each of those that belongs to an entry `ACL`, that entry as in `contents`.
    package var aclEntries: [String: String] = [:]
    /// Constraints that nobody has checked against their rows: `public.t t_amount_check`.
    package var unvalidated: Set<String> = []
    /// CHECK constraints and NOT NULL columns that have no entry of their own, being part of their table's or domain's:
    /// `public.t t_amount_check`, `public.t id NOT NULL`.
    package var inlineConstraints: Set<String> = []
    /// Owners, and who is granted something or stands in a policy: the roles without which it does not restore.
    package var roles: Set<String> = []
    /// As the script sets it; nil when it does not.
    package var clientEncoding: String?
    package var largeObjects = 0
    /// Of each large object with data its number, a tab and its bytes as hexadecimal digits.
    package var largeObjectData = Fingerprint()

    package init() {}

    package var rows: [String: Int] { tables.mapValues(\.rows) }
    package var fingerprints: [String: Fingerprint] { tables.mapValues(\.fingerprint) }

    /// Notes an entry's heading, `Name: t; Type: TABLE; Schema: public; Owner: postgres` and perhaps more. Returns the entry of an ACL.
    mutating func note(heading: Substring) -> String? {
        let names = heading.hasPrefix("Data for Name: ") ? heading.dropFirst(15) : heading.dropFirst(6)
        // A name may hold what looks like the next part. No type does, so that the first "; Schema: " after the last "; Type: "
        // ends it; before the owner the last mark counts, and after it that of a tablespace.
        guard let type = names.lastRange(of: "; Type: ") else { return nil }
        let rest = names[type.upperBound...]
        guard let schema = rest.firstRange(of: "; Schema: "),
            let owner = rest[schema.upperBound...].lastRange(of: "; Owner: ")
        else { return nil }
        let last = rest[owner.upperBound...]
        let end = last.lastRange(of: "; Tablespace: ")?.lowerBound ?? last.endIndex
        let entry = "\(rest[schema.upperBound..<owner.lowerBound]) \(names[..<type.lowerBound]) \(last[..<end])"
        contents[String(rest[..<schema.lowerBound]), default: []].append(entry)
        return rest[..<schema.lowerBound] == "ACL" ? entry : nil
    }

    /// Notes what a statement says, if it is one of those that are held to the restored database. `acl` is the entry that it stands
    /// below, when that is one of an ACL.
    mutating func note(statement text: String, acl: String?) {
        roles.formUnion(MentionedRoles.find(in: text))
        if text.hasPrefix("SELECT pg_catalog.lo_create(") {
            largeObjects += 1
        } else if text.hasPrefix("SET client_encoding = '") {
            clientEncoding = String(text.dropFirst(23).prefix { $0 != "'" })
        } else if text.hasPrefix("SELECT pg_catalog.setval('") {
            noteSequence(text.dropFirst(26))
        } else if text.hasPrefix("GRANT ") || text.hasPrefix("REVOKE ") || text.hasPrefix("ALTER DEFAULT PRIVILEGES ") {
            guard !text.contains(" ON LARGE OBJECT ") else { return }
            grants.insert(text)
            if let acl { aclEntries[text] = acl }
        } else if text.hasPrefix("ALTER "), text.hasSuffix(" NOT VALID;") || text.hasSuffix(" NOT ENFORCED;") {
            noteUnvalidated(text)
        } else if text.hasPrefix("CREATE "), text.contains("NOT NULL") || text.contains("CONSTRAINT ") {
            noteInlineConstraints(text)
        }
    }

    /// `CREATE TABLE public.t (`, `    id integer NOT NULL,`, `    CONSTRAINT t_amount_check CHECK (…)`, `);`, and of a domain
    /// `CREATE DOMAIN public.d AS integer NOT NULL`, a tab and `CONSTRAINT d_check CHECK (…);`. The names alone: a server may
    /// write an expression in other words when it was restored.
    private mutating func noteInlineConstraints(_ text: String) {
        let lines = text.split(separator: "\n")
        guard let first = lines.first,
            let kind = ["CREATE TABLE ", "CREATE UNLOGGED TABLE ", "CREATE FOREIGN TABLE ", "CREATE DOMAIN "].first(
                where: { first.hasPrefix($0) })
        else { return }
        let relation = Self.identifier(first.dropFirst(kind.count))
        if first.hasPrefix("CREATE DOMAIN "), first.hasSuffix(" NOT NULL;") || first.hasSuffix(" NOT NULL") {
            inlineConstraints.insert("\(relation) NOT NULL")
        }
        for line in lines.dropFirst() {
            guard let start = ["    ", "\t"].first(where: { line.hasPrefix($0) }) else { continue }
            let rest = line.dropFirst(start.count)
            if rest.hasPrefix("CONSTRAINT ") {
                inlineConstraints.insert("\(relation) \(Self.identifier(rest.dropFirst(11)))")
            } else if rest.hasSuffix(" NOT NULL") || rest.hasSuffix(" NOT NULL,") {
                inlineConstraints.insert("\(relation) \(Self.identifier(rest)) NOT NULL")
            }
        }
    }

    /// `public.t_id_seq', 42, true);`
    private mutating func noteSequence(_ text: Substring) {
        guard let end = text.lastRange(of: "', ") else { return }
        let words = text[end.upperBound...].dropLast(2).split(separator: ", ")
        guard words.count == 2, let value = Int64(words[0]) else { return }
        let name = text[..<end.lowerBound].replacing("''", with: "'")
        sequences[String(name)] = .init(lastValue: value, isCalled: words[1] == "true")
    }

    /// `ALTER TABLE public.t` or `ALTER TABLE ONLY public.t`, a line feed, `    ADD CONSTRAINT name CHECK (…) NOT VALID;`
    private mutating func noteUnvalidated(_ text: String) {
        guard let add = text.range(of: "\n    ADD CONSTRAINT ") else { return }
        let words = text[..<add.lowerBound].split(separator: " ", maxSplits: 2)
        guard words.count == 3 else { return }
        let relation = words[2].hasPrefix("ONLY ") ? words[2].dropFirst(5) : words[2]
        unvalidated.insert("\(relation) \(Self.identifier(text[add.upperBound...]))")
    }

    /// The identifier that `text` begins with, quoted or not.
    private static func identifier(_ text: Substring) -> Substring {
        var isQuoted = false
        let end = text.firstIndex { character in
            if character == "\"" { isQuoted.toggle() }
            return !isQuoted && character == " "
        }
        return text[..<(end ?? text.endIndex)]
    }
}

extension Substring {
    fileprivate func lastRange(of text: String) -> Range<Substring.Index>? { ranges(of: text).last }
}
