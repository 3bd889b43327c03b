import BackupCore
import Testing

@Suite struct PsqlTextTests {
    @Test(arguments: [
        ("SELECT 1", "SELECT 1"),
        ("SET a = 1; SELECT 2", "SET a = 1\\; SELECT 2"),
        (
            "SELECT ';', \";\", $$;$$, $a$ ; $$ $a$, E'\\';' -- ;\n; SELECT 3 /* ; /* ; */ ; */",
            "SELECT ';', \";\", $$;$$, $a$ ; $$ $a$, E'\\';' -- ;\n\\; SELECT 3 /* ; /* ; */ ; */"
        ),
        ("SELECT 'it''s'; SELECT ''", "SELECT 'it''s'\\; SELECT ''"),
        ("SELECT a$1 FROM t$x$y", "SELECT a$1 FROM t$x$y"),
        ("SELECT the'\\'", "SELECT the'\\'"),
        ("  -- nothing\n ; ;", ""),
        ("", ""),
    ])
    func `a text of statements is one message`(sql: String, message: String) throws {
        #expect(try PsqlText.message(sql) == message)
    }

    @Test func `parameters stand as literals, but not in quotes`() throws {
        let text = try PsqlText.message(
            "SELECT $1, $2::text IS NULL, '$1', \"$1\", $q$ $1 $q$, $10", ["it's \\ ;", nil] + (3...10).map { "\($0)" })
        #expect(text == "SELECT E'it''s \\\\ ;', NULL::text IS NULL, '$1', \"$1\", $q$ $1 $q$, '10'")
    }

    @Test(arguments: [
        "SELECT 1 \\gexec", "\\! id", "SELECT 'a", "SELECT \"a", "SELECT $a$ $b$", "SELECT 1 /* /* */", "SELECT $2",
    ])
    func `what would leave psql waiting, or do something else, is refused`(sql: String) {
        #expect(throws: PsqlText.Refusal.self) { try PsqlText.message(sql, ["x"]) }
    }
}

@Suite struct PassfileTextTests {
    @Test func `a password is one field, whatever is in it`() {
        #expect(PassfileText.line(password: #"a:b\c"#) == #"*:*:*:*:a\:b\\c"#)
    }

    @Test func `only lines that can be meant for the server go into its container`() {
        let file = """
            # comment
            db.example.org:5432:*:postgres:secret1
            localhost:*:*:postgres:secret2
            *:*:*:*:secret3
            /var/run/postgresql:*:*:other:secret4
            broken line
            """
        #expect(
            PassfileText.lines(of: file, user: "postgres") == ["localhost:*:*:postgres:secret2", "*:*:*:*:secret3"])
    }
}
