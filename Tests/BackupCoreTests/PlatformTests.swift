import BackupCore
import Foundation
import Testing

/// "platform" in the schedule. That schema and decoder agree about it is in ScheduleSchemaTests.
@Suite struct PlatformTests {
    private typealias Sample = ScheduleSample

    static let good = [
        "", #""engine": "podman", "socket": "/run/podman/podman.sock""#, #""hosts": {}"#,
        #""hosts": { "host.docker.internal": { "containers": ["a", "b.c_d-e"] }, "db": {}, "10.0.0.1": { "here": false } }"#,
        #""endpoints": { "a b": { "url": "http://localhost" }, "c": { "url": "http://[::1]:8080/x?y=1", "status": 401 } }"#,
        #""endpoints": { "a": { "url": "http://h:65535?q", "timeout": "100ms" } }"#, #""containers": []"#,
        #""postgrest": { "archon-postgrest": { "database": "archon_db" } }"#,
    ]

    /// Members, and what the hint or the message has to say.
    static let bad: [(member: String, needle: String)] = [
        (#""engine": "lxc""#, "docker"), (#""engine": 1"#, "string"), (#""socket": "docker.sock""#, "absolute"),
        (#""hosts": []"#, "object"), (#""hosts": { "-x": {} }"#, "letter or digit"),
        (#""hosts": { "a b": {} }"#, "letters"), (#""hosts": { "": {} }"#, "letters"),
        (#""hosts": { "a": { "containers": "b" } }"#, "array"),
        (#""hosts": { "a": { "containers": ["-b"] } }"#, "docker ps"),
        (#""hosts": { "a": { "here": 1 } }"#, "true or false"), (#""hosts": { "a": { "port": 1 } }"#, "unknown"),
        (#""endpoints": { "a": {} }"#, "url"), (#""endpoints": { "a": { "url": "https://h" } }"#, "http alone"),
        (#""endpoints": { "a": { "url": "h:80" } }"#, "http alone"),
        (#""endpoints": { "a": { "url": "http://" } }"#, "http"),
        (#""endpoints": { "a": { "url": "http://u@h/" } }"#, "http"),
        (#""endpoints": { "a": { "url": "http://h/#x" } }"#, "http"),
        (#""endpoints": { "a": { "url": "http://h /" } }"#, "http"),
        (#""endpoints": { "a": { "url": "http://h:/" } }"#, "http"),
        (#""endpoints": { "a": { "url": "http://[x]/" } }"#, "http"),
        (#""endpoints": { "a": { "url": "http://[::1" } }"#, "http"),
        (#""endpoints": { "a": { "url": "http://h", "status": 99 } }"#, "from 100 to 599"),
        (#""endpoints": { "a": { "url": "http://h", "status": "200" } }"#, "whole number"),
        (#""endpoints": { "a": { "url": "http://h", "timeout": "0s" } }"#, "time span"),
        (#""endpoints": { "a/b": { "url": "http://h" } }"#, "no /"),
        (#""containers": ["a", "--privileged"]"#, "docker ps"), (#""containers": "a""#, "array"),
        (#""postgrest": { "a": {} }"#, "database"), (#""postgrest": { "a b": { "database": "c" } }"#, "letters"),
        (#""postgrest": { "a": { "database": "" } }"#, "empty"), (#""postgrest": { "a": "c" }"#, "object"),
        (#""endpoints": { "a": { "url": "http://me:secret@h/" } }"#, "password"), (#""unit": "x""#, "unknown"),
    ]

    @Test func `a platform means what it says`() throws {
        let platform = try Sample.decode(
            Sample.file(
                top: """
                    "platform": { "engine": "podman", "socket": "/run/x.sock", "containers": ["one", "two"],
                      "hosts": { "host.docker.internal": { "containers": ["one"] }, "both": { "containers": ["two"], "here": true }, "db": {} },
                      "endpoints": { "a": { "url": "http://h" }, "b": { "url": "http://[::1]:81?x", "status": 401, "timeout": "1min" } },
                      "postgrest": { "rest": { "database": "Archon/Prod" } } }
                    """)
        ).platform
        #expect(
            platform.engine == .podman && platform.socket == "/run/x.sock" && platform.containers == ["one", "two"])
        #expect(platform.container("one") == Container(engine: .podman, socket: "/run/x.sock", name: "one"))
        #expect(platform.hosts.map(\.name) == ["host.docker.internal", "both", "db"])
        #expect(platform.hosts.map(\.isNamedHere) == [false, true, true])
        #expect(platform.hosts.map(\.containers) == [["one"], ["two"], []])
        #expect(
            platform.endpoints.map(\.address.host) == ["h", "::1"]
                && platform.endpoints.map(\.address.port) == [80, 81])
        #expect(
            platform.endpoints.map(\.address.target) == ["/", "/?x"] && platform.endpoints.map(\.status) == [nil, 401])
        #expect(platform.endpoints.map(\.timeoutSeconds) == [5, 60])
        #expect(platform.postgrest == [.init(container: "rest", database: "Archon/Prod")])
        #expect(try Sample.decode(Sample.file()).platform == Platform())
    }

    @Test(arguments: bad.indices)
    func `a platform that is refused`(index: Int) {
        let (member, needle) = Self.bad[index]
        let faults = Sample.faults(Sample.file(top: "\"platform\": { \(member) }"))
        #expect(faults.count == 1, "\(member): \(faults)")
        #expect(faults.first?.path.hasPrefix("$.platform") == true, "\(faults)")
        #expect(faults.contains { "\($0.message) \($0.hint)".contains(needle) }, "\(member): \(faults)")
        #expect(faults.allSatisfy { !"\($0)".contains("secret") })
    }

    @Test func `the shipped platform is Archon's and Supabase's`() throws {
        let platform = try Sample.decode(String(decoding: try Sample.shipped(), as: UTF8.self)).platform
        #expect(platform.hosts.map(\.name) == ["host.docker.internal"])
        #expect(platform.hosts.first?.containers == ["archon-server", "archon-mcp", "archon-agent-work-orders"])
        #expect(platform.endpoints.map(\.address.port) == [8181, 8051, 3737, 18000])
        #expect(platform.endpoints.map(\.address.target) == ["/health", "/health", "/", "/rest/v1/"])
        #expect(platform.postgrest.map(\.database) == ["archon_db"])
    }

    @Test(arguments: [
        ("http://h:0/", nil), ("http://h:65536/", nil), ("http://h:１/", nil), ("HTTP://h/", nil), ("http://hé/", nil),
        ("http://[::1]x/", nil), ("http://h:80:80/", nil), ("http://h/a b", nil), ("http://h/a\u{7f}", nil),
        ("http://h:1", "h 1 /"), ("http://[fe80::1.2]:2/a?b&c=%20", "fe80::1.2 2 /a?b&c=%20"),
        ("http://1.2.3.4?q", "1.2.3.4 80 /?q"),
    ])
    func `a URL is what may be asked, and nothing else`(url: String, parts: String?) {
        #expect(Endpoint.Address(url).map { "\($0.host) \($0.port) \($0.target)" } == parts)
    }
}
