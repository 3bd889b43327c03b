import BackupCore
import BackupRuntime
import Foundation

/// How fast a script is counted and hashed, in buffers as large as those that come from a pipe. pg_restore hands it over at some 1,000
/// MB/s at best, so this decides whether the full read costs more than the reading.
enum ScannerMeasure {
    private static let buffer = 64 << 10
    private static let scriptBytes = 64 << 20
    /// A script that is repeated is a script again.
    private static let repeats = 8

    private struct Script {
        var bytes: [UInt8] = []
        var rows = 0
        var largeObjects = 0

        mutating func add(_ text: String) { bytes += text.utf8 }
        mutating func add(_ digits: [UInt8]) { bytes += digits }
    }

    static func run() throws {
        try measure("short rows", shortRows())
        try measure("rows of embeddings", embeddings())
        try measure("large objects", largeObjects())
        try measure("a third of each", thirds())
    }

    private static func measure(_ name: String, _ script: Script) throws {
        let gigabytes = Double(script.bytes.count * repeats) / 1e9
        try Measure(name: "scanner, \(name)", unit: "s a GB", unitsPerSecond: 1).run {
            var scanner = ArchiveScanner(hash: .xxh3)
            for _ in 0..<repeats { scan(script.bytes, &scanner) }
            guard scanner.isComplete, scanner.totalRows == script.rows * repeats,
                scanner.facts.largeObjects == script.largeObjects * repeats
            else { throw Failure(.failed, "the scanner has counted \(name) wrongly") }
            return gigabytes
        }
    }

    private static func scan(_ bytes: [UInt8], _ scanner: inout ArchiveScanner) {
        bytes.withUnsafeBytes { all in
            for start in stride(from: 0, to: all.count, by: buffer) {
                scanner.scan(UnsafeRawBufferPointer(rebasing: all[start..<min(start + buffer, all.count)]))
            }
        }
    }

    // MARK: scripts as pg_restore writes them

    private static func shortRows(_ limit: Int = scriptBytes) -> Script {
        var script = Script()
        script.add("COPY public.archon_settings (id, key, updated_at) FROM stdin;\n")
        while script.bytes.count < limit {
            script.rows += 1
            script.add("\(script.rows)\tsetting \(script.rows)\t2026-11-23 02:00:00+00\n")
        }
        script.add("\\.\n\n\n")
        return script
    }

    /// 1,536 numbers a row, some 17 kB.
    private static func embeddings(_ limit: Int = scriptBytes) -> Script {
        let numbers = (0..<1536).map { "0.0\(100_000_000 + $0 * 7_919)" }.joined(separator: ",")
        var script = Script()
        script.add("COPY public.archon_crawled_pages (id, embedding) FROM stdin;\n")
        while script.bytes.count < limit {
            script.rows += 1
            script.add("\(script.rows)\t[\(numbers)]\n")
        }
        script.add("\\.\n\n\n")
        return script
    }

    /// Objects of 1 MB, in the pieces of 16 kB that pg_dump writes.
    private static func largeObjects(_ limit: Int = scriptBytes) -> Script {
        let digits = Array("0123456789abcdef".utf8)
        let piece = (0..<32_768).map { digits[$0 * 7 % 16] }
        var script = Script()
        while script.bytes.count < limit {
            script.largeObjects += 1
            let number = 16_400 + script.largeObjects
            script.add("SELECT pg_catalog.lo_create('\(number)');\nALTER LARGE OBJECT \(number) OWNER TO postgres;\n\n")
            script.add("BEGIN;\n\nSELECT pg_catalog.lo_open('\(number)', 131072);\n")
            for _ in 0..<64 {
                script.add("SELECT pg_catalog.lowrite(0, '\\x")
                script.add(piece)
                script.add("');\n")
            }
            script.add("SELECT pg_catalog.lo_close(0);\n\nCOMMIT;\n\n")
        }
        return script
    }

    private static func thirds() -> Script {
        let parts = [
            shortRows(scriptBytes / 3), embeddings(scriptBytes / 3), largeObjects(scriptBytes / 3),
        ]
        return parts.reduce(into: Script()) { whole, part in
            whole.add(part.bytes)
            whole.rows += part.rows
            whole.largeObjects += part.largeObjects
        }
    }
}
