import BackupRuntime
import Foundation
import TestSupport
import Testing

/// Code, the journal's catalog and docs/journal.md have the same list of events.
@Suite struct JournalCatalogTests {
    private struct Entry {
        var id: String
        var subject: String
        var body: String
        var fields: Set<String> {
            Set((subject + body).matches(of: /@ARCHON_([A-Z_]+)@/).map { String($0.output.1) })
        }
    }

    private static func entries() throws -> [Entry] {
        let text = try Repository.text("systemd/archon-backupd.catalog")
        return text.components(separatedBy: "\n-- ").dropFirst().map { part in
            let lines = part.components(separatedBy: "\n")
            let subject = lines.first { $0.hasPrefix("Subject: ") } ?? ""
            let body = lines.drop { !$0.isEmpty }.joined(separator: "\n")
            return Entry(id: lines[0], subject: subject, body: body)
        }
    }

    /// Rows of the page: `event` | priority | fields | text.
    private static func rows() throws -> [String: (priority: String, fields: Set<String>, others: Set<String>)] {
        var rows: [String: (priority: String, fields: Set<String>, others: Set<String>)] = [:]
        for line in try Repository.text("docs/journal.md").split(separator: "\n") where line.hasPrefix("| `") {
            let cells = line.split(separator: "|", omittingEmptySubsequences: false).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            guard cells.count == 6 else { continue }
            let named = cells[3].matches(of: /`([A-Z_]+)`(\??)/)
            let event = cells[1].trimmingCharacters(in: ["`"])
            #expect(rows[event] == nil, "\(event) is twice on the page")
            rows[event] = (
                cells[2], Set(named.filter { $0.output.2.isEmpty }.map { String($0.output.1) }),
                Set(named.filter { !$0.output.2.isEmpty }.map { String($0.output.1) })
            )
        }
        return rows
    }

    @Test func `every event has an entry of its own, and every entry an event`() throws {
        let ids = try Self.entries().map(\.id)
        #expect(ids == ids.sorted() && Set(ids).count == ids.count)
        #expect(Set(ids) == Set(Event.Kind.allCases.map(\.messageID)))
        #expect(Event.Kind.allCases.allSatisfy { $0.messageID.wholeMatch(of: /[0-9a-f]{32}/) != nil })
    }

    @Test(arguments: Event.Kind.allCases)
    func `an entry says what it means and what to do, with fields that the event has`(kind: Event.Kind) throws {
        let entry = try #require(try Self.entries().first { $0.id == kind.messageID })
        #expect(entry.subject.count > 15)
        #expect(entry.body.contains("\n\nFor the data: ") && entry.body.contains("\n\nTo do: "), "\(entry.body)")
        let missing = entry.fields.subtracting(kind.fields)
        #expect(missing.isEmpty, "@ARCHON_…@ of fields that not every such event has: \(missing)")
    }

    @Test(arguments: Event.Kind.allCases)
    func `the page has every event with its priority and its fields`(kind: Event.Kind) throws {
        let row = try #require(try Self.rows()[kind.rawValue])
        let priorities = [3: "error", 4: "warning", 5: "notice", 6: "info", 7: "debug"]
        #expect(row.priority == priorities[kind.priority])
        #expect(row.fields == kind.fields)
        #expect(row.others == kind.otherFields)
    }

    @Test func `the page has no event that the code has not`() throws {
        #expect(Set(try Self.rows().keys) == Set(Event.Kind.allCases.map(\.rawValue)))
    }

    @Test func `an event that lacks a field, or has another, breaks its promise`() {
        #expect(Event(.runFailed, "", ["JOB": "a", "DATABASE": "a", "REASON": "r"]).keepsItsPromise)
        #expect(Event(.runFailed, "", ["JOB": "a", "DATABASE": "a", "REASON": "r", "RUN": "1"]).keepsItsPromise)
        #expect(!Event(.runFailed, "", ["JOB": "a", "DATABASE": "a"]).keepsItsPromise)
        #expect(!Event(.runFailed, "", ["JOB": "a", "DATABASE": "a", "REASON": "r", "DUMP": "d"]).keepsItsPromise)
    }
}
