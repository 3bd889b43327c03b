import BackupCore
import Foundation
import TestSupport
import Testing

/// Durations against systemd itself, and sizes.
@Suite struct TimeSpanTests {
    @Test(arguments: [
        ("90", 90), ("90s", 90), ("1min", 60), ("2min 30s", 150), ("6h", 21_600), ("1d 12h", 129_600),
        ("1h30min", 5400), ("1w", 604_800),
        ("1month", 2_629_800), ("1M", 2_629_800), ("1m", 60), ("1y", 31_557_600), ("1.5h", 5400), ("500ms", 0.5),
        ("1us", 0.000_001),
        ("1µs", 0.000_001), ("0", 0), ("  5  s ", 5), ("5 5", 10), ("1 hour 1 minutes", 3660),
    ])
    func `a time span`(text: String, seconds: Double) { #expect(TimeSpan.seconds(text) == seconds) }

    @Test(arguments: [
        "", " ", "s", "-5s", "5 parsecs", "5mm", "5.", "5.s", ".5s", "1.2.3", "5s,", "5S", "１s", "infinity", "+5",
        "5\t s\u{301}", "1e3s", "0x5",
        "9999999999999999999",
    ])
    func `no time span`(text: String) { #expect(TimeSpan.seconds(text) == nil) }

    @Test(arguments: [
        (0, "0s"), (90, "1min 30s"), (129_600, "1d 12h"), (0.001, "1ms"), (59.999_9, "1min"),
        (3661.5, "1h 1min 1s 500ms"),
    ])
    func `a time span as text`(seconds: Double, text: String) {
        #expect(TimeSpan.text(seconds) == text)
        #expect(TimeSpan.seconds(text) == (seconds * 1000).rounded() / 1000)
    }

    /// The oracle reads all texts at once and says "μs: N" for each.
    @Test func `a thousand random time spans mean what systemd takes them for`() async throws {
        var random = SplitMix64(seed: 7)
        let texts = (0..<1000).map { _ in Self.timeSpan(using: &random) }
        let said = try await run("systemd-analyze", ["timespan"] + texts, environment: ["LC_ALL": "C.UTF-8"])
        #expect(said.status == 0, "\(said.error)")
        let values = said.lines.filter { $0.contains("s: ") }.compactMap {
            $0.split(separator: " ").last.flatMap { Double($0) }
        }
        #expect(values.count == texts.count)
        for (text, microseconds) in zip(texts, values) {
            let seconds = try #require(TimeSpan.seconds(text), "\(text)")
            // systemd cuts each part to whole microseconds, digit by digit.
            #expect(abs(seconds - microseconds / 1_000_000) < 0.000_05, "\(text)")
            if seconds >= 0.001 {
                #expect(abs((TimeSpan.seconds(TimeSpan.text(seconds)) ?? -1) - seconds) <= 0.000_51, "\(text)")
            }
        }
    }

    /// What systemd refuses is refused; it alone takes "infinity", signs and numbers without digits before the dot.
    @Test func `nothing is taken that systemd refuses`() async throws {
        var random = SplitMix64(seed: 11)
        let pieces = [
            "1", "22", ".", "3.5", " ", "s", "min", "h", "x", "M", "usec", "-", "d", "sec", "years", ",", "µs", "0",
        ]
        for _ in 0..<150 {
            let text = (0..<Int.random(in: 1...5, using: &random)).map { _ in
                pieces[Int.random(in: 0..<pieces.count, using: &random)]
            }.joined()
            guard TimeSpan.seconds(text) != nil else { continue }
            #expect(try await run("systemd-analyze", ["timespan", "--", text]).status == 0, "\(text)")
        }
    }

    private static let units = [
        "", "us", "usec", "µs", "ms", "msec", "s", "sec", "second", "seconds", "m", "min", "minute", "minutes", "h",
        "hr", "hour", "hours", "d", "day",
        "days", "w", "week", "weeks", "M", "month", "months", "y", "year", "years",
    ]

    private static func timeSpan(using random: inout SplitMix64) -> String {
        var text = ""
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let unit = units[Int.random(in: 0..<units.count, using: &random)]
            let fraction = Bool.random(using: &random) ? "" : ".\(Int.random(in: 0...999, using: &random))"
            text +=
                "\(Int.random(in: 0...400, using: &random))\(fraction)\(Bool.random(using: &random) ? " " : "")\(unit)"
            if unit.isEmpty || Bool.random(using: &random) { text += " " }
        }
        return text
    }

    @Test(arguments: [
        ("0", 0), ("0B", 0), ("1", 1), ("512B", 512), ("1KiB", 1024), ("1kB", 1000), ("1KB", 1000),
        ("500MiB", 524_288_000), ("500MB", 500_000_000),
        ("5GiB", 5_368_709_120), ("5 GiB", 5_368_709_120), ("5GB", 5_000_000_000), ("1.5GiB", 1_610_612_736),
        ("2TiB", 2_199_023_255_552),
        ("1TB", 1_000_000_000_000), ("1PiB", 1_125_899_906_842_624), ("0.1B", 1),
    ])
    func `a size`(text: String, bytes: Int64) { #expect(ByteSize.bytes(text) == bytes) }

    @Test(arguments: [
        "", " ", "B", "GiB", "-1", "+1", "1e3", "5 G", "5gib", "5GIB", "5.", "5.GiB", ".5GiB", "1.2.3MB", "5GiB ",
        " 5GiB", "9000PiB", "５GiB",
    ])
    func `no size`(text: String) { #expect(ByteSize.bytes(text) == nil) }

    @Test(
        arguments: [
            (0, "0 B"), (999, "999 B"), (1000, "1.0 KiB"), (43_201_331, "41.2 MiB"), (5 << 30, "5.0 GiB"),
            (1 << 50, "1024.0 TiB"),
        ] as [(Int64, String)])
    func `a size as text`(bytes: Int64, text: String) { #expect(ByteSize.text(bytes) == text) }
}
