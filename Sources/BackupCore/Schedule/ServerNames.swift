/// The names that a schedule's servers have, for those who name one.
struct ServerNames {
    let all: [String]
    /// Those that a message may repeat: what stands in the place of a name may have a password in it.
    let shown: [String]
    private let names: Set<String>

    /// A server that is wrong itself is still there to be named.
    init(_ servers: JSONNode?) {
        all = if case .object(let members)? = servers?.value { members.map(\.key) } else { [] }
        shown = all.filter { !PasswordText.isIn($0) }
        names = Set(all)
    }

    /// Where there are no servers at all, that is the fault, and any name will do.
    func contains(_ name: String) -> Bool { names.isEmpty || names.contains(name) }
}
