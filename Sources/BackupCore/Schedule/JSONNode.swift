/// A JSON value that remembers where it stood.
struct JSONNode: Sendable {
    enum Value: Sendable {
        case null
        case bool(Bool)
        /// As written: what it means is for the reader to say.
        case number(String)
        case string(String)
        case array([JSONNode])
        case object([Member])
    }
    struct Member: Sendable {
        let key: String
        let keyOffset: Int
        let value: JSONNode
    }

    /// What an object has under its keys; of a key that stands there twice, the last.
    struct Members: Sendable {
        private let members: [Member]

        init(_ members: [Member]) { self.members = members }

        subscript(key: String) -> JSONNode? { members.last { $0.key == key }?.value }
    }

    let value: Value
    /// In bytes from the beginning of the file.
    let offset: Int

    /// In the words of a user: "a string", "an object".
    var kind: String {
        switch value {
        case .null: "null"
        case .bool: "true or false"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}
