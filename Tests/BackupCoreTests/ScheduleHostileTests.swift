import BackupCore
import Foundation
import TestSupport
import Testing

/// Files that somebody or something spoilt: each is an error with a place, never a crash or a hang.
@Suite struct ScheduleHostileTests {
    private typealias Sample = ScheduleSample

    /// The faults, and that they came soon: a debug build under load takes some seconds for a megabyte.
    private func soon(_ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) -> [ScheduleFault] {
        let began = ContinuousClock.now
        let found = Sample.faults(bytes)
        #expect(ContinuousClock.now - began < .seconds(60), sourceLocation: sourceLocation)
        #expect(
            found.allSatisfy { $0.line > 0 && $0.column > 0 && !$0.message.isEmpty && !$0.hint.isEmpty },
            sourceLocation: sourceLocation)
        return found
    }

    @Test(
        arguments: [
            ([0xff], "1:1"), ([0x7b, 0xc3, 0x28], "1:2"), ([0x7b, 0x0a, 0x22, 0xc0, 0x80], "2:2"),
            ([0x22, 0xed, 0xa0, 0x80], "1:2"),
            ([0x22, 0xf4, 0x90, 0x80, 0x80], "1:2"), ([0x22, 0xe2, 0x82], "1:2"), ([0x22, 0xc3, 0xa9, 0xfe], "1:3"),
            ([0xfe, 0xff, 0x00, 0x7b], "1:1"),
        ] as [([UInt8], String)])
    func `broken UTF-8 is named with its place`(bytes: [UInt8], place: String) {
        let found = soon(bytes)
        #expect(
            found.map { "\($0.line):\($0.column)" } == [place] && found.allSatisfy { $0.message.contains("UTF-8") },
            "\(found)")
    }

    @Test func `a byte order mark is named and the rest read`() {
        let found = soon([0xef, 0xbb, 0xbf] + Array(Sample.job("\"expect\": 1").utf8))
        #expect(found.map(\.path) == ["$", "$.databases.app.expect"])
    }

    @Test(arguments: ["[", "{\"a\":", "[[],", "[{\"a\":["])
    func `deep nesting`(opening: String) {
        let found = soon(Array(String(repeating: opening, count: 100_000).utf8))
        #expect(found.count == 1 && found.first?.message.contains("64 levels") == true, "\(found.prefix(2))")
    }

    /// Of the kind that costs most; what takes a time that grows with the square of the size takes hours here.
    @Test(arguments: [
        "[]", "\"a\":1,", "#\n", "/*", "\"", "\\", "a", "1", "-", ",", "\"\\u12\",", "{}", "é", "\n", " ", "\"://a:",
        "tru", "\"x\"", "\"\\ud800\",",
    ])
    func `a megabyte of one thing`(unit: String) {
        for opening in ["", "{", "{\"databases\":{", "{\"version\":\"", "{\"version\":["] {
            let bytes = Array(opening.utf8) + Array(String(repeating: unit, count: (1 << 20) / unit.utf8.count).utf8)
            #expect(!soon(bytes).isEmpty)
        }
    }

    @Test func `faults without end are cut`() {
        let members = (0..<30_000).map { "\"k\($0)\": 1" }.joined(separator: ",")
        let found = soon(Array("{ \(members) }".utf8))
        #expect(found.count == ScheduleDecoder.faultLimit + 1 && found.last?.message.contains("more faults") == true)
    }

    @Test func `ten thousand jobs are read, and all their faults named`() throws {
        let good = (0..<10_000).map {
            "\"job\($0)\": { \"calendar\": \"*-*-* 02:00:00\", \"retention\": { \"keepLast\": 3 } }"
        }
        #expect(try Sample.decode(Sample.file(databases: good.joined(separator: ",\n"))).jobs.count == 10_000)
        let bad = good.map { $0.replacing("3", with: "0", maxReplacements: 1) }.joined(separator: ",\n").replacing(
            "\"keepLast\": 3", with: "\"keepLast\": -3")
        #expect(soon(Array(Sample.file(databases: bad).utf8)).count > 9_000)
    }

    /// Each with times and a drill of its own, in a zone whose clocks change.
    @Test func `ten thousand jobs of different times are read soon`() throws {
        let jobs = (0..<10_000).map { number in
            "\"job\(number)\": { \"calendar\": \"\(number % 24):\(number / 24 % 60):\(number / 1440)\" }"
        }
        let file = Sample.file(top: #""timeZone": "Europe/Sofia""#, databases: jobs.joined(separator: ",\n"))
        let began = ContinuousClock.now
        let decoded = try Sample.decode(file).jobs
        #expect(ContinuousClock.now - began < .seconds(60))
        #expect(Set(decoded.map(\.trigger.source)).count == 10_000)
        #expect(decoded.map(\.objectives.rpoSeconds) == Array(repeating: 99_000, count: 10_000))
    }

    @Test func `twenty thousand mutations of the shipped schedule are a schedule or at least one fault`() async throws {
        var random = SplitMix64(seed: 20_261_123)
        let shipped = try Sample.shipped()
        #expect(Sample.faults(shipped).isEmpty)
        var good = 0
        for round in 0..<20_000 {
            let bytes = Self.mutated(shipped, using: &random)
            let found = Sample.faults(bytes)
            if found.isEmpty {
                good += 1
                do {
                    _ = try ScheduleDecoder.decode(bytes, file: "f", zones: { _ in .utc })
                } catch {
                    Issue.record("round \(round): neither a schedule nor a fault: \(error)")
                }
            }
            let isPlaced = found.allSatisfy {
                $0.line > 0 && $0.column > 0 && $0.path.hasPrefix("$") && !$0.message.isEmpty && !$0.hint.isEmpty
            }
            if round.isMultiple(of: 20) { await Task.yield() }
            if !isPlaced { Issue.record("round \(round): a fault without place or hint: \(found)") }
        }
        #expect((100..<10_000).contains(good), "\(good) mutations were good")
    }

    private static let tokens = [
        "{", "}", "[", "]", ":", ",", "\"", "\\", "\\u0000", "\\ud83d", "null", "true", "-1", "1e999", "0x10", "//",
        "/*", "'", "\u{301}", "\u{2028}",
        "\u{0}", "\n", "\"a\": 1,", "\"archon_db\": {}", "..", "/", "99999999999999999999", "\"password\": \"x\"",
        "[[[[[[[[", "Z", "*", "~", "\"cron\":",
    ]

    private static func mutated(_ shipped: [UInt8], using random: inout SplitMix64) -> [UInt8] {
        var bytes = shipped
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            let length = min(Int.random(in: 1...8, using: &random), bytes.count - place)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes.removeSubrange(place..<(place + length))
            case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2: bytes.insert(contentsOf: bytes[place..<(place + length)], at: place)
            case 3:
                bytes.insert(
                    contentsOf: Array(tokens[Int.random(in: 0..<tokens.count, using: &random)].utf8), at: place)
            case 4: bytes.removeLast(Int.random(in: 0...min(40, bytes.count - 1), using: &random))
            default: bytes[place] = UInt8.random(in: 0...255, using: &random)
            }
        }
        return bytes
    }
}
