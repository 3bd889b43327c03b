import BackupCore
import Foundation

/// An archive's list of entries, to restore a part of it: the lines that pg_restore's `--use-list` takes.
struct ArchiveList: Sendable {
    private let lines: [Substring]
    /// One that is in no part of the list but its own.
    let late: LateExtension?

    /// Entries that act on more than their own table, or stand for data.
    private static let leftOut: Set<String> = ArchiveFacts.dataTypes.subtracting(["SEQUENCE SET"]).union([
        "FK CONSTRAINT", "TRIGGER", "EVENT TRIGGER", "PUBLICATION", "PUBLICATION TABLE",
        "PUBLICATION TABLES IN SCHEMA", "SUBSCRIPTION", "SUBSCRIPTION TABLE", "DATABASE", "DATABASE PROPERTIES",
    ])

    static func take(_ archive: String, _ tools: Tools) async throws -> ArchiveList {
        let said = OutputText(limit: 1 << 30)
        let ending = try await tools.run(.restore, ["--list", archive], onOutput: { said.add($0) })
        guard ending.isSuccess else {
            throw Failure(
                .damaged, "the archive \(archive) cannot be listed: pg_restore \(ending.description)",
                cause: ending.errors)
        }
        return ArchiveList(lines: said.text.split(separator: "\n").filter { $0.first?.isNumber == true })
    }

    private init(lines: [Substring]) {
        let late = LateExtension.cron
        self.late = lines.contains { Self.entry($0).hasPrefix("EXTENSION - \(late.name) ") } ? late : nil
        self.lines = lines
    }

    private func isLate(_ line: Substring) -> Bool { late?.owns(Self.entry(line)) ?? false }

    /// All that is of the late extension.
    func lateEntries() -> String { Self.text(lines.filter(isLate)) }

    /// The entry that `pg_dump --schema=public` has for that schema, which every new database has: pg_restore would fail to make it. A
    /// whole dump has it where the owner is not the usual one, and does not make it.
    private static let publicSchema = "SCHEMA - public "

    /// Who owns the schema public by its entry; nil when there is none.
    var publicOwner: String? {
        lines.lazy.map(Self.entry).first { $0.hasPrefix(Self.publicSchema) }.map {
            String($0.dropFirst(Self.publicSchema.count))
        }
    }

    /// Event triggers, with their comments and labels, when one of them belongs to one of `roles`.
    func eventTriggers(ofAny roles: [String]) -> String? {
        let entries = lines.filter(Self.isOfEventTrigger)
        let isTheirs = entries.contains { line in
            let entry = Self.entry(line)
            return entry.hasPrefix("EVENT TRIGGER ") && roles.contains { entry.hasSuffix(" \($0)") }
        }
        return isTheirs ? Self.text(entries) : nil
    }

    /// All but the entry of the schema public, those of a late extension and, if so wished, those of event triggers.
    func most(withEventTriggers: Bool) -> String {
        Self.text(
            lines.filter { line in
                !Self.entry(line).hasPrefix(Self.publicSchema) && !isLate(line)
                    && (withEventTriggers || !Self.isOfEventTrigger(line))
            })
    }

    private static func isOfEventTrigger(_ line: Substring) -> Bool {
        ["EVENT TRIGGER ", "COMMENT - EVENT TRIGGER ", "SECURITY LABEL - EVENT TRIGGER "].contains(
            where: entry(line).hasPrefix)
    }

    private static func text(_ lines: [Substring]) -> String { lines.joined(separator: "\n") + "\n" }

    /// All definitions, but for those that act on more than their table.
    func definitions() -> String {
        Self.text(
            lines.filter { line in
                let entry = Self.entry(line)
                return !Self.leftOut.contains { entry.hasPrefix("\($0) ") } && !entry.contains(" LARGE OBJECT ")
                    && !entry.hasPrefix(Self.publicSchema) && !isLate(line)
            })
    }

    /// The rows of these tables, and the values of all sequences.
    func data(of tables: [TableName]) -> String {
        Self.text(
            lines.filter { line in
                let entry = Self.entry(line)
                if entry.hasPrefix("SEQUENCE SET ") { return !isLate(line) }
                guard entry.hasPrefix("TABLE DATA ") else { return false }
                let names = String(entry.dropFirst("TABLE DATA ".count))
                return tables.contains { $0.matches(entry: names) }
            })
    }

    /// `3381; 0 16400 TABLE DATA public archon_settings postgres` without its numbers.
    private static func entry(_ line: Substring) -> Substring {
        line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false).dropFirst(3).first ?? ""
    }
}
