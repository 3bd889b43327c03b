import BackupCore
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import BackupRuntime

/// A session by one psql inside a container answers as one by libpq does.
@Suite(.enabled(if: TestEngine.lack == nil, "\(TestEngine.lack ?? "")")) struct ContainerSessionTests {
    /// One session to a container's server, and one by libpq to a server of the same major.
    private func withSessions(
        _ image: TestEngine.Image = .debian, _ body: (Session, Session, TestContainer) async throws -> Void
    ) async throws {
        let scratch = try await SharedServer.only.server()
        try await withContainer("session", image) { container in
            let inside = Server(
                name: "box", connection: "", container: Container(engine: .docker, name: container.name))
            let direct = Server(name: "scratch", connection: scratch.connection)
            let name = "archon-backupd/session"
            do {
                let psql = try await Session.open(
                    try ConnectionSettings(inside), database: "postgres", applicationName: name)
                let libpq = try await Session.open(
                    try ConnectionSettings(direct), database: "postgres", applicationName: name)
                try await body(psql, libpq, container)
            }
            try await container.untilClean("after the session")
        }
    }

    private static let queries: [(sql: String, parameters: [String?])] = [
        ("SELECT 1", []), ("", []), ("-- nothing at all", []), ("SET datestyle = 'ISO'", []),
        ("SELECT 1 WHERE false", []), ("SELECT '', NULL, ' ', 'NULL', '\\N'", []),
        ("SELECT E'line\\nfeed', E'tab\\there', E'back\\\\slash', E'\\r\\n'", []),
        ("SELECT E'\\\\.', E'a\\n\\\\.\\nb', E'\\\\q', E'\\n\\\\! id\\n'", []),
        ("SELECT 'it''s', '\"', ';', '$1', '|', ':ERROR', ':''ERROR'''", []),
        ("SELECT 'žluťoučký', '日本語', '🐘', 'e\u{301}', E'\\u00a0'", []),
        ("SELECT $1, $2, $3::text", ["it's \\ \" ; $2", "", nil]),
        ("SELECT $1::int + $2::int", ["2", "-3"]), ("SELECT $1", ["\\.\n\\q\n'; DROP TABLE x; --"]),
        ("SELECT $$a;b$$, $tag$ $$ $tag$ -- ; comment '", []), ("SELECT 1; SELECT 2, 3", []),
        ("SELECT g, CASE WHEN g % 3 = 0 THEN NULL ELSE repeat('x', g) END FROM generate_series(1, 50) g", []),
        ("CREATE TEMPORARY TABLE \"odd \"\"; name\" (\"a;b\" text)", []),
        ("INSERT INTO \"odd \"\"; name\" VALUES ($1)", ["v'\n"]), ("SELECT * FROM \"odd \"\"; name\"", []),
        ("SELECT current_setting('application_name')", []), ("SELECT true, 1.5::numeric, now() IS NULL", []),
    ]

    private static let refused: [(sql: String, parameters: [String?])] = [
        ("SELECT 1 / 0", []), ("SELECT * FROM nowhere", []), ("SELEC 1", []), ("SELECT 'a'::int", []),
        ("SELECT 1 / 0; SELECT 2", []), ("SELECT nothing FROM pg_class", []), ("SELECT $1::date", ["x\ny"]),
        ("DO $$ BEGIN RAISE EXCEPTION E'two\\nlines' USING DETAIL = 'some detail', ERRCODE = 'AB123'; END $$", []),
        ("SET NOTHING_SUCH.y = 1; SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(1)", []),
    ]

    @Test(arguments: TestEngine.Image.allCases)
    func `every kind of query is answered as libpq answers it`(image: TestEngine.Image) async throws {
        try await withSessions(image) { psql, libpq, _ in
            for (sql, parameters) in Self.queries {
                let expected = try await libpq.query(sql, parameters)
                #expect(try await psql.query(sql, parameters) == expected, "\(sql)")
            }
            for (sql, parameters) in Self.refused {
                let expected = try await fault(libpq, sql, parameters)
                let fault = try await fault(psql, sql, parameters)
                #expect(
                    fault?.sqlState == expected?.sqlState && expected != nil, "\(sql): \(String(describing: fault))")
                #expect(fault?.message == expected?.message && fault?.detail == expected?.detail, "\(sql)")
                #expect(try await psql.query("SELECT 'goes on'") == [["goes on"]], "\(sql)")
            }
            #expect(psql.serverVersion == libpq.serverVersion && psql.serverVersionText == libpq.serverVersionText)
            #expect(try await psql.query("SELECT pg_backend_pid()") == [["\(psql.backendPID)"]])
        }
    }

    private func fault(_ session: Session, _ sql: String, _ parameters: [String?] = []) async throws -> Session.Fault? {
        do {
            try await session.query(sql, parameters)
            return nil
        } catch let fault as Session.Fault {
            return fault
        }
    }

    @Test func `a transaction, its snapshot and its settings stay from one query to the next`() async throws {
        try await withSessions { psql, _, container in
            try await container.sql("postgres", "create table t as select generate_series(1, 10) g")
            try await psql.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            let snapshot = try #require(try await psql.query("SELECT pg_export_snapshot()").first?.first ?? nil)
            try await container.sql("postgres", "delete from t")
            #expect(try await psql.query("SELECT count(*) FROM t") == [["10"]])
            let seen = try await container.sql(
                "postgres",
                "begin isolation level repeatable read; set transaction snapshot '\(snapshot)'; select count(*) from t")
            #expect(seen == "10")
            #expect(try await fault(psql, "DELETE FROM t")?.sqlState == "25006")
            #expect(try await fault(psql, "SELECT 1")?.sqlState == "25P02")
            try await psql.query("ROLLBACK")
            #expect(try await psql.query("SELECT count(*) FROM t") == [["0"]])
        }
    }

    @Test func `a large result comes whole, and a COPY line by line as libpq gives it`() async throws {
        try await withSessions { psql, libpq, _ in
            let large = "SELECT g, repeat(md5(g::text), 20) FROM generate_series(1, 30000) g"
            #expect(try await psql.query(large) == libpq.query(large))
            let copy =
                "COPY (SELECT g, CASE WHEN g % 7 = 0 THEN NULL ELSE E'tab\\t \\\\. line\\n é' || g END FROM generate_series(1, 20000) g) TO STDOUT"
            let ours = Mutex(Data())
            let theirs = Mutex(Data())
            let count = try await psql.copyOut(copy) { line in ours.withLock { $0 += Data(line) + [0x0a] } }
            _ = try await libpq.copyOut(copy) { line in theirs.withLock { $0 += Data(line) + [0x0a] } }
            #expect(count == 20_000 && ours.withLock { $0 } == theirs.withLock { $0 })
            #expect(try await psql.copyOut("COPY (SELECT 1 WHERE false) TO STDOUT") { _ in } == 0)
            let broken = "COPY (SELECT 1 / (5000 - g) FROM generate_series(1, 9000) g) TO STDOUT"
            for session in [psql, libpq] {
                await #expect(throws: Session.Fault.self) { _ = try await session.copyOut(broken) { _ in } }
                await #expect(throws: Session.Fault.self) {
                    _ = try await session.copyOut("COPY nowhere TO STDOUT") { _ in }
                }
                #expect(try await session.query("SELECT 7") == [["7"]])
            }
        }
    }

    @Test func `a cancelled query is cancelled at the server, and the session goes on`() async throws {
        try await withSessions { psql, _, container in
            let query = Task { try await psql.query("SELECT pg_sleep(300)") }
            try await until("the query is in progress") {
                try await container.backends("archon-backupd/session").contains { $0.contains("pg_sleep") }
            }
            query.cancel()
            let result = await query.result
            #expect((result.failure as? Session.Fault)?.sqlState == "57014", "\(result)")
            #expect(try await psql.query("SELECT 'goes on'") == [["goes on"]])
        }
    }

    @Test func `a cancelled query whose backend is frozen is given up, and so is the session`() async throws {
        try await withContainer("frozen") { container in
            let server = Server(
                name: "box", connection: "", container: Container(engine: .docker, name: container.name))
            let line = try await PsqlLine.open(
                try ConnectionSettings(server), database: "postgres", applicationName: "archon-backupd/session",
                patience: .seconds(2))
            let query = Task { try await line.query("SELECT pg_sleep(300)", []) }
            try await until("the query is in progress") {
                try await container.backends("archon-backupd/session").contains { $0.contains("pg_sleep") }
            }
            _ = try await container.exec("sh", "-c", "kill -STOP \(line.backendPID)")
            query.cancel()
            let failure = await query.result.failure as? Failure
            #expect(failure?.kind == .unavailable, "\(String(describing: failure))")
            await #expect(throws: Failure.self) { try await line.query("SELECT 1", []) }
            _ = try await container.exec("sh", "-c", "kill -CONT \(line.backendPID)")
            try await container.untilClean("after the session was given up")
        }
    }

    @Test func `a backend that is terminated is a lost connection, and no query hangs`() async throws {
        try await withSessions { psql, _, container in
            try await container.sql("postgres", "select pg_terminate_backend(\(psql.backendPID))")
            for _ in 1...2 {
                do {
                    try await psql.query("SELECT 1")
                    Issue.record("the query was answered")
                } catch let failure as Failure {
                    #expect(failure.kind == .unavailable, "\(failure)")
                } catch let fault as Session.Fault {
                    #expect(fault.sqlState == "57P01", "\(fault)")
                }
            }
        }
    }
}

extension Result {
    fileprivate var failure: (any Error)? { if case .failure(let error) = self { error } else { nil } }
}
