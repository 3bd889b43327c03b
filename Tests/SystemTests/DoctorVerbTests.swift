import BackupCore
import Foundation
import TestSupport
import Testing

/// What `doctor --json` prints.
struct DoctorAnswer: Decodable {
    struct Check: Decodable {
        var check: String
        var subject: String
        var outcome: String
        var found: String
        var mend: String?
    }
    var checks: [Check]
    var passed: Int
    var failed: Int
    var skipped: Int

    /// `outcome subject`, in order.
    var lines: [String] { checks.map { "\($0.outcome) \($0.subject)" } }
}

extension TestHost {
    /// Runs `doctor --json` with these arguments; the exit status has to be as said.
    func doctor(_ arguments: String..., status: Int32, sourceLocation: SourceLocation = #_sourceLocation) async throws
        -> DoctorAnswer
    {
        let said = try await run(
            TestHost.binary, ["doctor", "--json"] + arguments,
            environment: ["ARCHON_BACKUPD_CONFIG": config].merging(environment) { $1 })
        #expect(said.status == status, "\(said.output)\(said.error)", sourceLocation: sourceLocation)
        let answer = try JSONDecoder().decode(DoctorAnswer.self, from: Data(said.output.utf8))
        #expect(answer.passed + answer.failed + answer.skipped == answer.checks.count, sourceLocation: sourceLocation)
        // Whatever failed says how it is mended, and nothing else does.
        #expect(
            answer.checks.allSatisfy { ($0.outcome == "fail") == ($0.mend != nil) && !$0.found.isEmpty },
            "\(answer.checks)", sourceLocation: sourceLocation)
        return answer
    }
}

/// `doctor` against real sockets, files and servers. Containers are in DoctorContainerTests, a real systemd in BootedDoctorTests.
@Suite struct DoctorVerbTests {
    /// No DNS has a label of 64 characters, and none is asked.
    private static let unknown = String(repeating: "a", count: 64)
    private static let job = "\"app\": {\(VerbTests.often)}"

    @Test func `endpoints answer as they should, or it is told what they do instead`() async throws {
        let answers = [
            "/health": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "/bare": "HTTP/1.0 204 No Content\n\n",
            "/ill": "HTTP/1.1 503 Service Unavailable\r\n\r\n", "/key?a=b": "HTTP/1.1 401 Unauthorized\r\n\r\n",
            "/ssh": "SSH-2.0-OpenSSH_9.2\r\n", "/moved": "HTTP/1.1 302 Found\r\nLocation: /health\r\n\r\n", "/shut": "",
        ]
        try await withHTTPService(answers) { port in
            try await withHost { host in
                func endpoint(_ name: String, _ path: String, _ more: String = "") -> String {
                    "\"\(name)\": {\"url\": \"http://127.0.0.1:\(port)\(path)\"\(more)}"
                }
                let good = [
                    endpoint("a", "/health"), endpoint("b", "/bare"), endpoint("c", "/key?a=b", ", \"status\": 401"),
                    "\"d\": {\"url\": \"http://localhost:\(port)/health\"}",
                ]
                let bad = [
                    endpoint("e", "/ill"), endpoint("f", "/health", ", \"status\": 204"), endpoint("g", "/moved"),
                    endpoint("h", "/ssh"), endpoint("i", "/shut"), endpoint("j", "/silent", ", \"timeout\": \"1s\""),
                    "\"k\": {\"url\": \"http://127.0.0.1:1/\"}", "\"l\": {\"url\": \"http://\(Self.unknown)/\"}",
                ]
                func write(_ endpoints: [String]) throws {
                    let platform = "\"platform\": {\"endpoints\": {\(endpoints.joined(separator: ", "))}},"
                    try host.write(Self.job, top: platform)
                }
                try write(good)
                let calm = try await host.doctor("--only", "endpoints", status: 0)
                #expect(
                    calm.passed == 4
                        && calm.checks.map(\.found) == ["answers 200", "answers 204", "answers 401", "answers 200"])
                try write(good + bad)
                let ill = try await host.doctor("--only", "endpoints", status: 1)
                #expect(ill.passed == 4 && ill.failed == 8, "\(ill.lines)")
                let told = ill.checks.dropFirst(4).map(\.found)
                for (found, needle) in zip(
                    told,
                    [
                        "503 where 2xx", "200 where 204", "302 where 2xx", "not HTTP", "without an answer", "within 1s",
                        "Connection refused", "has no address",
                    ])
                { #expect(found.contains(needle), "\(found)") }
            }
        }
    }

    @Test func `the engine's client is found where PATH says`() async throws {
        try await withHost { host in
            var host = host
            host.environment["PATH"] = "\(host.folder):/usr/bin:/bin"
            let client = "\(host.folder)/podman"
            try Data("#!/bin/sh\necho 'running|healthy'\n".utf8).write(to: URL(fileURLWithPath: client))
            chmod(client, 0o755)
            try host.write(Self.job, top: #""platform": {"containers": ["box"], "engine": "podman"},"#)
            let found = try await host.doctor("--only", "containers", status: 0)
            #expect(found.lines == ["pass box"] && found.checks[0].found == "running, healthy", "\(found.checks)")
        }
    }

    @Test func `checks with a comma between them, and one that nobody knows, are told as that`() async throws {
        try await withHost { host in
            try host.write(Self.job)
            let comma = try await host.call("doctor", "--only", "clock,disk")
            #expect(comma.status == 64 && comma.error.contains("--only clock disk"), "\(comma.error)")
            let unknown = try await host.call("doctor", "--only", "clocks")
            #expect(unknown.status == 64 && unknown.error.contains("old-job"), "\(unknown.error)")
        }
    }

    @Test func `names from here`() async throws {
        try await withHost { host in
            let hosts = "\"hosts\": {\"localhost\": {}, \"\(Self.unknown)\": {}}"
            try host.write(Self.job, top: "\"platform\": {\(hosts)},")
            let found = try await host.doctor("--only", "name-resolution", status: 1)
            #expect(found.lines == ["pass localhost here", "fail \(Self.unknown) here"])
            #expect(found.checks[0].found.contains("127.0.0.1") || found.checks[0].found.contains("::1"))
        }
    }

    @Test func `servers and extensions`() async throws {
        try await withHost { host in
            try await host.server.create("doctored", "create extension pg_trgm")
            let expect = #""expect": {"extensions": ["pg_trgm", "hstore", "no_such_extension"]}"#
            var host = host
            host.servers = """
                "scratch": {"connection": "\(host.server.connection)"},
                "gone": {"connection": "host=/nowhere user=postgres"}
                """
            try host.write("\"doctored\": {\"server\": \"scratch\", \(VerbTests.often), \(expect)}")
            let found = try await host.doctor("--only", "postgresql", "extensions", status: 1)
            #expect(
                found.lines == [
                    "pass server scratch", "fail server gone", "pass doctored: pg_trgm", "pass doctored: hstore",
                    "fail doctored: no_such_extension",
                ])
            #expect(found.checks[0].found.hasPrefix("PostgreSQL "))
            #expect(found.checks[2].found == "installed" && found.checks[3].found == "available, not installed")
            try await host.server.drop("doctored")
        }
    }

    @Test func `room, schedule and passfiles`() async throws {
        try await withHost { host in
            let passfile = "\(host.folder)/pgpass"
            var host = host
            host.servers = "\"one\": {\"connection\": \"\(host.server.connection)\", \"passfile\": \"\(passfile)\"}"
            try host.write(Self.job)
            // Nothing is there yet.
            let bare = try await host.doctor("--only", "disk", "credentials", status: 1)
            #expect(bare.lines == ["fail \(host.storage)", "pass \(host.config)", "fail \(passfile)"])
            try FileManager.default.createDirectory(atPath: host.storage, withIntermediateDirectories: true)
            try Data("*:*:*:*:x\n".utf8).write(to: URL(fileURLWithPath: passfile))
            chmod(passfile, 0o640)
            chmod(host.config, 0o666)
            let open = try await host.doctor("--only", "credentials", status: 1)
            #expect(open.lines == ["fail \(host.config)", "fail \(passfile)"])
            #expect(open.checks.map(\.mend) == ["`chmod go-w \(host.config)`.", "`chmod 0600 \(passfile)`."])
            chmod(passfile, 0o600)
            chmod(host.config, 0o644)
            #expect(try await host.doctor("--only", "disk", "credentials", status: 0).passed == 3)
            try host.write(Self.job, minimumFree: "1PiB")
            let full = try await host.doctor("--only", "disk", status: 1)
            #expect(full.checks[0].found.contains("minimumFree is"), "\(full.checks)")
        }
    }

    @Test(.enabled(if: getuid() == 0, "only root can give a file away"))
    func `a schedule that an ordinary user owns or can replace is no pass, nor a password of theirs`() async throws {
        try await withHost { host in
            let passfile = "\(host.folder)/pgpass"
            var host = host
            host.servers = "\"one\": {\"connection\": \"\(host.server.connection)\", \"passfile\": \"\(passfile)\"}"
            try host.write(Self.job)
            try Data("*:*:*:*:x\n".utf8).write(to: URL(fileURLWithPath: passfile))
            chmod(passfile, 0o600)
            chmod(host.config, 0o640)
            let nobody = try #require(getpwnam("nobody")).pointee.pw_uid
            func found(_ status: Int32, _ lines: [String]) async throws -> [DoctorAnswer.Check] {
                let answer = try await host.doctor("--only", "credentials", status: status)
                #expect(answer.lines == lines, "\(answer.checks)")
                return answer.checks
            }
            _ = try await found(0, ["pass \(host.config)", "pass \(passfile)"])
            #expect(chown(host.config, nobody, 0) == 0 && chown(passfile, nobody, 0) == 0)
            let given = try await found(1, ["fail \(host.config)", "fail \(passfile)"])
            #expect(given.allSatisfy { $0.found.contains("owned by nobody") }, "\(given)")
            #expect(given.allSatisfy { $0.mend?.contains("`chown ") == true }, "\(given)")
            #expect(chown(host.config, 0, 0) == 0 && chown(passfile, 0, 0) == 0)

            // Who may write the folder puts another file there.
            chmod(host.folder, 0o777)
            let open = try await found(1, ["fail \(host.config)", "pass \(passfile)"])
            #expect(open[0].found.contains(host.folder) && open[0].mend == "`chmod go-w \(host.folder)`.", "\(open)")
            chmod(host.folder, 0o1777)
            _ = try await found(0, ["pass \(host.config)", "pass \(passfile)"])
            #expect(chown(host.folder, nobody, 0) == 0)
            #expect(try await found(1, ["fail \(host.config)", "pass \(passfile)"])[0].found.contains("nobody"))
            #expect(chown(host.folder, 0, 0) == 0)
            chmod(host.folder, 0o700)

            // The folder of the file itself counts as well as that of a link to it.
            let elsewhere = "\(host.folder)/elsewhere"
            try FileManager.default.createDirectory(atPath: elsewhere, withIntermediateDirectories: true)
            try FileManager.default.moveItem(atPath: host.config, toPath: "\(elsewhere)/own.json")
            #expect(symlink("elsewhere/own.json", host.config) == 0)
            chmod(elsewhere, 0o770)
            _ = try await found(1, ["fail \(host.config)", "pass \(passfile)"])
            chmod(elsewhere, 0o750)
            _ = try await found(0, ["pass \(host.config)", "pass \(passfile)"])
        }
    }

    @Test func `the clock, as another program reads it from the kernel`() async throws {
        try await withHost { host in
            try host.write(Self.job)
            // struct timex: modes, offset, freq, maxerror.
            let program = """
                import ctypes, struct
                b = ctypes.create_string_buffer(208)
                print(-1 if ctypes.CDLL(None).adjtimex(b) < 0 else struct.unpack_from("@iqqq", b)[3])
                """
            let error = try #require(Int(try await run("python3", ["-c", program]).lines.first ?? ""))
            let outcome = error < 0 ? "skipped" : error < 16_000_000 ? "pass" : "fail"
            let found = try await host.doctor("--only", "clock", status: outcome == "fail" ? 1 : 0)
            #expect(found.lines == ["\(outcome) system clock"])
        }
    }

    @Test func `what a person asks for wrongly, and what has nothing to look at`() async throws {
        try await withHost { host in
            try host.write(Self.job)
            let unknown = try await host.call("doctor", "--only", "endpoint")
            #expect(unknown.status == 64 && unknown.error.contains("name-resolution"), "\(unknown.error)")
            let nothing = try await host.doctor(
                "--only", "name-resolution", "endpoints", "containers", "extensions", "postgrest", status: 0)
            #expect(nothing.skipped == 5 && nothing.passed == 0, "\(nothing.lines)")
            let said = try await host.call("doctor", "--only", "disk", "postgrest")
            #expect(said.status == 1 && said.output.contains("FAIL     disk"), "\(said.output)")
            #expect(said.output.contains("HOW TO MEND\ndisk, \(host.storage):\n  Make it for the service"))
            #expect(
                said.output.contains("skipped  postgrest") && said.error.contains("1 of 2 checks failed, 1 skipped"))
            try host.write("\"app\": {\"calendar\": \"sometimes\"}")
            #expect(try await host.call("doctor").status == 78)
            #expect(try await host.call("doctor", "--config", "\(host.folder)/nowhere.json").status == 78)
        }
    }

    /// With a client and no engine behind it, nothing passes.
    @Test func `an engine that does not answer is no pass`() async throws {
        try await withHost { host in
            var host = host
            host.environment["DOCKER_HOST"] = "unix://\(host.folder)/nobody.sock"
            let platform =
                #""containers": ["a"], "hosts": {"h": {"containers": ["a"]}}, "postgrest": {"a": {"database": "b"}}"#
            try host.write(Self.job, top: "\"platform\": {\(platform)},")
            let found = try await host.doctor(
                "--only", "containers", "name-resolution", "postgrest", status: 1)
            #expect(found.failed == 3, "\(found.checks)")
            // And it is told once how it is mended.
            let said = try await host.call("doctor", "--only", "containers", "name-resolution", "postgrest")
            #expect(said.output.components(separatedBy: "Is the engine running").count == 2, "\(said.output)")
        }
    }
}
