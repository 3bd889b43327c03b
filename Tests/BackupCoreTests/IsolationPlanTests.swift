import BackupCore
import Foundation
import TestSupport
import Testing

/// What a plan's file says, and what is wrong with one.
@Suite struct IsolationPlanTests {
    @Test func `the shipped plan and the one in the docs are plans`() throws {
        let repository = ScheduleSample.repository
        let shipped = try Data(contentsOf: URL(fileURLWithPath: "\(repository)/config/examples/isolate-archon.json"))
        let plan = try IsolationPlanDecoder.decode(Array(shipped), file: "isolate-archon.json")
        #expect(plan.moves(schema: "public", table: "archon_page_metadata"))
        #expect(!plan.moves(schema: "archon_legacy_archive", table: "archon_page_metadata"))
        let page = try String(contentsOfFile: "\(repository)/docs/isolate.md", encoding: .utf8)
        let block = try #require(page.components(separatedBy: "```json\n").dropFirst(2).first)
        let text = block.components(separatedBy: "```")[0]
        #expect(try IsolationPlanDecoder.decode(Array(text.utf8), file: "isolate.md") == plan)
    }

    @Test func `a plan is read with its defaults, and every fault of one is told`() throws {
        let text =
            #"{"version": 1, "source": "postgres", "target": "archon_db", "tables": ["public.archon_*"], "copyRows": false}"#
        let plan = try IsolationPlanDecoder.decode(Array(text.utf8), file: "p.json")
        #expect(plan.archiveSchema == "archon_legacy_archive" && plan.targetRows == .refuse && !plan.allowForeignKeys)
        #expect(plan.lockTimeoutSeconds == 10 && plan.schemaFile == nil && !plan.copyRows)
        let bad = #"""
            {"version": 2, "source": "", "tables": ["archon", 1], "copyRow": true, "targetRows": "merge",
             "archiveSchema": "pg_x", "lockTimeout": "0s"}
            """#
        let failure = try #require(throws: Failure.self) {
            try IsolationPlanDecoder.decode(Array(bad.utf8), file: "p.json")
        }
        for part in [
            "$.version", "$.source: is empty", "\"target\" is missing", "$.tables[1]", "$.copyRow: this key is unknown",
            "Did you mean \"copyRows\"?", "$.targetRows", "$.archiveSchema", "$.lockTimeout", "p.json:2:",
        ] {
            #expect(failure.message.contains(part), "\(part) in \(failure.message)")
        }
        let empty = #"{"version": 1, "source": "a", "target": "b", "tables": [], "copyRows": true}"#
        #expect(throws: Failure.self) { try IsolationPlanDecoder.decode(Array(empty.utf8), file: "p.json") }
        #expect(throws: Failure.self) { try IsolationPlanDecoder.decode(Array("[1]".utf8), file: "p.json") }
    }
}
