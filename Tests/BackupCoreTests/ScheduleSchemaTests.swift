import BackupCore
import Foundation
import TestSupport
import Testing

/// config/schedule.schema.json says what the decoder does: the same keys at the same places, and the same verdict wherever a
/// schema can have one. Python's jsonschema (python3-jsonschema in scripts/packages.txt) is the judge.
@Suite struct ScheduleSchemaTests {
    private typealias Sample = ScheduleSample

    @Test func `schema and decoder know the same keys, place by place`() throws {
        let schema = try Schema()
        let server = try schema.object("#/$defs/server")
        let job = try schema.object("#/$defs/job")
        let defaults = try schema.object("#/properties/defaults")
        let found = try schema.object("#/$defs/found")
        #expect(try schema.object("#/$defs/discover").keys == ScheduleKeys.discover.sorted())
        #expect(found.keys == ScheduleKeys.found.sorted() && server.references["discover"] == "#/$defs/discover")
        #expect(try schema.object("#/$defs/discover").references["as"] == "#/$defs/found")
        #expect(try schema.object("#").keys == ScheduleKeys.top.sorted())
        #expect(try schema.object("#/properties/storage").keys == ScheduleKeys.storage.sorted())
        #expect(server.keys == ScheduleKeys.server.sorted() && job.keys == ScheduleKeys.job.sorted())
        #expect(defaults.keys == ScheduleKeys.defaults.sorted())
        #expect(try schema.object("#/$defs/container").keys == ScheduleKeys.container.sorted())
        #expect(server.references["container"] == "#/$defs/container")
        for (key, known) in [
            ("retention", ScheduleKeys.retention), ("retry", ScheduleKeys.retry), ("hooks", ScheduleKeys.hooks),
            ("drill", ScheduleKeys.drill), ("objectives", ScheduleKeys.objectives),
        ] {
            #expect(try schema.object("#/$defs/\(key)").keys == known.sorted())
            for place in [job, defaults, found] { #expect(place.references[key] == "#/$defs/\(key)") }
        }
        let platform = try schema.object("#/$defs/platform")
        #expect(platform.keys == ScheduleKeys.platform.sorted())
        #expect(try schema.object("#").references["platform"] == "#/$defs/platform")
        for (key, definition, known) in [
            ("hosts", "platformHost", ScheduleKeys.platformHost), ("endpoints", "endpoint", ScheduleKeys.endpoint),
            ("postgrest", "postgrest", ScheduleKeys.postgrest),
        ] {
            #expect(try schema.object("#/$defs/\(definition)").keys == known.sorted())
            let names = try schema.value("#/$defs/platform/properties/\(key)")
            #expect((names["additionalProperties"] as? [String: String]) == ["$ref": "#/$defs/\(definition)"])
        }
        #expect(try schema.object("#/$defs/expect").keys == ScheduleKeys.expect.sorted())
        #expect(try schema.object("#/$defs/contact").keys == ScheduleKeys.contact.sorted())
        for place in [job, found] { #expect(place.references["criticality"] == "#/$defs/criticality") }
        for place in [job, found] { #expect(place.references["expect"] == "#/$defs/expect") }
        for (place, definition, name) in [("servers", "server", "serverName"), ("databases", "job", "name")] {
            let names = try schema.value("#/properties/\(place)")
            #expect((names["additionalProperties"] as? [String: String]) == ["$ref": "#/$defs/\(definition)"])
            #expect((names["propertyNames"] as? [String: String]) == ["$ref": "#/$defs/\(name)"])
        }
    }

    @Test func `every object is closed, and every key has words for an editor`() throws {
        let schema = try Schema()
        for place in ["#", "#/properties/storage", "#/properties/defaults"]
            + [
                "server", "container", "job", "retention", "retry", "hooks", "drill", "objectives", "discover", "found",
                "expect", "platform", "platformHost", "endpoint", "postgrest", "contact",
            ]
            .map({
                "#/$defs/\($0)"
            })
        {
            let object = try schema.value(place)
            #expect(
                object["type"] as? String == "object" && object["additionalProperties"] as? Bool == false, "\(place)")
            for (key, value) in try #require(object["properties"] as? [String: [String: Any]]) {
                let described =
                    try value["description"] == nil
                    ? schema.value(try #require(value["$ref"] as? String, "\(key)")) : value
                #expect((described["description"] as? String ?? "").count > 20, "\(place): \(key)")
            }
        }
    }

    @Test func `good files are valid to both`() async throws {
        var files = [String(decoding: try Sample.shipped(), as: UTF8.self), Sample.file(), Sample.file(databases: "")]
        for option in ScheduleTests.options {
            files += [Sample.job(option.member), Sample.file(defaults: option.member)]
        }
        files += ScheduleTests.ofJobs.map { Sample.file(databases: "\"app\": { \($0.member) }") }
        for connection in [
            "service=prod", "host = 'a b' port=1", "postgresql://", "postgresql:///?host=/run/postgresql",
            "postgres://me@h:1,i:2/?sslmode=require",
            "host=db passfilex=1", "user=dbname",
        ] { files.append(Sample.file(server: "\"connection\": \"\(connection)\"")) }
        for name in ["a", "a.b", "a b", "名前", "~", "x-", String(repeating: "a", count: 63)] {
            files.append(Sample.file(databases: "\"\(name)\": { \"cron\": \"@daily\" }"))
        }
        files += PlatformTests.good.map { Sample.file(top: "\"platform\": { \($0) }") }
        for discover in DiscoveryDecoderTests.good {
            files.append(Sample.file(server: "\"connection\": \"user=u\", \"discover\": { \(discover) }"))
        }
        for file in files { #expect(Sample.faults(file).isEmpty, "\(file)") }
        let refused = zip(files, try await Schema().verdicts(on: files)).filter { !$1 }.map(\.0)
        #expect(refused == [])
    }

    /// What a schema cannot say: it has no list of zones, no calendar, no arithmetic, and sees one place at a time.
    private static let beyondSchema: Set<String> = [
        "timeZone: \"Mars/Base\"", "timeZone: \"Nowhere\"", "minimumFree: \"99999PiB\"", "connection: \"host = 'x\"",
        "connection: \"host=x user\"",
        "server: \"other\"", "calendar: \"tomorrow\"", "calendar: \"*-13-01\"", "calendar: \"25:00\"",
        "calendar: \"*-*-* 02:00:00 Mars/Base\"",
        "calendar: \"*-02-30 02:00:00\"", "calendar: \"Mon 2026-11-24 02:00:00\"", "cron: \"61 * * * *\"",
        "cron: \"@reboot\"", "cron: \"0 0 30 2 *\"",
        "jitter: \"25h\"", "timeout: \"999ms\"", "timeout: \"32d\"", "lockTimeout: \"25h\"",
        "keepWithin: \"101y\"", "delay: \"25h\"",
        "timeout: \"25h\"",
        "calendar: \"sometimes\"", "calendar: \"Sun 05:00 Mars/Base\"", "cron: \"0 5 * * 9\"", "on: \"other\"",
        "on: \"Throwaway\"", "tables: { \"archon_*\": 1 }", "tables: { \"a.b.c\": 1 }", "tables: { \"a.\\\"b\": 1 }",
        "tables: { \"p.a_%\": 0 }", "tables: { \"p.[a-z]*\": 0 }",
        "rpo: \"101y\"", "rto: \"32d\"",
        // The same numbers to a schema as 10 and 1000000000.
        "concurrency: 1e1", "minimumFree: 1e9",
    ]

    @Test func `what the decoder refuses is refused by the schema, but for what a schema cannot say`() async throws {
        var bad: [(what: String, file: String)] = []
        for (place, key, values, _) in ScheduleValueTests.refused {
            bad += values.map { ("\(key): \($0)", place.file("\"\(key)\": \($0)")) }
        }
        for (_, file) in bad { #expect(!Sample.faults(file).isEmpty, "\(file)") }
        let verdicts = try await Schema().verdicts(on: bad.map(\.file))
        let taken = Set(zip(bad, verdicts).filter { $1 }.map(\.0.what))
        #expect(taken == Self.beyondSchema)
    }

    @Test func `unknown keys, unsafe names, passwords and what is missing are refused by both`() async throws {
        var bad: [String] = []
        for key in ["expect", "container", "discover", "password", "Calendar"] {
            bad += [
                Sample.file(top: "\"\(key)\": 1"), Sample.file(storage: "\"root\": \"/b\", \"\(key)\": 1"),
                Sample.file(defaults: "\"\(key)\": 1"),
            ]
            bad += [Sample.file(server: "\"connection\": \"user=u\", \"\(key)\": 1"), Sample.job("\"\(key)\": 1")]
            bad += ["retry", "hooks", "retention", "drill", "objectives"].map {
                Sample.job("\"\($0)\": { \"\(key)\": 1 }")
            }
        }
        for name in [
            "", "..", ".a", "a/b", "a..b", "-a", "a\\u0000", "a\\n", "a\\u0085", "a\\u2028b", " a", "a ", "password=x",
            String(repeating: "a", count: 64),
        ] {
            bad += [
                Sample.file(databases: "\"\(name)\": { \"calendar\": \"daily\" }"),
                Sample.file().replacing("\"main\"", with: "\"\(name)\""),
            ]
        }
        for connection in [
            "host=db password=x", "password = 'x'", "sslpassword=x", "postgresql://me:x@db",
            "postgres://db/?password=x", "postgresql://db?a=b&password=x",
            "dbname=x", "postgresql://db/app", "postgresql://me@db/app?a=b", "host=db passfile=/x",
        ] { bad.append(Sample.file(server: "\"connection\": \"\(connection)\"")) }
        bad += [
            "{}", "[]", "null", Sample.file(databases: "\"app\": {}"), Sample.file(databases: "\"app\": []"),
            Sample.file(server: ""), Sample.file(storage: ""),
            Sample.file().replacing("\"main\"", with: "\"throwaway\""),
            Sample.job("\"drill\": { \"calendar\": \"daily\", \"cron\": \"@daily\" }"),
            Sample.job("\"cron\": \"@daily\""), Sample.job("\"format\": \"custom\", \"jobs\": 2"),
            Sample.file().replacing("1,", with: "2,"),
            Sample.file(server: "\"connection\": \"user=u\", \"passfile\": \"/x\", \"passwordCredential\": \"x\""),
            Sample.job("\"hooks\": { \"before\": [\"/bin/x\", \"postgresql://me:x@db\"] }"),
            Sample.job("\"hooks\": { \"after\": [\"/bin/x\", \"PGPASSWORD=x\"] }"),
        ]
        bad += DiscoveryDecoderTests.bad.map {
            Sample.file(server: "\"connection\": \"user=u\", \"discover\": { \($0) }")
        }
        bad += PlatformTests.bad.map { Sample.file(top: "\"platform\": { \($0.member) }") }
        for file in bad { #expect(!Sample.faults(file).isEmpty, "\(file)") }
        let taken = zip(bad, try await Schema().verdicts(on: bad)).filter { $1 }.map(\.0)
        #expect(taken == [])
    }
}

/// The shipped schema, as a tree and as a judge.
private struct Schema {
    struct Object {
        let keys: [String]
        /// Where a key has its value described.
        let references: [String: String]
    }

    let path = "\(ScheduleSample.repository)/config/schedule.schema.json"
    let bytes: Data
    private let root: [String: Any]

    init() throws {
        bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        root = try #require(try JSONSerialization.jsonObject(with: bytes) as? [String: Any])
    }

    /// What stands at a place such as `#/$defs/job`.
    func value(_ place: String) throws -> [String: Any] {
        try place.split(separator: "/").dropFirst().reduce(root) { value, key in
            try #require(value[String(key)] as? [String: Any], "\(place)")
        }
    }

    func object(_ place: String) throws -> Object {
        let properties = try #require(try value(place)["properties"] as? [String: [String: Any]], "\(place)")
        return Object(keys: properties.keys.sorted(), references: properties.compactMapValues { $0["$ref"] as? String })
    }

    /// Whether each text is valid, in the eyes of Python's jsonschema.
    func verdicts(on texts: [String]) async throws -> [Bool] {
        let program = """
            import json, sys, jsonschema
            schema = json.load(open(sys.argv[1]))
            jsonschema.Draft202012Validator.check_schema(schema)
            judge = jsonschema.Draft202012Validator(schema)
            print(json.dumps([judge.is_valid(json.loads(text)) for text in json.load(sys.stdin)]))
            """
        let input = String(decoding: try JSONEncoder().encode(texts), as: UTF8.self)
        let said = try await run(
            "/usr/bin/python3", ["-c", program, path], environment: ["PYTHONUTF8": "1"], input: input)
        try #require(said.status == 0, "\(said.error)\nscripts/deps.sh installs python3-jsonschema")
        return try JSONDecoder().decode([Bool].self, from: Data(said.output.utf8))
    }
}
