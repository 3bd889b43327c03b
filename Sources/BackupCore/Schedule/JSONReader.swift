/// Reads strict JSON (RFC 8259) and remembers positions. A mistake that leaves no doubt about what was meant (a comment, a
/// comma too many or too few, a duplicate key, a value without quotes) is noted and reading goes on; any other ends it.
/// No fault repeats a value: it may be a password.
struct JSONReader {
    struct Fault: Error {
        let offset: Int
        let path: String
        let what: String
        let hint: String
    }

    static let depthLimit = 64

    private(set) var faults: [Fault] = []
    /// Where something stands that is no value and reads as null: what is wrong there has been said.
    private(set) var unreadable: Set<Int> = []
    private let bytes: [UInt8]
    private let faultLimit: Int
    private var position = 0
    private var place: [SchedulePath.Step] = []

    /// No more than `faultLimit` faults are noted.
    init(_ bytes: [UInt8], faultLimit: Int) {
        self.bytes = bytes
        self.faultLimit = faultLimit
    }

    /// The whole text as one value. Throws the fault that ended reading; `faults` has the ones before it.
    mutating func read() throws(Fault) -> JSONNode {
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) {
            note(0, "the file begins with a byte order mark", "Save it as UTF-8 without BOM.")
            position = 3
        }
        if let offset = UTF8Check.firstFault(in: bytes) {
            throw fault(offset, "byte \(offset + 1) of the file is not UTF-8", "Save the file as UTF-8.")
        }
        try skipSpace()
        guard position < bytes.count else {
            throw fault(0, "the file is empty", "docs/schedule.md has a short one to begin with.")
        }
        let node = try value(depth: 0)
        try skipSpace()
        guard position == bytes.count else {
            throw fault(
                position, "there is something after the end of the schedule",
                "Remove it, or look for a brace too many above.")
        }
        return node
    }

    private func fault(_ offset: Int, _ what: String, _ hint: String) -> Fault {
        Fault(offset: offset, path: SchedulePath(place).text, what: what, hint: hint)
    }

    private mutating func note(_ offset: Int, _ what: String, _ hint: String) {
        if faults.count < faultLimit { faults.append(fault(offset, what, hint)) }
    }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ scalar: UnicodeScalar) -> Bool {
        guard let byte = peek, UInt32(byte) == scalar.value else { return false }
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

    private func stands(_ first: UnicodeScalar, _ second: UnicodeScalar) -> Bool {
        position + 1 < bytes.count && UInt32(bytes[position]) == first.value
            && UInt32(bytes[position + 1]) == second.value
    }

    private mutating func skipComment() throws(Fault) {
        let start = position
        if stands("/", "*") {
            while position < bytes.count, !stands("*", "/") { position += 1 }
            position = min(position + 2, bytes.count)
        } else if peek == UInt8(ascii: "#") || stands("/", "/") {
            while let byte = peek, byte != 0x0a { position += 1 }
        } else {
            throw fault(position, "a slash stands where a value or a comma belongs", "Write a path in double quotes.")
        }
        // A file of nothing else would have millions of them.
        guard faults.count < faultLimit else {
            throw fault(start, "there are more faults than these", "Mend them and check again.")
        }
        note(start, "JSON has no comments", "Remove it.")
    }

    private mutating func value(depth: Int) throws(Fault) -> JSONNode {
        let offset = position
        guard depth < Self.depthLimit else {
            throw fault(
                offset, "values are nested deeper than \(Self.depthLimit) levels",
                "No part of a schedule needs more than five; look for a bracket too many.")
        }
        switch peek {
        case UInt8(ascii: "{"): return JSONNode(value: .object(try members(depth: depth)), offset: offset)
        case UInt8(ascii: "["): return JSONNode(value: .array(try elements(depth: depth)), offset: offset)
        case UInt8(ascii: "\""): return JSONNode(value: .string(try string()), offset: offset)
        case UInt8(ascii: "-"), (UInt8(ascii: "0")...UInt8(ascii: "9"))?:
            return JSONNode(value: number(), offset: offset)
        case nil: throw fault(offset, "the file ends where a value belongs", "Look whether its end was cut off.")
        default: return JSONNode(value: try word(), offset: offset)
        }
    }

    private mutating func unreadable(_ offset: Int, _ what: String, _ hint: String) -> JSONNode.Value {
        note(offset, what, hint)
        unreadable.insert(offset)
        return .null
    }

    private mutating func word() throws(Fault) -> JSONNode.Value {
        let start = position
        while let byte = peek, byte > 0x20, !",:{}[]\"".utf8.contains(byte) { position += 1 }
        switch String(decoding: bytes[start..<position], as: UTF8.self) {
        case "true": return .bool(true)
        case "false": return .bool(false)
        case "null": return .null
        case "" where peek == UInt8(ascii: ":"):
            throw fault(start, "a value is missing before this colon", "Look for a colon too many.")
        case "":
            return unreadable(
                start, "a value is missing before this", "Add it, or look for a comma or a colon too many.")
        default:
            return unreadable(
                start, "what stands here is no JSON value",
                "Write a string in double quotes; the words without quotes are true, false and null.")
        }
    }

    private mutating func number() -> JSONNode.Value {
        let start = position
        while let byte = peek, "+-.eE0123456789".utf8.contains(byte) { position += 1 }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
        let hasLeadingZero = digits.hasPrefix("0") && digits.dropFirst().first?.isNumber == true
        guard digits.first?.isNumber == true, digits.last?.isNumber == true, !hasLeadingZero, text.utf8.count < 64,
            Double(text) != nil, !text.contains(".e"), !text.contains(".E")
        else {
            return unreadable(
                start, "what stands here is no JSON number", "Write it like 14, or a string in double quotes.")
        }
        return .number(text)
    }

    private mutating func elements(depth: Int) throws(Fault) -> [JSONNode] {
        position += 1
        var elements: [JSONNode] = []
        try skipSpace()
        if take("]") { return elements }
        while true {
            try skipSpace()
            place.append(.index(elements.count))
            elements.append(try value(depth: depth + 1))
            place.removeLast()
            try skipSpace()
            if take("]") { return elements }
            let comma = position
            if try !takeComma(before: "]", isNext: { "\"{[".utf8.contains($0) }) { continue }
            try skipSpace()
            if take("]") {
                note(comma, "there is a comma after the last element", "Remove it.")
                return elements
            }
        }
    }

    /// False when the comma was missing and `isNext` says what the next byte begins.
    private mutating func takeComma(before end: UnicodeScalar, isNext: (UInt8) -> Bool) throws(Fault) -> Bool {
        if take(",") { return true }
        guard let byte = peek else {
            throw fault(position, "the file ends where a comma or \(end) belongs", "Look whether its end was cut off.")
        }
        let what = "a comma or \(end) is missing before this"
        guard isNext(byte) else {
            throw fault(position, what, "Add it; or, where a string above has a quote in it, write that as \\\".")
        }
        note(position, what, "Add the comma.")
        return false
    }

    private mutating func members(depth: Int) throws(Fault) -> [JSONNode.Member] {
        position += 1
        var members: [JSONNode.Member] = []
        var keys = KeysSeen()
        try skipSpace()
        if take("}") { return members }
        while true {
            try skipSpace()
            let member = try member(depth: depth, among: &keys)
            members.append(member)
            try skipSpace()
            if take("}") { return members }
            let comma = position
            if try !takeComma(before: "}", isNext: { $0 == UInt8(ascii: "\"") }) { continue }
            try skipSpace()
            if take("}") {
                note(comma, "there is a comma after the last member", "Remove it.")
                return members
            }
        }
    }

    private mutating func member(depth: Int, among keys: inout KeysSeen) throws(Fault) -> JSONNode.Member {
        let keyOffset = position
        guard peek == UInt8(ascii: "\"") else {
            throw fault(position, "a key in double quotes is missing here", "Write \"key\": value.")
        }
        let key = try string()
        try skipSpace()
        guard take(":") else {
            // Without a colon it may be a value: the path leaves it out.
            throw fault(
                position, "a colon is missing before this",
                "Write \"key\": value; look for a quote too many or too few.")
        }
        place.append(.key(key))
        // Swift compares by canonical equivalence: two spellings of "é" are one key, as they may be one folder.
        if !keys.insert(key) { note(keyOffset, "this key stands here a second time", "Keep one of the two.") }
        try skipSpace()
        let value = try value(depth: depth + 1)
        place.removeLast()
        return JSONNode.Member(key: key, keyOffset: keyOffset, value: value)
    }

    private mutating func string() throws(Fault) -> String {
        let start = position
        position += 1
        // Most strings are as they stand.
        while let byte = peek, byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") { position += 1 }
        if take("\"") { return String(decoding: bytes[(start + 1)..<(position - 1)], as: UTF8.self) }
        var text = Array(bytes[(start + 1)..<position])
        while let byte = peek {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): text += escape()
            case 0..<0x20:
                throw fault(
                    position - 1, "a string has a control character in it",
                    "Write it as an escape such as \\t, or look for a missing quote.")
            default: text.append(byte)
            }
        }
        throw fault(start, "this string does not end", "Add the closing quote.")
    }

    /// What an escape means. A wrong one is noted and stands for itself.
    private mutating func escape() -> [UInt8] {
        guard let byte = peek else { return [] }
        let start = position - 1
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0c]
        case UInt8(ascii: "n"): return [0x0a]
        case UInt8(ascii: "r"): return [0x0d]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"):
            if let scalar = unicodeEscape() { return Array(String(scalar).utf8) }
            note(
                start, "\\u needs four hexadecimal digits, and half of a surrogate pair its other half",
                "Write the character itself.")
        default:
            note(start, "this is no escape in JSON", "Write \\\\ for a backslash.")
            position -= 1
        }
        return Array("\\".utf8)
    }

    private mutating func unicodeEscape() -> UnicodeScalar? {
        guard let code = hexadecimal() else { return nil }
        guard (0xd800..<0xdc00).contains(code) else { return UnicodeScalar(code) }
        guard take("\\"), take("u"), let low = hexadecimal(), (0xdc00..<0xe000).contains(low) else { return nil }
        return UnicodeScalar(0x10000 + (code - 0xd800) << 10 + (low - 0xdc00))
    }

    private mutating func hexadecimal() -> UInt32? {
        let end = position + 4
        guard end <= bytes.count, bytes[position..<end].allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }) else {
            return nil
        }
        defer { position = end }
        return UInt32(String(decoding: bytes[position..<end], as: UTF8.self), radix: 16)
    }
}

/// The keys of one object: few are looked through, many are hashed.
private struct KeysSeen {
    private var few: [String] = []
    private var many: Set<String> = []

    /// False when it was there already.
    mutating func insert(_ key: String) -> Bool {
        guard many.isEmpty else { return many.insert(key).inserted }
        guard !few.contains(key) else { return false }
        few.append(key)
        if few.count > 16 { many = Set(few) }
        return true
    }
}
