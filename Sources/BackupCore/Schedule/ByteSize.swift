/// A count of bytes as people write it: `500MiB`, `5GiB`; `MB` is a million.
package enum ByteSize {
    private static let units: [(name: String, bytes: Int64)] = [
        ("", 1), ("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("PiB", 1 << 50),
        ("kB", 1000), ("KB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000),
    ]

    /// Nil when `text` is no size or does not fit. A part of a byte counts as one.
    package static func bytes(_ text: String) -> Int64? {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let unit = text.dropFirst(number.count).drop { $0 == " " }
        guard number.first?.isNumber == true, number.last?.isNumber == true, let value = Double(number),
            let scale = units.first(where: { $0.name == unit })?.bytes
        else { return nil }
        let bytes = value * Double(scale)
        return bytes < 9e18 ? Int64(bytes.rounded(.up)) : nil
    }

    /// `41.2 MiB`: three digits at most before the unit, for people to read.
    package static func text(_ bytes: Int64) -> String {
        var value = Double(bytes)
        for unit in ["B", "KiB", "MiB", "GiB"] {
            if abs(value) < 1000 { return unit == "B" ? "\(bytes) B" : rounded(value) + " " + unit }
            value /= 1024
        }
        return rounded(value) + " TiB"
    }

    private static func rounded(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
