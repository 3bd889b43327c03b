import BackupCore
import Testing

/// What psql says of a schema file, with the lines of the file.
@Suite struct SchemaAnswerTests {
    private func answer(_ said: String, _ text: String = "select 1;\nselect 2;\n") throws -> SchemaAnswer {
        SchemaAnswer(said, script: try SchemaScript(text, file: "app.sql"), file: "app.sql")
    }

    @Test(arguments: [
        (1, "before app.sql"), (2, "app.sql:1"), (3, "app.sql:2"), (4, "app.sql:2"), (5, "app.sql:2"),
        (6, "after app.sql"), (26, "after app.sql"),
    ])
    func `a line of what psql is told is one of the file, or none`(line: Int, place: String) throws {
        let said = try answer(
            "psql:<stdin>:\(line): ERROR:  42704: type \"x\" does not exist\nLINE 1: a\n            ^")
        #expect(said.text == "\(place): ERROR:  type \"x\" does not exist\nLINE 1: a\n            ^")
        #expect(said.sqlState == "42704" && said.wasConnected && said.isAhead == (line == 1))
    }

    @Test(arguments: [("", 1, 3), ("select 1", 1, 3), ("select 1;\n", 1, 4), ("select 1;\nselect 2", 2, 4)])
    func `what comes after the file does so for short files too`(text: String, last: Int, semicolon: Int) throws {
        let script = try SchemaScript(text, file: "app.sql")
        let told = script.input(lockTimeoutSeconds: 1, lock: 7, ending: "SELECT 'own';").split(
            separator: "\n", omittingEmptySubsequences: false)
        #expect(told[semicolon - 1] == ";" && told[semicolon].hasPrefix("RESET SESSION AUTHORIZATION"))
        #expect(try answer("psql:<stdin>:\(semicolon): ERROR:  42601: x", text).text == "app.sql:\(last): ERROR:  x")
        for line in (semicolon + 1)...told.count {
            #expect(try answer("psql:<stdin>:\(line): ERROR:  42601: x", text).text == "after app.sql: ERROR:  x")
        }
    }

    @Test func `of several messages the last is the fault, and where the server's source has it is left out`() throws {
        let said = try answer(
            """
            psql:<stdin>:2: NOTICE:  42P07: relation "a" already exists, skipping
            LOCATION:  transformCreateStmt, parse_utilcmd.c:207
            psql:<stdin>:3: FEHLER:  55P03: storniere Anfrage
            LOCATION:  ProcessInterrupts, postgres.c:3360
            """)
        #expect(
            said.text
                == "app.sql:1: NOTICE:  relation \"a\" already exists, skipping\napp.sql:2: FEHLER:  storniere Anfrage")
        #expect(said.sqlState == "55P03" && !said.isRepeated)
    }

    @Test(arguments: ["42P07", "42710", "42P06", "42723", "23505"])
    func `what is there already is told from other faults`(state: String) throws {
        #expect(try answer("psql:<stdin>:2: ERROR:  \(state): it already exists").isRepeated)
    }

    @Test func `psql that has not come to its stdin has not been connected`() throws {
        let none = try answer("psql: error: connection to server on socket \"/x/.s.PGSQL.5432\" failed: No such file")
        #expect(!none.wasConnected && none.sqlState == nil && none.text.hasPrefix("psql: error: "))
        let lost = try answer("psql:<stdin>:3: error: connection to server was lost")
        #expect(lost.wasConnected && lost.sqlState == nil)
        #expect(lost.text == "app.sql:2: error: connection to server was lost")
    }
}
