import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

@Suite struct ZoneTests {
    @Test func `offsets equal those of date(1) in and beyond the table`() async throws {
        var random = SplitMix64(seed: 20_261_124)
        for name in [
            "Europe/Sofia", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca",
            "Europe/Dublin",
        ] {
            let zone = try ZoneFiles.zone(named: name)
            let seconds = (0..<400).map { _ in Int.random(in: -2_000_000_000...6_000_000_000, using: &random) }
            let input = seconds.map { "@\($0)" }.joined(separator: "\n")
            let said = try await run("date", ["-f", "-", "+%:z"], environment: ["TZ": name], input: input)
            let expected = said.lines.map { line in
                let digits = line.dropFirst().split(separator: ":").compactMap { Int($0) }
                return (line.hasPrefix("-") ? -1 : 1) * (digits[0] * 3600 + digits[1] * 60)
            }
            for (second, expected) in zip(seconds, expected) {
                let offset = zone.offset(at: Date(timeIntervalSince1970: Double(second)))
                // date(1) leaves the seconds of local mean time out.
                #expect(offset / 60 * 60 == expected || abs(offset - expected) < 60, "\(name) at \(second)")
            }
        }
    }

    /// zic(8) is the reference writer; it gives the same zone in several forms.
    @Test(arguments: [
        "Europe/Sofia", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kolkata", "Africa/Casablanca",
    ])
    func `every version of the format, with and without a full table, means the same`(name: String) async throws {
        try await withTemporaryFolder { folder in
            func compile(_ form: String) async throws -> [UInt8] {
                let source = "/usr/share/zoneinfo/tzdata.zi"
                let said = try await run("/usr/sbin/zic", ["-b", form, "-d", "\(folder)/\(form)", source])
                #expect(said.status == 0, "\(said.error)")
                return Array(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(form)/\(name)")))
            }
            let fat = try await compile("fat")
            let slim = try await compile("slim")
            #expect(fat.count > slim.count)
            func version(_ mark: UInt8, _ bytes: [UInt8]) -> [UInt8] {
                var bytes = bytes
                for start in bytes.indices where bytes[start...].starts(with: Array("TZif".utf8)) {
                    bytes[start + 4] = mark
                }
                return bytes
            }
            let reference = try Zone(name: name, tzif: fat)
            let others = try [slim, version(0x32, slim), version(0x33, slim), version(0x34, slim), version(0x34, fat)]
                .map { try Zone(name: name, tzif: $0) }
            let first = try Zone(name: name, tzif: version(0, fat))
            var random = SplitMix64(seed: 8601)
            for _ in 0..<2000 {
                let date = Date(
                    timeIntervalSince1970: Double(Int.random(in: -3_000_000_000...6_000_000_000, using: &random)))
                let offset = reference.offset(at: date)
                #expect(others.allSatisfy { $0.offset(at: date) == offset }, "\(name) at \(date)")
                // Version 1 has 32 bits and no rule for what comes after its table.
                if (-2_000_000_000...2_100_000_000).contains(date.timeIntervalSince1970) {
                    #expect(first.offset(at: date) == offset, "\(name) at \(date), version 1")
                }
            }
        }
    }

    @Test func `no damage to a zone file crashes the reader`() throws {
        guard let bytes = FileManager.default.contents(atPath: "/usr/share/zoneinfo/Europe/Sofia").map(Array.init)
        else {
            Issue.record("tzdata is not installed")
            return
        }
        var random = SplitMix64(seed: 7)
        for _ in 0..<5000 {
            var damaged = bytes
            switch Int.random(in: 0..<3, using: &random) {
            case 0: damaged.removeLast(Int.random(in: 1...bytes.count, using: &random))
            case 1:
                for _ in 0..<Int.random(in: 1...8, using: &random) {
                    damaged[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
                }
            default:
                damaged = (0..<Int.random(in: 0..<200, using: &random)).map { _ in .random(in: 0...255, using: &random)
                }
            }
            do {
                let zone = try Zone(name: "damaged", tzif: damaged)
                _ = try CalendarExpression("daily").next(after: instant("2026-03-28T00:00:00Z"), in: zone)
            } catch let failure as Failure {
                #expect(failure.kind == .configInvalid)
            }
        }
    }

    @Test(arguments: [
        "../../etc/passwd", "/etc/localtime", "Europe//Sofia", "Europe/Sofiaa", "", "Europe", "posixrules\u{0}",
    ])
    func `a name that is no zone is refused`(name: String) {
        #expect(throws: Failure.self) { try ZoneFiles.zone(named: name) }
    }

    @Test func `UTC needs no file and a missing tzdata is named`() throws {
        #expect(
            try ZoneFiles.zone(named: "UTC", in: ["/nonexistent"]).iso8601(instant("2026-11-23T02:00:00Z"))
                == "2026-11-23T02:00:00Z")
        let failure = #expect(throws: Failure.self) { try ZoneFiles.zone(named: "Europe/Sofia", in: ["/nonexistent"]) }
        #expect(failure?.hint?.contains("tzdata") == true)
    }
}
