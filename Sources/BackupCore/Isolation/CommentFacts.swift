import Foundation

/// Facts that `isolate` keeps in a comment of the database: behind a sentence for people, on a line of their own.
enum CommentFacts {
    private static let lead = "archon-backupd isolate: "

    /// The value may be given as its JSON, which must have no line feed.
    static func comment(_ sentence: String, json: String) -> String { "\(sentence)\n\(lead)\(json)" }

    static func json(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Texts and numbers alone: there is nothing in them that could not be encoded.
        return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? ""  // see above
    }

    /// Nil for a comment of somebody else's, or one that somebody has changed.
    static func read<Facts: Decodable>(_: Facts.Type, in comment: String?) -> Facts? {
        guard let line = comment?.split(separator: "\n").last, line.hasPrefix(lead) else { return nil }
        let facts = Data(line.dropFirst(lead.count).utf8)
        return try? JSONDecoder().decode(Facts.self, from: facts)  // somebody has changed it
    }
}
