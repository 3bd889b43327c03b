import BackupCore
import Foundation
import Testing

/// Every kind of fault, with its place (the mark), its path, and words of its message and hint.
@Suite struct ScheduleFaultTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let text: String
        let path: String
        let message: String
        let hint: String
        var testDescription: String { "\(path): \(message)" }

        init(_ text: String, _ path: String, _ message: String, _ hint: String) {
            (self.text, self.path, self.message, self.hint) = (text, path, message, hint)
        }
    }

    private typealias Sample = ScheduleSample

    private func check(_ fault: Case, sourceLocation: SourceLocation = #_sourceLocation) {
        let (text, places) = Sample.unmarked(fault.text)
        let found = Sample.faults(text)
        #expect(found.map { "\($0.line):\($0.column)" } == places, "\(found)", sourceLocation: sourceLocation)
        guard let first = found.first else { return }
        #expect(first.file == "schedule.json", sourceLocation: sourceLocation)
        #expect(first.path == fault.path, sourceLocation: sourceLocation)
        #expect(first.message.contains(fault.message), "\(first)", sourceLocation: sourceLocation)
        #expect(
            !first.hint.isEmpty && (fault.hint.isEmpty || first.hint.contains(fault.hint)), "\(first)",
            sourceLocation: sourceLocation)
        #expect(
            first.description.hasPrefix("schedule.json:\(places.first ?? ""): \(fault.path): "),
            sourceLocation: sourceLocation)
        #expect(throws: Failure.self, sourceLocation: sourceLocation) { try Sample.decode(text) }
    }

    @Test(arguments: [
        Case("‸", "$", "empty", "docs/schedule.md"),
        Case("‸ \n\t ", "$", "empty", "docs/schedule.md"),
        Case(
            Sample.file(top: #""concurrency": 2 /‸* many */"#).replacing("/‸*", with: "‸/*"), "$", "comments", "Remove"),
        Case(Sample.file(top: "‸// many\n \"concurrency\": 2"), "$", "comments", "Remove"),
        Case(Sample.job(#""retention": { "keepLast": 3‸, }"#), "$.databases.app.retention", "comma after", "Remove"),
        Case(Sample.job(#""schemas": ["a"‸, ]"#), "$.databases.app.schemas", "comma after", "Remove"),
        Case(Sample.job(#""jitter": "5m" ‸"globals": true"#), "$.databases.app", "comma", "Add"),
        Case(Sample.job(#""schemas": ["a" ‸"b"]"#), "$.databases.app.schemas", "comma", "Add"),
        Case(Sample.job(#""jitter": ‸'5m'"#), "$.databases.app.jitter", "no JSON value", "double quotes"),
        Case(
            Sample.job(#""jitter": ‸5m"#).replacing("5m", with: "05"), "$.databases.app.jitter", "no JSON number", "14"),
        Case(Sample.job(#""enabled": ‸True"#), "$.databases.app.enabled", "no JSON value", "true"),
        Case(Sample.job(#""enabled": ‸, "globals": true"#), "$.databases.app.enabled", "missing", "comma"),
        Case(Sample.job(#""excludeTables": ["a‸\d"]"#), "$.databases.app.excludeTables[0]", "no escape", #"\\"#),
        Case(Sample.job(#""excludeTables": ["a‸\ud800"]"#), "$.databases.app.excludeTables[0]", "surrogate", "itself"),
        Case(Sample.job("\"schemas\": [\"a‸\nb\"]"), "$.databases.app.schemas[0]", "control character", "quote"),
        Case(Sample.job(#""jitter" ‸"5m""#), "$.databases.app", "colon", "quote"),
        Case(Sample.job("‸jitter: 5"), "$.databases.app", "key in double quotes", "\"key\""),
        Case(#"{ "version": ‸"#, "$.version", "ends", "cut off"),
        Case(Sample.file() + " ‸}", "$", "after the end", "brace too many"),
        Case("‸[]", "$", "must be an object, not an array", "{"),
    ])
    func `a text that is no JSON`(fault: Case) { check(fault) }

    @Test(arguments: [
        Case(Sample.file(top: #""concurrency": 1, ‸"concurrency": 2"#), "$.concurrency", "a second time", "Keep one"),
        Case(
            Sample.file(databases: #""app": { "calendar": "daily" }, ‸"app": { "cron": "@daily" }"#), "$.databases.app",
            "a second time", "Keep one"),
        Case(
            Sample.file(databases: #""app": { "calendar": "daily" }, ‸"a\u0070p": { "cron": "@daily" }"#),
            "$.databases.app", "a second time", "Keep one"),
        Case(
            Sample.file(
                databases: "\"caf\u{e9}\": { \"calendar\": \"daily\" }, ‸\"cafe\u{301}\": { \"cron\": \"@daily\" }"),
            "$.databases['cafe\u{301}']", "a second time", "Keep one"),
        Case(
            Sample.job(#""retention": { "keepLast": 1, ‸"keepLast": 2 }"#), "$.databases.app.retention.keepLast",
            "a second time", "Keep one"),
        Case(
            Sample.file(databases: #""App": { "calendar": "daily" }, ‸"app": { "calendar": "daily" }"#),
            "$.databases.app", "\"App\" write one folder", "database"),
        Case(
            Sample.file(databases: #""ﬁle": { "calendar": "daily" }, ‸"file": { "calendar": "daily" }"#),
            "$.databases.file", "write one folder", "database"),
        Case(
            Sample.file(databases: #""app": { "calendar": "daily" }, ‸"app.": { "calendar": "daily" }"#),
            "$.databases['app.']", "write one folder", "database"),
        Case(
            Sample.file(storage: #""root": "/b", "state": ‸"/b/app""#), "$.storage.state", "folder of the job",
            "/var/lib"),
        Case(
            Sample.file(storage: #""root": "/b", "state": ‸"//b/app/x/""#), "$.storage.state", "folder of the job",
            "/var/lib"),
    ])
    func `two of one name, and two jobs that write one folder`(fault: Case) { check(fault) }

    /// The later features' keys among them.
    @Test(arguments: [
        "expects", "discover", "keepLast", "Calendar", "root",
    ])
    func `an unknown key, wherever it stands`(key: String) {
        for (text, path) in [
            (Sample.file(top: "‸\"\(key)\": {}"), "$."),
            (Sample.file(storage: "\"root\": \"/b\", ‸\"\(key)\": 1"), "$.storage."),
            (Sample.file(server: "\"connection\": \"user=u\", ‸\"\(key)\": 1"), "$.servers.main."),
            (Sample.file(defaults: "‸\"\(key)\": true"), "$.defaults."),
            (Sample.job("‸\"\(key)\": null"), "$.databases.app."),
            (Sample.job("\"retry\": { ‸\"\(key)\": 1 }"), "$.databases.app.retry."),
            (Sample.job("\"hooks\": { ‸\"\(key)\": [] }"), "$.databases.app.hooks."),
            (Sample.job("\"retention\": { ‸\"\(key)\": [] }"), "$.databases.app.retention."),
            (Sample.job("\"drill\": { ‸\"\(key)\": 1 }"), "$.databases.app.drill."),
            (Sample.file(defaults: "\"objectives\": { ‸\"\(key)\": 1 }"), "$.defaults.objectives."),
        ]
        where !(key == "root" && path == "$.storage.") && !(key == "discover" && path == "$.servers.main.")
            && !(key == "keepLast" && path.hasSuffix("retention."))
        {
            check(Case(text, path + key, "unknown", ""))
        }
    }

    @Test func `an unknown key is told the nearest known one, or all`() {
        check(Case(Sample.job(#"‸"retension": {}"#), "$.databases.app.retension", "unknown", "\"retention\""))
        check(
            Case(
                Sample.job(#""retention": { ‸"keeplast": 3 }"#), "$.databases.app.retention.keeplast", "unknown",
                "\"keepLast\""))
        check(
            Case(
                Sample.job(#""retry": { ‸"zzzzzz": 3 }"#), "$.databases.app.retry.zzzzzz", "unknown", "attempts, delay")
        )
        check(Case(Sample.job(#"‸"a b": 3"#), "$.databases.app['a b']", "unknown", "calendar"))
        // A title that another program put there does not steer a terminal.
        check(Case(Sample.job(#"‸"a\u001b[2J": 3"#), #"$.databases.app['a\u{1b}[2J']"#, "unknown", "calendar"))
    }

    @Test(arguments: [
        ("", "empty"), ("..", "begins with ."), (".", "begins with ."), (".hidden", "begins with ."), ("a/b", "/"),
        ("/", "/"),
        ("/etc", "/"), ("../x", "begins with ."), ("a..b", ".."), ("-rf", "begins with -"), ("-", "begins with -"),
        ("a\u{0}b", "control"), ("a\u{1b}b", "control"), ("a\u{7f}", "control"), ("a\u{85}b", "control"),
        ("a\u{2028}b", "control"),
        (" a", "space"), ("a\u{a0}", "space"), (String(repeating: "a", count: 64), "64 bytes"),
        (String(repeating: "é", count: 32), "64 bytes"), (String(repeating: "x", count: 100_000), "100000 bytes"),
        // To Swift these are no slash, no hyphen and no dot, but a letter each.
        ("a/\u{301}b", "/"), ("-\u{301}rf", "begins with -"), ("a..\u{301}", ".."), (".\u{301}", "begins with ."),
    ])
    func `an unsafe name`(name: String, message: String) throws {
        let encoded = String(decoding: try JSONEncoder().encode(name), as: UTF8.self)
        for (text, what) in [
            (Sample.file(databases: "‸\(encoded): { \"calendar\": \"daily\" }"), "job"),
            (Sample.file().replacing("\"main\"", with: "‸\(encoded)"), "server"),
        ] {
            let (unmarked, places) = Sample.unmarked(text)
            let found = Sample.faults(unmarked)
            #expect(found.map { "\($0.line):\($0.column)" } == places, "\(found)")
            #expect(found.first?.message.hasPrefix("the name of this \(what) ") == true)
            #expect(found.first?.message.contains(message) == true && found.first?.hint.contains("63 bytes") == true)
            #expect(found.first?.path.hasPrefix(what == "job" ? "$.databases" : "$.servers") == true)
            #expect(found.allSatisfy { $0.description.utf8.count < 1000 })
        }
    }

    @Test(arguments: [
        "a", "a.b", "a-b", "Größe", "名前", "a b", "~", "a'b", "$x", "%s", String(repeating: "a", count: 63),
        "lost+found",
    ])
    func `a safe name, however odd`(name: String) throws {
        let schedule = try Sample.decode(Sample.file(databases: "\"\(name)\": { \"calendar\": \"daily\" }"))
        #expect(schedule.jobs.map(\.name) == [name] && schedule.jobs.map(\.database) == [name])
    }
}
