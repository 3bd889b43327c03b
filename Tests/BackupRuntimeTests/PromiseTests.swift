import BackupCore
@testable import BackupRuntime
import Foundation
import TestSupport
import Testing

/// What code, pages and the journal's catalog say of the same thing is the same.
@Suite struct PromiseTests {
    private func text(_ path: String) throws -> String {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    @Test func `every event has its own MESSAGE_ID, an entry in the catalog, and a line on the page`() throws {
        let catalog = try text("systemd/archon-backupd.catalog")
        let ids = catalog.split(separator: "\n").filter { $0.hasPrefix("-- ") }.map { String($0.dropFirst(3)) }
        #expect(Set(ids) == Set(Event.Kind.allCases.map(\.messageID)) && ids.count == Event.Kind.allCases.count)
        #expect(ids.allSatisfy { $0.count == 32 && $0.allSatisfy(\.isHexDigit) })
        let page = try text("docs/journal.md")
        for kind in Event.Kind.allCases { #expect(page.contains("`\(kind.rawValue)`"), "\(kind.rawValue)") }
    }

    @Test func `the page of exit codes lists the codes there are`() throws {
        let page = try text("docs/exit-codes.md")
        let rows = page.split(separator: "\n").compactMap { line -> (Int32, String)? in
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count == 3, let code = Int32(cells[0]), code != 0 else { return nil }
            return (code, cells[1])
        }
        #expect(rows.map(\.0) == Failure.Kind.allCases.map(\.rawValue))
        #expect(rows.map(\.1) == Failure.Kind.allCases.map { "\($0)" })
    }

    @Test func `the unit says what the daemon relies on`() throws {
        let unit = try text("systemd/archon-backupd.service")
        for line in [
            "Type=notify", "ExecReload=/bin/kill -HUP $MAINPID", "Restart=on-failure", "RestartPreventExitStatus=78",
            "KillMode=mixed", "UMask=0077",
        ] {
            #expect(unit.split(separator: "\n").contains { $0 == line }, "\(line)")
        }
        #expect(unit.contains("WatchdogSec="))
        // 252 does not know notify-reload: a drop-in brings it to those that do.
        #expect(try text("systemd/notify-reload.conf").contains("Type=notify-reload"))
    }

    @Test(arguments: [
        ("password=hunter2", "hunter2"), ("PGPASSWORD='hunter two'", "hunter two"),
        ("postgresql://app:hunter2@host/db", "hunter2"),
        ("connection \"password = hunter2 host=x\" failed", "hunter2"), ("passwd:hunter2", "hunter2"),
        ("ALTER ROLE app WITH LOGIN PASSWORD 'hunter2'", "hunter2"), ("\"password\": \"hunter2\"", "hunter2"),
    ])
    func `no password goes into an event`(text: String, secret: String) {
        let event = Event(.warning, text, ["REASON": text])
        #expect(
            !event.message.contains(secret) && event.fields["REASON"]?.contains(secret) == false, "\(event.message)")
    }

    @Test func `what is no password is left as it is`() {
        let text = "no password supplied; password authentication failed for user \"app\"; fe_sendauth: no password"
        #expect(Event(.warning, text).message == text)
    }
}
