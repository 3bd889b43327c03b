/// Finds what is no UTF-8 (RFC 3629): a decoder that mends it would show a file other than the one that is there.
enum UTF8Check {
    /// Offset of the first byte that begins no whole sequence, or nil.
    static func firstFault(in bytes: [UInt8]) -> Int? {
        var position = 0
        while position < bytes.count {
            let length = sequenceLength(bytes, at: position)
            guard length > 0 else { return position }
            position += length
        }
        return nil
    }

    /// Bytes of the sequence at `position`, 0 when it is none.
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
}
