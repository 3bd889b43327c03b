/// Reads "contacts".
struct ContactDecoder {
    let reader: ScheduleReader

    func contacts(_ node: JSONNode?, _ path: SchedulePath) -> [Contact] {
        guard let node else { return [] }
        guard case .array(let elements) = node.value else {
            reader.fault(
                node.offset, path, "must be an array of objects, not \(node.kind)",
                "Write it like [{ \"name\": \"Ana\", \"phone\": \"+359 2 000 000\" }].")
            return []
        }
        return elements.enumerated().compactMap { contact($1, path.index($0)) }
    }

    private func contact(_ node: JSONNode, _ path: SchedulePath) -> Contact? {
        guard let members = reader.object(node, path, allowed: ScheduleKeys.contact) else { return nil }
        guard let name = members["name"] else {
            reader.fault(node.offset, path, "\"name\" is missing", "Write \"name\": \"Ana\".")
            return nil
        }
        let role = reader.string(members["role"], path.key("role"), "database administrator")
        let phone = reader.string(members["phone"], path.key("phone"), "+359 2 000 000")
        let email = reader.string(members["email"], path.key("email"), "ana@example.org")
        let note = reader.string(members["note"], path.key("note"), "at night by phone only")
        return reader.string(name, path.key("name"), "Ana").map {
            Contact(name: $0, role: role, phone: phone, email: email, note: note)
        }
    }
}
