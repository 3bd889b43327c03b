import Foundation

/// Words within bytes, with the C library's help: an answer may have millions of values.
enum ByteSearch {
    static func first(_ word: [UInt8], in bytes: [UInt8]) -> Int? {
        bytes.withUnsafeBytes { first(word, in: $0[...]) }
    }

    static func ends(_ bytes: [UInt8], with word: [UInt8]) -> Bool { bytes.suffix(word.count).elementsEqual(word) }

    /// The parts between the words, also empty ones.
    static func pieces(_ bytes: ArraySlice<UInt8>, apartBy word: [UInt8]) -> [ArraySlice<UInt8>] {
        let ends = bytes.withUnsafeBytes { raw in
            var found: [Int] = []
            var rest = raw[...]
            while let index = first(word, in: rest) {
                found.append(index)
                rest = raw[(index + word.count)...]
            }
            return found
        }
        var pieces: [ArraySlice<UInt8>] = []
        var start = bytes.startIndex
        for end in ends.map({ bytes.startIndex + $0 }) {
            pieces.append(bytes[start..<end])
            start = end + word.count
        }
        return pieces + [bytes[start...]]
    }

    /// The first line feed.
    static func lineEnd(_ bytes: Slice<UnsafeRawBufferPointer>) -> Int? {
        guard !bytes.isEmpty, let base = bytes.base.baseAddress?.advanced(by: bytes.startIndex),
            let found = memchr(base, 0x0a, bytes.count)
        else { return nil }
        return bytes.startIndex + (UnsafeRawPointer(found) - base)
    }

    private static func first(_ word: [UInt8], in bytes: Slice<UnsafeRawBufferPointer>) -> Int? {
        guard let base = bytes.base.baseAddress, let head = word.first else { return nil }
        var from = bytes.startIndex
        while from + word.count <= bytes.endIndex,
            let found = memchr(base + from, Int32(head), bytes.endIndex - from - word.count + 1)
        {
            if memcmp(found, word, word.count) == 0 { return UnsafeRawPointer(found) - base }
            from = UnsafeRawPointer(found) - base + 1
        }
        return nil
    }
}
