/// Reads strict JSON (RFC 8259) and remembers positions. A mistake that leaves no doubt about what was meant (a comment, a
/// comma too many, a duplicate key) is noted and reading goes on; any other ends it.
struct JSONReader {
    struct Fault: Error {
        let offset: Int
        let what: String
        var hint: String?
    }

    static let depthLimit = 64

    private(set) var faults: [Fault] = []
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The whole text as one value. Throws the fault that ended reading; `faults` has the ones before it.
    mutating func read() throws(Fault) -> JSONNode {
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) {
            faults.append(
                Fault(offset: 0, what: "the file begins with a byte order mark", hint: "Save it as UTF-8 without BOM."))
            position = 3
        }
        try checkEncoding()
        try skipSpace()
        guard position < bytes.count else {
            throw Fault(offset: 0, what: "the file is empty", hint: "See docs/schedule.md for one to begin with.")
        }
        let node = try value(depth: 0)
        try skipSpace()
        guard position == bytes.count else {
            throw Fault(
                offset: position, what: "there is something after the end of the schedule",
                hint: "Remove it, or look for a brace too many above.")
        }
        return node
    }

    private func checkEncoding() throws(Fault) {
        var position = 0
        while position < bytes.count {
            let length = Self.sequenceLength(bytes, at: position)
            guard length > 0 else {
                throw Fault(
                    offset: position, what: "byte \(position + 1) of the file is not UTF-8",
                    hint: "Save the file as UTF-8.")
            }
            position += length
        }
    }

    /// Bytes of the UTF-8 sequence at `position`, 0 when it is none (RFC 3629).
    private static func sequenceLength(_ bytes: [UInt8], at position: Int) -> Int {
        let first = bytes[position]
        if first < 0x80 { return 1 }
        let length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2
        guard first >= 0xc2, first <= 0xf4, position + length <= bytes.count else { return 0 }
        let second = bytes[position + 1]
        switch first {
        case 0xe0 where second < 0xa0, 0xed where second > 0x9f, 0xf0 where second < 0x90, 0xf4 where second > 0x8f:
            return 0
        default: break
        }
        return bytes[(position + 1)..<(position + length)].allSatisfy { $0 & 0xc0 == 0x80 } ? length : 0
    }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ character: Character) -> Bool {
        guard let byte = peek, byte == character.asciiValue else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() throws(Fault) {
        while let byte = peek {
            switch byte {
            case 0x20, 0x09, 0x0a, 0x0d: position += 1
            case UInt8(ascii: "/"), UInt8(ascii: "#"): try skipComment()
            default: return
            }
        }
    }

    private mutating func skipComment() throws(Fault) {
        faults.append(Fault(offset: position, what: "JSON has no comments", hint: "Remove it."))
        if bytes[position...].starts(with: Array("/*".utf8)) {
            while position < bytes.count, !bytes[position...].starts(with: Array("*/".utf8)) { position += 1 }
            position = min(position + 2, bytes.count)
        } else if peek == UInt8(ascii: "#") || bytes[position...].starts(with: Array("//".utf8)) {
            while let byte = peek, byte != 0x0a { _ = byte; position += 1 }
        } else {
            throw Fault(offset: position, what: "a slash stands where a value or a comma belongs")
        }
    }

    private mutating func value(depth: Int) throws(Fault) -> JSONNode {
        guard depth < Self.depthLimit else {
            throw Fault(offset: position, what: "values are nested deeper than \(Self.depthLimit) levels")
        }
        let offset = position
        switch peek {
        case UInt8(ascii: "{"): return JSONNode(value: .object(try members(depth: depth)), offset: offset)
        case UInt8(ascii: "["): return JSONNode(value: .array(try elements(depth: depth)), offset: offset)
        case UInt8(ascii: "\""): return JSONNode(value: .string(try string()), offset: offset)
        case UInt8(ascii: "'"):
            throw Fault(offset: offset, what: "a string is in single quotes", hint: "Write it in double quotes.")
        case let byte? where "-0123456789".utf8.contains(byte):
            return JSONNode(value: .number(try number()), offset: offset)
        case nil: throw Fault(offset: offset, what: "the file ends where a value belongs")
        default: return JSONNode(value: try word(), offset: offset)
        }
    }

    private mutating func word() throws(Fault) -> JSONNode.Value {
        let start = position
        while let byte = peek, byte > 0x20, !",:{}[]\"".utf8.contains(byte) { position += 1 }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        switch text {
        case "true": return .bool(true)
        case "false": return .bool(false)
        case "null": return .null
        case "": throw Fault(offset: start, what: "a value is missing", hint: "Look for a comma or a colon too many.")
        default:
            throw Fault(
                offset: start, what: "\(text.prefix(40)) is no JSON value", hint: "Write a string in double quotes.")
        }
    }

    private mutating func number() throws(Fault) -> String {
        let start = position
        while let byte = peek, "+-.eE0123456789".utf8.contains(byte) { position += 1 }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
        let hasLeadingZero = digits.hasPrefix("0") && digits.dropFirst().first?.isNumber == true
        guard digits.first?.isNumber == true, digits.last?.isNumber == true, !hasLeadingZero, Double(text) != nil,
            text.utf8.count < 64
        else {
            throw Fault(offset: start, what: "\(text.prefix(40)) is no JSON number")
        }
        return text
    }

    private mutating func elements(depth: Int) throws(Fault) -> [JSONNode] {
        position += 1
        var elements: [JSONNode] = []
        try skipSpace()
        if take("]") { return elements }
        while true {
            try skipSpace()
            elements.append(try value(depth: depth + 1))
            try skipSpace()
            if take("]") { return elements }
            let comma = position
            guard take(",") else { throw Fault(offset: position, what: "a comma or ] is missing here") }
            try skipSpace()
            if take("]") {
                faults.append(Fault(offset: comma, what: "there is a comma after the last element", hint: "Remove it."))
                return elements
            }
        }
    }

    private mutating func members(depth: Int) throws(Fault) -> [JSONNode.Member] {
        position += 1
        var members: [JSONNode.Member] = []
        var keys: Set<String> = []
        try skipSpace()
        if take("}") { return members }
        while true {
            try skipSpace()
            let keyOffset = position
            guard peek == UInt8(ascii: "\"") else {
                throw Fault(offset: position, what: "a key in double quotes is missing here")
            }
            let key = try string()
            // Swift compares by canonical equivalence: so would two spellings of one folder's name.
            if !keys.insert(key).inserted {
                faults.append(
                    Fault(
                        offset: keyOffset, what: "the key \"\(key)\" stands here a second time",
                        hint: "Keep one of the two."))
            }
            try skipSpace()
            guard take(":") else { throw Fault(offset: position, what: "a colon is missing after \"\(key)\"") }
            try skipSpace()
            members.append(.init(key: key, keyOffset: keyOffset, value: try value(depth: depth + 1)))
            try skipSpace()
            if take("}") { return members }
            let comma = position
            guard take(",") else { throw Fault(offset: position, what: "a comma or } is missing here") }
            try skipSpace()
            if take("}") {
                faults.append(Fault(offset: comma, what: "there is a comma after the last member", hint: "Remove it."))
                return members
            }
        }
    }

    private mutating func string() throws(Fault) -> String {
        let start = position
        position += 1
        var text: [UInt8] = []
        while let byte = peek {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): text += try escape()
            case 0..<0x20:
                throw Fault(
                    offset: position - 1, what: "a string has a control character in it",
                    hint: "Write it as an escape, or look for a missing quote.")
            default: text.append(byte)
            }
        }
        throw Fault(offset: start, what: "this string does not end", hint: "Add the closing quote.")
    }

    private mutating func escape() throws(Fault) -> [UInt8] {
        guard let byte = peek else { throw Fault(offset: position, what: "the file ends inside a string") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0c]
        case UInt8(ascii: "n"): return [0x0a]
        case UInt8(ascii: "r"): return [0x0d]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"): return Array(String(try unicodeEscape()).utf8)
        default: throw Fault(offset: position - 2, what: "\\\(Character(UnicodeScalar(byte))) is no escape in JSON")
        }
    }

    private mutating func unicodeEscape() throws(Fault) -> UnicodeScalar {
        let start = position - 2
        var code = try hexadecimal(from: start)
        if (0xd800..<0xdc00).contains(code), take("\\"), take("u") {
            let low = try hexadecimal(from: start)
            code = (0xdc00..<0xe000).contains(low) ? 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00) : 0xd800
        }
        guard let scalar = UnicodeScalar(code) else {
            throw Fault(offset: start, what: "half of a surrogate pair stands alone")
        }
        return scalar
    }

    private mutating func hexadecimal(from start: Int) throws(Fault) -> UInt32 {
        let end = position + 4
        guard end <= bytes.count, bytes[position..<end].allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }),
            let code = UInt32(String(decoding: bytes[position..<end], as: UTF8.self), radix: 16)
        else { throw Fault(offset: start, what: "\\u needs four hexadecimal digits") }
        position = end
        return code
    }
}
