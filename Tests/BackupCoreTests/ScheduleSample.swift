import BackupCore
import BackupRuntime
import Foundation

/// Schedules of the tests: a small good one with one part replaced. A `‸` in a part marks where a fault is expected.
enum ScheduleSample {
    static let mark: Character = "‸"

    static func file(
        top: String = "", storage: String = #""root": "/backups""#, server: String = #""connection": "user=postgres""#,
        defaults: String? = nil, databases: String = #""app": { "calendar": "daily" }"#
    ) -> String {
        """
        {
          "version": 1, \(top.isEmpty ? "" : top + ",")
          "storage": { \(storage) },
          "servers": {
            "main": { \(server) }
          },\(defaults.map { "\n  \"defaults\": { \($0) }," } ?? "")
          "databases": {
            \(databases)
          }
        }
        """
    }

    /// One job with these members and a time.
    static func job(_ members: String) -> String {
        file(databases: "\"app\": { \"calendar\": \"daily\", \(members) }")
    }

    static func decode(_ text: String) throws -> Schedule {
        try ScheduleDecoder.decode(Array(text.utf8), file: "schedule.json", zones: ZoneFiles.lookup)
    }

    static func faults(_ text: String) -> [ScheduleFault] { faults(Array(text.utf8)) }

    static func faults(_ bytes: [UInt8]) -> [ScheduleFault] {
        ScheduleDecoder.faults(in: bytes, file: "schedule.json", zones: ZoneFiles.lookup)
    }

    /// The text without marks, and their places: lines and columns from 1.
    static func unmarked(_ marked: String) -> (text: String, places: [String]) {
        var text = ""
        var places: [String] = []
        var (line, column) = (1, 1)
        for scalar in marked.unicodeScalars {
            if Character(scalar) == mark {
                places.append("\(line):\(column)")
                continue
            }
            text.unicodeScalars.append(scalar)
            (line, column) = scalar == "\n" ? (line + 1, 1) : (line, column + 1)
        }
        return (text, places)
    }

    static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    static func shipped() throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: "\(repository)/config/schedule.json")))
    }
}
