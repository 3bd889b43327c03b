import BackupCore
import Foundation
import TestSupport
import Testing

/// A quote with a combining mark behind it is one character to Swift, and a quote to the server and to a shell.
@Suite struct CombiningQuoteTests {
    @Test func `a quote is doubled whatever stands behind it`() {
        func scalars(_ text: String) -> [Unicode.Scalar] { Array(text.unicodeScalars) }
        #expect(scalars(SQL.identifier("a\"\u{301}b")) == scalars("\"a") + ["\"", "\"", "\u{301}", "b", "\""])
        #expect(scalars(SQL.literal("'\u{301}")) == ["'", "'", "'", "\u{301}", "'"])
        #expect(scalars(SQL.literal("\\\u{301}")) == ["E", "'", "\\", "\\", "\u{301}", "'"])
        #expect("a:b".escaping(":", as: "\\:") == "a\\:b" && "ab".escaping(":", as: "\\:") == "ab")
    }

    @Test func `a database of such a name is backed up, replaced and put back by the command that is told`()
        async throws
    {
        try await withOwnServer { host in
            let identifier = "\"it\"\"\u{301} is'\u{301} odd\""
            let name = "it\"\u{301} is'\u{301} odd"
            try await host.server.psql("postgres", "create database \(identifier)")
            try await host.server.psql(name, "create table t as select generate_series(1, 7) n")
            try host.write("\"odd\": {\"database\": \"it\\\"\u{301} is'\u{301} odd\", \(VerbTests.often)}")
            let backup = try await host.call("backup", "odd")
            #expect(backup.status == 0, "\(backup.error)")
            try await host.server.psql(name, "insert into t values (8)")
            let replaced = try await host.call("restore", "odd", "--replace", "--yes", "--json")
            try #require(replaced.status == 0, "\(replaced.error)")
            #expect(try await host.server.psql(name, "select count(*) from t") == "7")
            let answer = try JSONSerialization.jsonObject(with: Data(replaced.output.utf8)) as? [String: Any]
            let undo = try #require(answer?["undo"] as? String)
            let undone = try await run("bash", ["-ec", "PATH=\(host.server.bin):$PATH\n\(undo)"])
            #expect(undone.status == 0, "\(undo): \(undone.error)")
            #expect(try await host.server.psql(name, "select count(*) from t") == "8")
        }
    }
}
