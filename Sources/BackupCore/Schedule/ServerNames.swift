/// The names that a schedule's servers have, for those who name one.
struct ServerNames {
    let all: [String]

    /// A server that is wrong itself is still there to be named.
    init(_ servers: JSONNode?) {
        all = if case .object(let members)? = servers?.value { members.map(\.key) } else { [] }
    }

    /// Those that a message may repeat: what stands in the place of a name may have a password in it.
    var shown: [String] { all.filter { !PasswordText.isIn($0) } }

    /// Where there are no servers at all, that is the fault, and any name will do.
    func contains(_ name: String) -> Bool { all.isEmpty || all.contains(name) }
}
