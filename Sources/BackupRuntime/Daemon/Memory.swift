import CMalloc
import Glibc

/// What the daemon holds when it has nothing to do.
enum Memory {
    /// Gives back what is not needed until something is done again: freed memory, and the pages of programs and libraries,
    /// which are mapped sixteen at a touch and of which an idle daemon uses few. They stay in the system's cache as long as
    /// it has room, and are mapped again when they are used.
    static func giveBack() {
        giveBackFreed()
        for range in mappedCode() { madvise(range.baseAddress, range.count, MADV_DONTNEED) }
    }

    /// Freed memory alone, which may lie in pieces between what is kept: after something large was read.
    static func giveBackFreed() { malloc_trim(0) }

    /// The executable mappings of files: never written to, so nothing is lost by unmapping a page.
    private static func mappedCode() -> [UnsafeMutableRawBufferPointer] {
        guard let maps = fopen("/proc/self/maps", "re") else { return [] }
        defer { fclose(maps) }
        var found: [UnsafeMutableRawBufferPointer] = []
        var line = [CChar](repeating: 0, count: 8192)
        while fgets(&line, Int32(line.count), maps) != nil {
            // 5605a18da000-5605a333e000 r-xp 00000000 fe:00 4711    /usr/bin/archon-backupd
            let words = line.prefix { $0 != 0 }.split(separator: CChar(UInt8(ascii: " ")))
            guard words.count >= 6, words[1].elementsEqual("r-xp".utf8.map(CChar.init)),
                words[5].first == CChar(UInt8(ascii: "/"))
            else { continue }
            let bounds = words[0].split(separator: CChar(UInt8(ascii: "-"))).map { digits in
                UInt(String(decoding: digits.map(UInt8.init), as: UTF8.self), radix: 16)
            }
            guard bounds.count == 2, let begin = bounds[0], let end = bounds[1], begin < end else { continue }
            found.append(.init(start: UnsafeMutableRawPointer(bitPattern: begin), count: Int(end - begin)))
        }
        return found
    }
}
