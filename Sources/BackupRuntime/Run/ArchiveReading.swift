import BackupCore
import Foundation

/// The full read: pg_restore turns the whole archive into a script, which is taken in as it streams by. Only this shows
/// that an archive is whole; `pg_restore --list` is content with half of one.
package struct ArchiveReading: Sendable, Equatable {
    /// Entries of the table of contents.
    package var entries: Int
    package var facts: ArchiveFacts
    /// `15.18 (Debian 15.18-0+deb12u1)`, as the archive's head says.
    package var pgDumpVersion: String
    /// The server it was dumped from, in the same words.
    package var serverVersion: String
    package var database: String
    /// Of the script.
    package var scriptBytes: Int64

    /// Throws `.damaged` when the archive cannot be read to its end, `.failed` when the time is over. `progress` is told of
    /// bytes of script and rows so far. Of a directory archive on this host the members are read by us, several at a time, unless
    /// `digest` has done so; pg_restore tells what each of them is.
    package static func take(
        _ path: String, tools: Tools, digest: ArchiveDigest? = nil, timeoutSeconds: Double,
        progress: @escaping @Sendable (RunProgress) -> Void = { _ in }
    ) async throws -> ArchiveReading {
        if tools.host == nil, Disk.isFolder(path) {
            let found = try await members(path, digest, timeoutSeconds, progress)
            if let reading = try await take(path, found, tools, timeoutSeconds) { return reading }
        }
        // A folder cannot be read through a pipe, which a file can: from the very bytes that are to be kept.
        if tools.host != nil, Disk.isFolder(path) {
            return try await PlacedArchive.with(path, for: tools) { placed in
                try await take(.inside(placed.path), named: path, tools, timeoutSeconds, progress)
            }
        }
        return try await take(
            tools.host == nil ? .here(path) : .piped(path), named: path, tools, timeoutSeconds, progress)
    }

    /// How pg_restore gets the archive.
    private enum Source {
        case here(String)
        case inside(String)
        case piped(String)
    }

    private static func restore(
        _ arguments: [String], _ source: Source, _ tools: Tools, _ timeoutSeconds: Double,
        onOutput: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void
    ) async throws -> Child.Ending {
        switch source {
        case .here(let path), .inside(let path):
            return try await tools.run(.restore, arguments + [path], timeoutSeconds: timeoutSeconds, onOutput: onOutput)
        case .piped(let path):
            return try await tools.feed(
                path, to: .restore, arguments, timeoutSeconds: timeoutSeconds, onOutput: onOutput)
        }
    }

    private static func take(
        _ source: Source, named path: String, _ tools: Tools, _ timeoutSeconds: Double,
        _ progress: @escaping @Sendable (RunProgress) -> Void
    ) async throws -> ArchiveReading {
        async let listing = contents(source, named: path, tools, timeoutSeconds)
        let scanner = Shared(ArchiveScanner(hash: .xxh3))
        let ending = try await restore(["--file=-"], source, tools, timeoutSeconds) { buffer in
            let soFar = scanner.with { scanner in
                scanner.scan(buffer)
                return RunProgress(phase: .reading, bytes: scanner.bytes, rows: scanner.totalRows)
            }
            progress(soFar)
        }
        let head = try await listing
        try check(ending, path, "read", timeoutSeconds)
        return try reading(path, head, scanner.with { $0 })
    }

    private static func reading(_ path: String, _ head: Contents, _ read: ArchiveScanner) throws -> ArchiveReading {
        guard read.isComplete else {
            throw Failure(
                .damaged,
                "the archive \(path) ends inside \(read.openTable.map { "the rows of \($0)" } ?? "a statement")")
        }
        return try reading(path, head, read.facts, scriptBytes: read.bytes)
    }

    private static func reading(_ path: String, _ head: Contents, _ facts: ArchiveFacts, scriptBytes: Int64) throws
        -> ArchiveReading
    {
        // The list has no quotes: `public user` is `public."user"` in the script.
        let missing = head.tables.subtracting(facts.tables.keys.map { $0.replacing("\"", with: "") })
        guard missing.isEmpty else {
            throw Failure(
                .damaged,
                "the archive \(path) lists data of \(missing.sorted().joined(separator: ", ")) and does not hold it")
        }
        return ArchiveReading(
            entries: head.entries, facts: facts, pgDumpVersion: head.pgDumpVersion,
            serverVersion: head.serverVersion, database: head.database, scriptBytes: scriptBytes)
    }

    // MARK: a directory archive on this host

    private static func members(
        _ path: String, _ digest: ArchiveDigest?, _ timeoutSeconds: Double,
        _ progress: @escaping @Sendable (RunProgress) -> Void
    ) async throws -> [MemberReading] {
        if let readings = digest?.readings { return readings }
        let bytes = Shared(Int64(0))
        let taken = try await ArchiveDigest.take(path) { count in
            progress(
                RunProgress(
                    phase: .reading,
                    bytes: bytes.with { bytes in
                        bytes += count
                        return bytes
                    }))
        }
        return taken.readings ?? []
    }

    /// Nil when its members are not all of the kind that can be read here.
    private static func take(_ path: String, _ members: [MemberReading], _ tools: Tools, _ timeoutSeconds: Double)
        async throws -> ArchiveReading?
    {
        for member in members {
            guard case .damaged(let reason) = member.content else { continue }
            throw Failure(.damaged, "the archive \(path) cannot be read: \(member.file.name): \(reason)")
        }
        guard let marked = try MarkedArchive(of: path, members) else { return nil }
        let scanner = Shared(ArchiveScanner(hash: marked.hash))
        async let listing = contents(.here(path), named: path, tools, timeoutSeconds)
        let ending = try await tools.run(
            .restore, ["--file=-", marked.path], timeoutSeconds: timeoutSeconds
        ) { buffer in scanner.with { $0.scan(buffer) } }
        let head = try await listing
        try check(ending, path, "read", timeoutSeconds)
        let script = scanner.with { $0 }
        guard script.isComplete, let (facts, bytes) = try marked.facts(script) else { return nil }
        return try reading(path, head, facts, scriptBytes: bytes)
    }

    /// The table of contents: `pg_restore --list`.
    private static func contents(_ source: Source, named path: String, _ tools: Tools, _ timeoutSeconds: Double)
        async throws -> Contents
    {
        let said = OutputText(limit: 1 << 30)
        let ending = try await restore(["--list"], source, tools, timeoutSeconds) { said.add($0) }
        try check(ending, path, "listed", timeoutSeconds)
        return Contents(said.text)
    }

    private static func check(_ ending: Child.Ending, _ path: String, _ verb: String, _ timeoutSeconds: Double) throws {
        switch ending.cause {
        case .exited(0): return
        case .interrupted: throw CancellationError()
        case .timedOut:
            throw Failure(
                .failed, "the archive \(path) could not be \(verb) within \(TimeSpan.text(timeoutSeconds))",
                hint: "Raise \"timeout\", if the database has grown.")
        // Whoever ended it (the system, for want of memory) says nothing of the archive.
        case .signaled:
            throw Failure(
                .unavailable, "the archive \(path) could not be \(verb): pg_restore \(ending.description)",
                hint: "Try again; `dmesg` says whether the system ended it for want of memory.", cause: ending.errors)
        case .exited:
            let isNewer = ending.errors.contains("unsupported version")
            throw Failure(
                isNewer ? .unavailable : .damaged,
                "the archive \(path) cannot be \(verb): pg_restore \(ending.description)",
                hint: isNewer ? "It was written by a newer pg_dump: install its postgresql-client." : nil,
                cause: ending.errors)
        }
    }

    /// `; Dumped by pg_dump version: 15.18 (Debian …)` and the entries below.
    private struct Contents {
        var entries = 0
        /// Tables with an entry for data. Names with a space or a quote are left out: the list does not say where they end.
        var tables: Set<String> = []
        var pgDumpVersion = ""
        var serverVersion = ""
        var database = ""

        init(_ text: String) {
            for line in text.split(separator: "\n") {
                if line.first == ";" {
                    head(line)
                } else if line.first?.isNumber == true {
                    entries += 1
                    table(line)
                }
            }
        }

        private mutating func head(_ line: Substring) {
            func value(_ key: String) -> String? {
                line.range(of: key).map { line[$0.upperBound...].trimmingCharacters(in: .whitespaces) }
            }
            if let version = value("Dumped by pg_dump version:") { pgDumpVersion = version }
            if let version = value("Dumped from database version:") { serverVersion = version }
            if let name = value("dbname:") { database = name }
        }

        /// `3381; 0 16400 TABLE DATA public archon_settings postgres`.
        private mutating func table(_ line: Substring) {
            let words = line.split(separator: " ")
            guard words.count == 8, words[3] == "TABLE", words[4] == "DATA", words[5] != "-" else { return }
            let names = words[5...6]
            guard
                names.allSatisfy({
                    $0.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "_") }
                        && $0.first?.isNumber == false
                })
            else { return }
            tables.insert("\(words[5]).\(words[6])")
        }
    }
}
