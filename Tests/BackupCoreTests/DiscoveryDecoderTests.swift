import BackupCore
import Foundation
import Testing

/// "discover" of a server: what it means, and what is refused where.
@Suite struct DiscoveryDecoderTests {
    private typealias Sample = ScheduleSample

    static let good = [
        #""as": { "calendar": "daily" }"#,
        #""exclude": [], "as": { "cron": "@daily", "timeZone": "Europe/Sofia", "enabled": false }"#,
        #""exclude": ["test_*", "\"a.b\"", "x?y", "[0-9]+"], "every": "1s", "as": { "calendar": "daily" }"#,
        #""every": "31d", "as": { "calendar": "daily", "format": "directory", "jobs": 4, "schemas": ["public"] }"#,
    ]
    static let bad = [
        "", #""as": {}"#, #""as": { "calendar": "daily", "cron": "@daily" }"#, #""as": []"#,
        #""as": { "calendar": "daily", "server": "main" }"#, #""as": { "calendar": "daily", "database": "x" }"#,
        #""as": { "calendar": "daily", "format": "custom", "jobs": 2 }"#,
        #""every": 3600, "as": { "calendar": "daily" }"#, #""every": "0s", "as": { "calendar": "daily" }"#,
        #""exclude": "x", "as": { "calendar": "daily" }"#, #""exclude": [""], "as": { "calendar": "daily" }"#,
        #""include": ["x"], "as": { "calendar": "daily" }"#,
    ]

    private func server(_ discover: String, defaults: String? = nil) throws -> Server {
        let text = Sample.file(
            server: "\"connection\": \"user=u\", \"discover\": { \(discover) }", defaults: defaults, databases: "")
        return try #require(try Sample.decode(text).servers.first)
    }

    @Test func `what it says of the found jobs holds, and what it does not say is as in defaults`() throws {
        let server = try server(
            #""exclude": ["test_*"], "every": "10min", "as": { "calendar": "*-*-* 03:00:00 Europe/Sofia", "jitter": "5m", "retention": { "keepLast": 3 } }"#,
            defaults: #""timeout": "1h", "jitter": "1m", "retention": { "keepDaily": 7 }"#)
        let discovery = try #require(server.discovery)
        #expect(discovery.everySeconds == 600 && discovery.exclude.texts == ["test_*"])
        let found = FoundDatabase(
            server: "main", database: "App/1", job: "App_1", since: Date(timeIntervalSince1970: 0))
        let job = discovery.job(of: found)
        #expect(job.name == "App_1" && job.database == "App/1" && job.server == "main" && job.found == found)
        #expect(job.isEnabled && job.timeoutSeconds == 3600 && job.jitterSeconds == 300)
        #expect(job.retention.keepLast == 3 && job.retention.keepDaily == nil)
        #expect(job.zone.name == "Europe/Sofia" && job.drill.zone.name == "Europe/Sofia")
        // Each has its own time in the week, that of a written job of its name.
        let written = try Sample.decode(Sample.file(databases: #""App_1": { "calendar": "daily" }"#)).jobs[0]
        #expect(job.drill.trigger == written.drill.trigger)
        #expect(job.objectives.rpoSeconds == 27.5 * 3600)
    }

    @Test func `one hour, nothing left out, and no discovery where none is asked for`() throws {
        let discovery = try #require(try server(#""as": { "calendar": "daily" }"#).discovery)
        #expect(discovery.everySeconds == 3600 && discovery.exclude == .none)
        #expect(try Sample.decode(Sample.file()).servers.allSatisfy { $0.discovery == nil })
        for text in Self.good { #expect(throws: Never.self) { try server(text) } }
    }

    @Test(arguments: bad) func `what is wrong is told in its place`(discover: String) {
        let faults = Sample.faults(
            Sample.file(server: "\"connection\": \"user=u\", \"discover\": { \(discover) }", databases: ""))
        #expect(
            !faults.isEmpty && faults.allSatisfy { $0.path.hasPrefix("$.servers.main.discover") && !$0.hint.isEmpty },
            "\(faults)")
    }

    @Test(arguments: [
        ("a.b", "a dot outside double quotes"), ("(", "no pattern"), ("[a", "no pattern"),
    ])
    func `a pattern that is none`(pattern: String, fault: String) {
        let faults = Sample.faults(
            Sample.file(
                server:
                    "\"connection\": \"user=u\", \"discover\": { \"exclude\": [\"ok\", \"\(pattern)\"], \"as\": { \"calendar\": \"daily\" } }",
                databases: ""))
        #expect(faults.count == 1 && faults[0].path == "$.servers.main.discover.exclude[1]", "\(faults)")
        #expect(faults.first?.message.contains(fault) == true)
    }

    @Test(arguments: [
        ("template*", ["template", "templates_x"], ["my_template", "Template1"]),
        ("Test_*", ["test_", "test_x"], ["Test_x", "x_test_x"]), ("\"Test_\"*", ["Test_1"], ["test_1"]),
        ("a?c", ["abc", "a\nc", "aéc"], ["ac", "abbc"]), ("\"a.b\"", ["a.b"], ["aXb"]),
        ("\"a*\"", ["a*"], ["ab"]), ("x$1", ["x$1"], ["x1"]), ("*", ["", "any thing", "名前"], []),
        ("[ab]|c", ["a", "b", "c"], ["d", "ac"]),
    ])
    func `patterns take what psql's take`(pattern: String, taken: [String], left: [String]) throws {
        let matches = try DatabasePatterns(["nothing_at_all", pattern]).matcher()
        for name in taken { #expect(matches(name), "\(pattern) \(name)") }
        for name in left { #expect(!matches(name), "\(pattern) \(name)") }
    }
}
