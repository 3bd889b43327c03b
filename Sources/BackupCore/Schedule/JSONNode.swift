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
