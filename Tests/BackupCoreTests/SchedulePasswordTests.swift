import BackupCore
import Foundation
import Testing

/// A password is found wherever it stands, and repeated nowhere.
@Suite struct SchedulePasswordTests {
    private typealias Sample = ScheduleSample
    private static let secret = "Hunter2"

    @Test(arguments: [
        "host=db password=Hunter2", "password=Hunter2", "password = 'Hunter2' host=db",
        "host=db password='a b Hunter2'",
        "host=db PASSWORD=Hunter2", "host='x' password=\\'Hunter2", "sslpassword=Hunter2 host=db",
        "host=db passwd=Hunter2",
        "host=db pwd=Hunter2", "oauth_client_secret=Hunter2", "host='password=Hunter2'", "password\u{a0}=Hunter2",
        "password=\u{301}Hunter2",
        "postgresql://me:Hunter2@db/", "postgres://me:Hunter2@db", "postgresql://me:Hunter2@@db",
        "postgresql://:Hunter2@db",
        "postgresql://me:Hun%74er2Hunter2@[::1]:5432,other/?sslmode=require", "postgresql://me@db/?password=Hunter2",
        "postgresql://db?sslmode=require&password=Hunter2", "postgresql://db?p%61ssword=Hunter2",
        "postgresql://db/?sslpassword=Hunter2",
        "postgresql://?user=a:Hunter2@db",
    ])
    func `a password in a connection`(connection: String) throws {
        let encoded = String(decoding: try JSONEncoder().encode(connection), as: UTF8.self)
        let (text, places) = Sample.unmarked(Sample.file(server: "\"connection\": ‸\(encoded)"))
        let found = Sample.faults(text)
        #expect(found.map { "\($0.line):\($0.column)" } == places, "\(found)")
        let fault = try #require(found.first)
        #expect(fault.path == "$.servers.main.connection" && fault.message.contains("password"))
        #expect(["passfile", "passwordCredential", "service file"].allSatisfy(fault.hint.contains))
        #expect(!"\(found)".contains(Self.secret))
        expectSilence(text)
    }

    @Test(arguments: ["password", "Password", "PGPASSWORD", "passwd", "pwd", "pass", "sslpassword"])
    func `a password as a key`(key: String) throws {
        for (marked, path) in [
            (Sample.file(top: "‸\"\(key)\": \"Hunter2\""), "$."),
            (Sample.file(storage: "\"root\": \"/b\", ‸\"\(key)\": \"Hunter2\""), "$.storage."),
            (Sample.file(server: "\"connection\": \"user=u\", ‸\"\(key)\": \"Hunter2\""), "$.servers.main."),
            (Sample.file(defaults: "‸\"\(key)\": \"Hunter2\""), "$.defaults."),
            (Sample.job("‸\"\(key)\": \"Hunter2\""), "$.databases.app."),
            (Sample.job("\"hooks\": { ‸\"\(key)\": \"Hunter2\" }"), "$.databases.app.hooks."),
        ] {
            let (text, places) = Sample.unmarked(marked)
            let found = Sample.faults(text)
            #expect(found.map { "\($0.line):\($0.column)" } == places, "\(found)")
            #expect(found.first?.path == path + key && found.first?.message.contains("password") == true)
            #expect(found.first?.hint.contains("passfile") == true)
            expectSilence(text)
        }
    }

    /// Where nobody would look for one, and where a fault of another kind might repeat it.
    @Test(arguments: [
        Sample.job(#""hooks": { "before": ["/usr/bin/psql", ‸"postgresql://me:Hunter2@db/app"] }"#),
        Sample.job(#""hooks": { "after": ["/usr/bin/env", ‸"PGPASSWORD=Hunter2", "psql"] }"#),
        Sample.job(#""hooks": { "after": ["/usr/bin/x", ‸"--password='Hunter2'"] }"#),
        Sample.job(#""database": ‸"postgresql://me:Hunter2@db/app""#), Sample.job(#""jitter": ‸"password=Hunter2""#),
        Sample.file(top: #""timeZone": ‸"password=Hunter2""#),
        Sample.file(storage: #""root": ‸"s3://me:Hunter2@bucket""#),
        Sample.file(storage: #""root": "/b", "minimumFree": ‸"password=Hunter2""#),
        Sample.file(databases: #""app": { "calendar": ‸"password=Hunter2" }"#),
        Sample.file(databases: #""app": { "cron": ‸"password=Hunter2" }"#),
        Sample.job(#""server": ‸"postgresql://me:Hunter2@db/""#), Sample.job(#""compression": ‸"password=Hunter2""#),
        Sample.job(#"‸"container": { "name": "db", ‸"password": "Hunter2" }"#),
        Sample.job(#"‸"notify": [{ "url": ‸"https://me:Hunter2@chat/" }]"#),
        Sample.file(databases: #"‸"host=db password=Hunter2": { "calendar": "daily" }"#),
        Sample.file(
            databases: #"‸"password=Hunter2": { "calendar": "daily" }, ‸"password=Hunter2.": { "calendar": "daily" }"#),
        Sample.file(
            storage: #""root": "/b", "state": ‸"/b/password=Hunter2""#,
            databases: #"‸"password=Hunter2": { "calendar": "daily" }"#),
        Sample.file(databases: #"‸"postgresql://me:Hunter2@db/app": { "calendar": "daily" }"#),
        Sample.file(databases: #"‸"host=db password=Hunter2\u0000": { "calendar": "daily" }"#),
    ])
    func `a password elsewhere`(marked: String) throws {
        let (text, places) = Sample.unmarked(marked)
        let found = Sample.faults(text)
        #expect(found.map { "\($0.line):\($0.column)" } == places, "\(found)")
        expectSilence(text)
    }

    /// A connection string where a server's name belongs: hints list the servers.
    @Test(arguments: [
        #""calendar": "daily""#, #""calendar": "daily", "server": "other""#, #""calendar": "daily", "server": 1"#,
        #""calendar": "daily", "server": "second""#,
        #""calendar": "daily", "server": "second", "drill": { "on": "other" }"#,
    ])
    func `a password in the name of a server`(members: String) {
        let file = Sample.file(
            server: "\"connection\": \"user=u\" }, \"second\": { \"connection\": \"user=u\"",
            databases: "\"app\": { \(members) }")
        let (text, places) = Sample.unmarked(file.replacing("\"main\"", with: "‸\"host=db password=Hunter2\""))
        let found = Sample.faults(text)
        #expect(found.first.map { "\($0.line):\($0.column)" } == places.first, "\(found)")
        #expect(found.first?.path == "$.servers['…']" && found.first?.hint.contains("passfile") == true)
        expectSilence(text)
    }

    /// A text that is no JSON at all: whatever it trips over may be the password.
    @Test(arguments: [
        "\"password\": Hunter2", "\"password\": 'Hunter2'", "\"password\" \"Hunter2\"", "\"password\": 0Hunter2",
        "\"password\": \"Hunter2",
        "password: Hunter2", "\"password: \"Hunter2\"", "\"password\": \"x\" Hunter2", "\"password\": \"\\Hunter2\"",
        "\"password\": [Hunter2,,]",
        "\"Hunter2\", \"password\"", "\"connection\": \"host=db user=me Hunter2\"",
        "\"connection\": \"host=db password=my Hunter2\"",
        "\"connection\": \"host=db password='Hunter2\"", "\"connection\": \"POSTGRESQL://me:Hunter2@db\"",
    ])
    func `a password in a text that cannot be read`(member: String) {
        for text in [Sample.file(server: member), Sample.job(member), Sample.file(top: member)] {
            #expect(!Sample.faults(text).isEmpty)
            expectSilence(text)
        }
    }

    private func expectSilence(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) {
        for fault in Sample.faults(text) {
            #expect(!fault.description.contains(Self.secret), sourceLocation: sourceLocation)
        }
        let failure = #expect(throws: Failure.self, sourceLocation: sourceLocation) { try Sample.decode(text) }
        #expect(failure?.description.contains(Self.secret) == false, sourceLocation: sourceLocation)
    }
}
