import BackupCore
import Foundation
import TestSupport
import Testing

/// What would break a schema file's one transaction is found before psql is told anything.
@Suite struct SchemaScriptTests {
    @Test(arguments: [
        "", "-- nothing", "create table t (id int)", "create table t (id int);\n-- commit;\n/* begin; /* nested */ */",
        "do $$ begin commit; end $$;", "do $x$ begin perform '$$'; end $x$;",
        "select 'it''s; commit;', \"commit; \"\"\";",
        "select E'\\'; commit; ';", "select '\\'; select 1;", "\\restrict abc\nselect 1;\n\\unrestrict abc\n",
        "copy t (a) from stdin;\n\\N\nit's \"odd; commit;\n\\.\nselect 1;",
        "create or replace function f() returns int language sql begin atomic; select case when true then 1 end; end; select 1;",
        "create rule r as on insert to t do also (insert into u values (1); insert into u values (2));",
        "create table t (begin date, \"end\" date);",
        "CREATE OR REPLACE FUNCTION span(begin date, finish date) RETURNS int LANGUAGE sql AS 'SELECT finish - begin'; select 1;",
        "create function f(begin int) returns table (begin int, \"end\" int) begin atomic; select 1, 2; end;",
        "create table ended (id int); insert into t values ($1); select a$b$c;",
        "select 1::int, '{\"a\": 1}'::jsonb #>> '{}';",
    ])
    func `ordinary SQL is one transaction, with its lines where they were`(text: String) throws {
        let input = try SchemaScript(text, file: "x.sql").input(lockTimeoutSeconds: 1.5, lock: 7)
        let (limits, rest) = try #require(input.split(separator: "BEGIN ", maxSplits: 1).pair)
        #expect(limits.hasPrefix("SET statement_timeout = 0; ") && !limits.contains("\n"))
        let patience = "SET LOCAL lock_timeout = 1500;"
        let begun =
            "ISOLATION LEVEL READ COMMITTED READ WRITE; \(patience) SELECT pg_catalog.pg_advisory_xact_lock(7);\n\(text)\n;\n"
        let end = "SET LOCAL synchronous_commit = on;\nCOMMIT;\n"
        #expect(rest == begun + end)
        // By the role that the session began with and without limits, whatever the file has taken.
        let more = try SchemaScript(text, file: "x.sql").input(lockTimeoutSeconds: 1.5, lock: 7, ending: "SELECT 1;")
        #expect(
            more
                == "\(limits)BEGIN \(begun)RESET SESSION AUTHORIZATION; RESET ROLE; \(limits)\(patience)\nSELECT 1;\n\(end)"
        )
    }

    @Test(arguments: [
        ("commit;", 1, "COMMIT does not go"), ("select 1;\n\nBegin;\ncommit;", 3, "BEGIN does not go"),
        ("select 1; rollback", 1, "ROLLBACK does not go"), ("start transaction;", 1, "START does not go"),
        ("prepare transaction 'x';", 1, "outlives"), ("savepoint a;", 1, "SAVEPOINT"), ("/* a */ end;", 1, "END does"),
        ("create table t (begin date);\ncommit;", 2, "COMMIT"), ("select 1;\n\\c other\n", 2, "\\c is a command"),
        ("\\i more.sql", 1, "\\i is a command"), ("select 'a\n;", 1, "a quotation mark is left open"),
        ("\nselect \"a;", 2, "a quotation mark"), ("do $$ begin;", 1, "dollar quotation"), ("/* a", 1, "comment"),
        ("select (1;\n", 2, "parenthesis"), ("copy t from stdin;\n1\n", 3, "have no end"),
        ("create function f() returns int begin atomic select 1;\n", 2, "BEGIN ATOMIC"),
        ("copy t from stdin;\n1\n\\.\ncommit;", 4, "COMMIT"),
    ])
    func `what ends the transaction, or is psql's own, is refused by its line`(text: String, line: Int, message: String)
        throws
    {
        let failure = try #require(throws: Failure.self) { try SchemaScript(text, file: "x.sql") }
        #expect(failure.kind == .configInvalid && failure.message.hasPrefix("x.sql:\(line): "), "\(failure)")
        #expect(failure.message.contains(message), "\(failure)")
    }
}

extension Array {
    fileprivate var pair: (Element, Element)? { count == 2 ? (self[0], self[1]) : nil }
}
