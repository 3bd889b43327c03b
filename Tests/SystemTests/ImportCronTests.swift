import BackupCore
import Foundation
import TestSupport
import Testing

/// `import-cron` as a person calls it.
@Suite struct ImportCronTests {
    private static let script = """
        HOUR=$(date +%H)
        if [ "$HOUR" = "0" ] || [ "$HOUR" = "12" ]; then
            backup_database "postgres" 30
        fi
        touch "$0.was-run"
        """

    private func call(_ arguments: String...) async throws -> Said {
        try await run(TestHost.binary, ["import-cron"] + arguments)
    }

    @Test func `it writes a schedule that check takes, and never over a file`() async throws {
        try await withTemporaryFolder { folder in
            let (old, new) = ("\(folder)/old.sh", "\(folder)/schedule.json")
            try Data(Self.script.utf8).write(to: URL(fileURLWithPath: old))
            let said = try await call(old, "--output", new)
            #expect(said.status == 0 && said.output.isEmpty, "\(said.error)")
            #expect(
                said.error.contains("\(old):3: postgres was backed up at 12; meant, and written, is at 00 and 12"),
                "\(said.error)")
            let check = try await run(TestHost.binary, ["check", "--config", new])
            #expect(check.status == 0, "\(check.error)")
            let shown = try await call(old)
            #expect(shown.output == String(decoding: try Data(contentsOf: URL(fileURLWithPath: new)), as: UTF8.self))

            try Data("mine".utf8).write(to: URL(fileURLWithPath: new))
            let again = try await call(old, "--output", new)
            #expect(again.status == 73 && again.error.contains("is there already"), "\(again.error)")
            #expect(try Data(contentsOf: URL(fileURLWithPath: new)) == Data("mine".utf8))
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["old.sh", "schedule.json"])
        }
    }

    @Test func `JSON has the schedule and the notes, and mistakes are told`() async throws {
        try await withTemporaryFolder { folder in
            let old = "\(folder)/old.sh"
            try Data(Self.script.utf8).write(to: URL(fileURLWithPath: old))
            let said = try await call(old, "--json", "--time-zone", "Europe/Sofia")
            let found = try #require(try JSONSerialization.jsonObject(with: Data(said.output.utf8)) as? [String: Any])
            #expect(found["jobs"] as? Int == 1 && (found["notes"] as? [[String: Any]])?.isEmpty == false)
            #expect((found["schedule"] as? String)?.contains("\"timeZone\": \"Europe/Sofia\"") == true)
            let missing = try await call("\(folder)/nothing")
            #expect(missing.status == 64 && missing.error.contains("cannot be read"), "\(missing.error)")
            let zone = try await call(old, "--time-zone", "Mars/Base")
            #expect(zone.status == 64 && zone.error.contains("Mars/Base"), "\(zone.error)")
            try Data("echo hello\n".utf8).write(to: URL(fileURLWithPath: old))
            let nothing = try await call(old)
            #expect(nothing.status == 1 && nothing.error.contains("no backup of a database"), "\(nothing.error)")
        }
    }
}
