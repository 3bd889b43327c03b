/// Reads "expect".
struct ExpectationDecoder {
    let reader: ScheduleReader

    func expectation(_ node: JSONNode, _ path: SchedulePath) -> ExpectedContents? {
        guard let members = reader.object(node, path, allowed: ScheduleKeys.expect) else { return nil }
        var expected = ExpectedContents()
        if let tables = members["tables"] { expected.tables = self.tables(tables, path.key("tables")) }
        expected.extensions = reader.strings(members["extensions"], path.key("extensions"), "pg_trgm") ?? []
        expected.schemas = reader.strings(members["schemas"], path.key("schemas"), "public") ?? []
        expected.owner = reader.string(members["owner"], path.key("owner"), "postgres")
        guard ScheduleKeys.expect.allSatisfy({ members[$0] == nil }) else { return expected }
        reader.fault(
            node.offset, path, "expects nothing",
            "Add \"tables\": {\"public.archon_*\": 11}, \"extensions\", \"schemas\" or \"owner\", or leave it out.")
        return nil
    }

    private func tables(_ node: JSONNode, _ path: SchedulePath) -> [ExpectedContents.Tables] {
        (reader.members(node, path) ?? []).compactMap { member in
            let place = path.key(member.key)
            if let wildcard = TablePattern.foreignWildcard(in: member.key) {
                reader.fault(
                    member.keyOffset, place, "has \(wildcard) outside double quotes, which no name has",
                    "Write * for any characters and ? for one; a name that has \(wildcard) goes in double quotes.")
                return nil
            }
            guard let pattern = TablePattern(member.key) else {
                reader.fault(
                    member.keyOffset, place, "is no schema.table",
                    "Write it like \"public.archon_*\"; a name with a dot or capitals goes in double quotes.")
                return nil
            }
            guard let count = reader.integer(member.value, place, 0...1_000_000) else { return nil }
            return ExpectedContents.Tables(pattern: pattern, count: count)
        }
    }
}
