import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

/// README.md and docs/: no link leads nowhere, and no command is told of that the program does not have.
@Suite struct DocumentationTests {
    private struct Page {
        let path: String
        let text: String
    }

    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    private static func pages() throws -> [Page] {
        let docs = try FileManager.default.contentsOfDirectory(atPath: "\(root)/docs").filter { $0.hasSuffix(".md") }
        return try (["README.md"] + docs.sorted().map { "docs/\($0)" }).map {
            Page(
                path: $0,
                text: String(decoding: try Data(contentsOf: URL(fileURLWithPath: "\(root)/\($0)")), as: UTF8.self))
        }
    }

    /// The lines outside and inside of fenced blocks.
    private static func lines(_ text: String) -> (prose: [String], fenced: [String]) {
        var (prose, fenced): ([String], [String]) = ([], [])
        var isFenced = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            if line.drop(while: { $0 == " " }).hasPrefix("```") {
                isFenced.toggle()
            } else if isFenced {
                fenced.append(line)
            } else {
                prose.append(line)
            }
        }
        return (prose, fenced)
    }

    /// The anchors of a page's headings, as GitHub makes them.
    private static func anchors(_ text: String) -> Set<String> {
        Set(
            lines(text).prose.filter { $0.hasPrefix("#") }.map { line in
                let title = line.drop { $0 == "#" }.drop { $0 == " " }.lowercased()
                return String(
                    title.compactMap { character -> Character? in
                        character == " "
                            ? "-"
                            : character.isLetter || character.isNumber || "-_".contains(character) ? character : nil
                    })
            })
    }

    @Test func `every relative link leads to a file, and every anchor to a heading`() throws {
        var count = 0
        for page in try Self.pages() {
            let folder = (page.path as NSString).deletingLastPathComponent
            for line in Self.lines(page.text).prose {
                for link in line.matches(of: /\]\(([^)\s]+)\)/).map({ String($0.1) })
                where !link.contains("://") && !link.hasPrefix("mailto:") {
                    count += 1
                    let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(
                        String.init)
                    let target = parts[0].isEmpty ? page.path : folder.isEmpty ? parts[0] : "\(folder)/\(parts[0])"
                    let path = "\(Self.root)/\(target)"
                    guard FileManager.default.fileExists(atPath: path) else {
                        Issue.record("\(page.path): \(link) leads nowhere")
                        continue
                    }
                    guard parts.count == 2 else { continue }
                    let text = String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
                    #expect(Self.anchors(text).contains(parts[1]), "\(page.path): \(link)")
                }
            }
        }
        // So that it cannot pass for want of links.
        #expect(count > 30)
    }

    /// The command lines of a page that begin with the program: of fenced blocks, and those in backquotes.
    private static func commands(_ text: String) -> [[String]] {
        let (prose, fenced) = lines(text)
        let quoted = prose.flatMap { $0.matches(of: /`([^`]+)`/).map { String($0.1) } }
        var found: [[String]] = []
        for line in fenced + quoted {
            for part in line.split(whereSeparator: { "|;&".contains($0) }) {
                let uncommented = part.split(separator: " #", maxSplits: 1).first ?? ""
                var words = uncommented.split(separator: " ").map(String.init)
                while let first = words.first, ["$", "#", "sudo"].contains(first) || first.contains("=") {
                    words.removeFirst()
                }
                if words.first == "archon-backupd", words.count > 1 { found.append(Array(words.dropFirst())) }
            }
        }
        return found
    }

    @Test func `every command that is told of exists, with the options that it is told with`() async throws {
        var helps: [String: String] = [:]
        var count = 0
        for page in try Self.pages() {
            for words in Self.commands(page.text) {
                count += 1
                let verb = words.first.flatMap { $0.hasPrefix("-") || $0.first?.isUppercase == true ? nil : $0 } ?? ""
                if helps[verb] == nil {
                    let said = try await run(TestHost.binary, verb.isEmpty ? ["--help"] : [verb, "--help"])
                    // Of a verb that is not there the help is that of the whole program.
                    let usage = "USAGE: archon-backupd" + (verb.isEmpty ? "" : " \(verb)")
                    let isThere =
                        said.status == 0
                        && (said.output.contains("\(usage) ") || said.output.contains("\(usage)\n"))
                    #expect(isThere, "\(page.path): archon-backupd \(words.joined(separator: " "))")
                    helps[verb] = said.output
                }
                // `[--dump NAME]` may be left out, and is there all the same.
                for option in words.map({ $0.drop { $0 == "[" } }) where option.hasPrefix("--") {
                    let name = option.prefix { $0.isLetter || $0 == "-" }
                    let known = helps[verb]?.split { !($0.isLetter || $0 == "-") } ?? []
                    let isThere = known.contains(name)
                    #expect(isThere, "\(page.path): archon-backupd \(words.joined(separator: " ")) has no \(name)")
                }
            }
        }
        #expect(count > 40)
    }

    @Test func `the table of times is that of the shipped schedule`() throws {
        let page = try #require(try Self.pages().first { $0.path == "docs/backup-and-recovery.md" })
        let rows = page.text.split(separator: "\n").filter { $0.hasPrefix("| `") }.map { line in
            line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces).replacing("`", with: "") }
        }
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: "\(Self.root)/config/schedule.json")))
        let schedule = try ScheduleDecoder.decode(bytes, file: "schedule.json", zones: ZoneFiles.lookup)
        #expect(rows.map { Array($0.prefix(2)) } == schedule.jobs.map { [$0.name, $0.trigger.source] })
        #expect(rows.map { $0.count > 3 ? Int($0[3]) : nil } == schedule.jobs.map(\.retention.keepLast))
        #expect(schedule.jobs.allSatisfy { $0.zone.name == "UTC" })
    }
}
