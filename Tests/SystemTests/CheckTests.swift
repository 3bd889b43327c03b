import BackupCore
import Foundation
import TestSupport
import Testing

/// `check` of the built binary before whatever may stand in the schedule's place: always 78, soon, and never a crash.
@Suite struct CheckTests {
    private struct Answer: Decodable {
        struct Fault: Decodable {
            let line: Int
            let column: Int
            let path: String
            let message: String
            let hint: String
        }
        let file: String
        let valid: Bool
        let jobs: Int
        let servers: Int
        let faults: [Fault]
    }

    private static let good = """
        { "version": 1, "storage": { "root": "/backups" }, "servers": { "main": { "connection": "user=postgres" } },
          "databases": { "app": { "calendar": "daily" }, "other": { "cron": "@daily" } } }
        """

    private static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/../.."

    /// What `check --json` says of the file, and how it ended; timeout(1) ends one that hangs.
    private func check(_ path: String, sourceLocation: SourceLocation = #_sourceLocation) async throws -> (
        said: Said, answer: Answer
    ) {
        let said = try await run("timeout", ["120", TestHost.binary, "check", "--config", path, "--json"])
        let answer = try JSONDecoder().decode(Answer.self, from: Data(said.output.utf8))
        #expect(answer.file == path, sourceLocation: sourceLocation)
        return (said, answer)
    }

    @Test(arguments: [
        ("", 1, "empty"), ("\u{feff}", 1, "empty"), ("null", 1, "must be an object"), ("[", 100_000, "64 levels"),
        ("{\"a\":", 100_000, "64 levels"), ("a", 8 << 20, "no JSON value"), ("\"a\":1,", 1 << 20, "after the end"),
        (" ", 50 << 20, "50.0 MiB"), ("[]", 4 << 20, "after the end"), ("#\n", 4 << 20, "more faults"),
    ])
    func `a text that is no schedule`(unit: String, count: Int, needle: String) async throws {
        let text = String(repeating: unit, count: count)
        try await withTemporaryFolder { folder in
            let path = "\(folder)/schedule.json"
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            let (said, answer) = try await check(path)
            #expect(said.status == 78 && said.error.contains(path), "\(said.error.prefix(500))")
            #expect(
                !answer.valid && !answer.faults.isEmpty
                    && answer.faults.allSatisfy { $0.line > 0 && $0.column > 0 && !$0.hint.isEmpty })
            #expect(
                answer.faults.contains { $0.message.contains(needle) },
                "\(answer.faults.prefix(3))")
        }
    }

    @Test func `what is no file, and what is no text`() async throws {
        try await withTemporaryFolder { folder in
            let bytes = "\(folder)/bytes"
            try Data([0x7b, 0x0a, 0x22, 0xc3, 0x28]).write(to: URL(fileURLWithPath: bytes))
            let fifo = "\(folder)/fifo"
            #expect(mkfifo(fifo, 0o600) == 0)
            let loop = "\(folder)/loop"
            #expect(symlink(loop, loop) == 0)
            for (path, needle) in [
                (bytes, "UTF-8"), (folder, "a folder"), (fifo, "no regular file"), ("/dev/zero", "no regular file"),
                (loop, "cannot be read"),
                ("\(folder)/none", "cannot be read"), ("\(bytes)/x", "cannot be read"),
            ] {
                let (said, answer) = try await check(path)
                #expect(said.status == 78 && said.error.contains(needle), "\(path): \(said.error)")
                #expect(
                    answer.faults.count == 1
                        && answer.faults.allSatisfy { $0.message.contains(needle) && !$0.hint.isEmpty }, "\(path)")
            }
            #expect(try await check(bytes).answer.faults.first.map { [$0.line, $0.column] } == [2, 2])
        }
    }

    @Test(.enabled(if: getuid() != 0, "root may read every file"))
    func `a file that may not be read`() async throws {
        try await withTemporaryFolder { folder in
            let path = "\(folder)/schedule.json"
            try Data(Self.good.utf8).write(to: URL(fileURLWithPath: path))
            #expect(chmod(path, 0) == 0)
            let (said, answer) = try await check(path)
            #expect(said.status == 78 && said.error.contains("Permission denied") && answer.faults.count == 1)
        }
    }

    @Test func `all faults with their places, on stderr and as JSON, and no password in either`() async throws {
        try await withTemporaryFolder { folder in
            let path = "\(folder)/schedule.json"
            let text = Self.good.replacing("user=postgres", with: "user=postgres password=Hunter2")
                .replacing("\"calendar\": \"daily\"", with: "\"calendar\": \"sometimes\", \"expect\": \"read\"")
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            let (said, answer) = try await check(path)
            #expect(said.status == 78 && !said.error.contains("Hunter2") && !said.output.contains("Hunter2"))
            #expect(
                answer.faults.map(\.path) == [
                    "$.servers.main.connection", "$.databases.app.calendar", "$.databases.app.expect",
                ])
            #expect(answer.faults.map(\.line) == [1, 2, 2] && said.error.contains("the schedule has 3 faults"))
            for fault in answer.faults {
                #expect(
                    said.error.contains(
                        "\(path):\(fault.line):\(fault.column): \(fault.path): \(fault.message)\n    \(fault.hint)"))
            }
        }
    }

    /// docs/schedule.md shows a good file, a bad one, and what `check` says of the bad one.
    @Test func `the manual shows what check says`() async throws {
        let page = try String(contentsOfFile: "\(Self.repository)/docs/schedule.md", encoding: .utf8)
        func blocks(_ kind: String) -> [String] {
            page.components(separatedBy: "```\(kind)\n").dropFirst().compactMap {
                $0.components(separatedBy: "```").first
            }
        }
        let (files, shown) = (blocks("json"), blocks("console"))
        try #require(files.count == 2 && shown.count == 1)
        try await withTemporaryFolder { folder in
            for (file, status, output) in [(files[0], Int32(0), ""), (files[1], 78, shown[0])] {
                try Data(file.utf8).write(to: URL(fileURLWithPath: "\(folder)/schedule.json"))
                let said = try await run(
                    "/bin/sh", ["-c", "cd '\(folder)' && exec '\(TestHost.binary)' check --config schedule.json"])
                #expect(said.status == status && (output.isEmpty || output.contains(said.error)), "\(said.error)")
                #expect(output.isEmpty == said.error.isEmpty)
            }
        }
    }

    @Test func `a good file, and the shipped one`() async throws {
        try await withTemporaryFolder { folder in
            let path = "\(folder)/schedule.json"
            try Data(Self.good.utf8).write(to: URL(fileURLWithPath: path))
            let (said, answer) = try await check(path)
            #expect(said.status == 0 && said.error.isEmpty && answer.valid && answer.jobs == 2 && answer.servers == 1)
            let plain = try await run(TestHost.binary, ["check"], environment: ["ARCHON_BACKUPD_CONFIG": path])
            #expect(plain.status == 0 && plain.lines == ["\(path): valid, 2 jobs on 1 server"])
            let shipped =
                URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/../../config/schedule.json"
            #expect(try await check(shipped).answer.jobs == 5)
        }
    }
}
