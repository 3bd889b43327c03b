import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

/// Names of dumps, databases and sessions: they sort, they never collide, they fit.
@Suite struct NameTests {
    private let time = instant("2026-11-23T02:00:00Z")

    @Test func `a dump's name is the promised one and reads back`() {
        let name = DumpName(job: "archon_db", time: time.addingTimeInterval(0.9))
        #expect("\(name)" == "backup_archon_db_20261123T020000Z")
        #expect(DumpName("\(name)", job: "archon_db") == name)
    }

    @Test(arguments: [
        "backup_app_foo_20261123T020000Z", "backup_app-foo_20261123T020000Z", "backup_app_20261123T020000",
        "backup_app_20261123_020000",
        "backup_app_20261323T020000Z", "backup_app_20261132T020000Z", "backup_app_20260229T020000Z",
        "backup_app_20261123T240000Z",
        "backup_app_2026112３T020000Z", "backup_ap_20261123T020000Z", "Backup_app_20261123T020000Z", "", "backup_app_",
        "backup_app_20261123T020000Z.dump",
    ])
    func `what is another job's or no dump's name is not this job's`(text: String) {
        #expect(DumpName(text, job: "app") == nil)
    }

    @Test func `the older script's files are known by their form`() {
        #expect(DumpName.legacyTime(of: "backup_archon_db_20261123_020000.dump", database: "archon_db") == time)
        #expect(DumpName.legacyTime(of: "backup_archon_db_20261123T020000Z.dump", database: "archon_db") == nil)
        #expect(DumpName.legacyTime(of: "backup_archon_db_20261123_020000.sql", database: "archon_db") == nil)
        #expect(DumpName.legacyTime(of: "backup_archon_db_old_20261123_020000.dump", database: "archon_db") == nil)
    }

    @Test(arguments: [
        ("backup_app_20261123_020000.dump", true), ("backup_app_20261323_020000.dump", true),
        ("backup_app_20261123_990000.dump.gz", true), ("backup_app_20261123_020000.dump.zst", true),
        ("backup_app_20261123_020000.dump.part", false), ("backup_app_20261123_020000.sql", false),
        ("backup_app_20261123_020000.log", false), ("backup_app_2026112３_020000.dump", false),
        ("backup_app_old_20261123_020000.dump", false), ("backup_app_20261123T020000Z.dump", false),
        ("backup_app_2026_23_020000.dump", false), ("backup_ap_20261123_020000.dump", false),
        ("backup_app_.dump", false),
    ])
    func `what the older script has named is known though it cannot be taken`(file: String, isLegacy: Bool) {
        #expect(DumpName.isLegacy(file, database: "app") == isLegacy)
    }

    @Test(
        arguments: [
            ("Europe/Sofia", "20260701_020000", LegacyTime.once(instant("2026-06-30T23:00:00Z"))),
            ("Europe/Sofia", "20261025_033000", .twice(instant("2026-10-25T00:30:00Z"))),
            ("Europe/Sofia", "20261025_025959", .once(instant("2026-10-24T23:59:59Z"))),
            ("Europe/Sofia", "20261025_040000", .once(instant("2026-10-25T02:00:00Z"))),
            ("Europe/Sofia", "20260329_030000", .skipped), ("Europe/Sofia", "20260329_035959", .skipped),
            ("Europe/Sofia", "20260329_040000", .once(instant("2026-03-29T01:00:00Z"))),
            ("Australia/Lord_Howe", "20260405_014500", .twice(instant("2026-04-04T14:45:00Z"))),
            ("UTC", "20260329_030000", .once(instant("2026-03-29T03:00:00Z"))),
        ] as [(String, String, LegacyTime)])
    func `the older script's times are those of a clock in its zone`(zone: String, stamp: String, time: LegacyTime)
        throws
    {
        let zone = try ZoneFiles.zone(named: zone)
        #expect(DumpName.legacyTime(of: "backup_app_\(stamp).dump", database: "app", in: zone) == time)
        #expect(DumpName.legacyTime(of: "backup_app_\(stamp).dump", database: "ap", in: zone) == nil)
    }

    @Test(arguments: [
        "db", String(repeating: "x", count: 63), String(repeating: "ж", count: 31), String(repeating: "☃", count: 21),
    ])
    func `names around a restore have 63 bytes at most and whole characters`(database: String) {
        let names = [
            RestoreNames.restored(database, at: time), RestoreNames.before(database, at: time),
            RestoreNames.undone(database, at: time),
            RestoreNames.temporary(at: time, token: .max),
        ]
        #expect(names.allSatisfy { $0.utf8.count <= 63 })
        #expect(Set(names).count == 4)
        #expect(names[1].hasSuffix("_before_20261123T020000Z") && names[1].first == database.first)
    }

    @Test func `application names are PostgreSQL's, and two jobs never share one`() {
        #expect(ApplicationName.of(job: "archon_db") == "archon-backupd/archon_db")
        let long = String(repeating: "x", count: 62)
        let names = [long + "a", long + "b", "жа", "жб"].map(ApplicationName.of)
        #expect(Set(names).count == 4)
        #expect(names.allSatisfy { $0.utf8.count <= 63 && $0.allSatisfy(\.isASCII) })
    }

    @Test func `the undo is one shell command whatever the names are`() async throws {
        let text = ShellCommand.undo(
            database: "it's \"odd\" $x `y`", previous: "p\\q", undone: "u", connection: "host=/tmp user='o''x'")
        // sh splits it into words as it would for psql.
        let said = try await run("/bin/sh", ["-c", "psql() { for word; do printf '%s\\0' \"$word\"; done; }; \(text)"])
        let words = said.output.split(separator: "\0").map(String.init)
        #expect(words.contains("host=/tmp user='o''x'") && words.contains("-1"))
        #expect(words.last == #"ALTER DATABASE "p\q" RENAME TO "it's ""odd"" $x `y`""#)
        #expect(words.count { $0 == "-c" } == 3)
    }
}
