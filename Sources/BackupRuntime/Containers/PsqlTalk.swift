import BackupCore
import Foundation
import Synchronization

/// What is said to one psql inside a container, and its answers. One statement at a time; `PsqlLine` sees to that.
///
/// psql writes values apart by words that no value can have: a field's end and a NULL are random, made for this talk, and a
/// row's end is a zero byte, which no text of PostgreSQL's holds. After each statement it is told to say a third such word, on
/// both its outputs, with what it knows of the statement's end.
final class PsqlTalk: Sendable {
    struct Answer: Sendable {
        var rows: [[String?]] = []
        /// Of a COPY.
        var lines = 0
    }
    /// psql has ended, or its container.
    struct Broken: Error {
        var errors: String
        /// What the engine or the container lacks.
        var failure: Failure?
    }

    private struct State {
        var output: [UInt8] = []
        var errors: [UInt8] = []
        var lines = 0
        var onLine: (@Sendable (UnsafeRawBufferPointer) -> Void)?
        /// After the end word on stdout: what is said about the statement's end.
        var isOutputEnded = false
        var waiter: CheckedContinuation<Void, any Error>?
        var broken: Broken?
    }

    private let state = Mutex(State())
    private let input: ChildInput
    private let fieldEnd = ContainerHost.token()
    private let null = ContainerHost.token()
    private let end1: [UInt8]
    private let endWord: String
    private let encoding = Mutex("UTF8")
    private let running = Mutex<Task<Void, Never>?>(nil)

    init(_ host: ContainerHost, connection: String, passfile: [String]) throws {
        endWord = ContainerHost.token()
        end1 = Array("\(endWord).\n".utf8)
        input = try ContainerHost.input(passfile: passfile)
        let program = [
            "psql", "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--record-separator-zero", "--no-password",
            "--field-separator=\(fieldEnd)", "--pset=null=\(null)", "--pset=pager=off", "--set=SHOW_ALL_RESULTS=off",
            "--set=ON_ERROR_STOP=0", "--set=ECHO=none", "--dbname=\(connection) client_encoding=UTF8",
        ]
        // It lives until `end`, or until the program does; its end is told to whoever waits then.
        let talking = Task { [self, input] in
            let failure: Failure?
            do {
                let ending = try await host.run(
                    program, .talk, input: input, onOutput: { self.takeOutput($0) }, onErrors: { self.takeErrors($0) })
                failure = nil
                // Without the line in which the shell carries psql's status out.
                state.withLock { $0.errors = Array(ending.errors.utf8) }
            } catch {
                failure = error as? Failure
            }
            breakOff(failure)
        }
        running.withLock { $0 = talking }
    }

    /// Ends it from outside, for a statement that neither ends nor can be cancelled: `say` throws `Broken` then.
    func abandon() { running.withLock { $0 }?.cancel() }

    /// psql sees the end of its stdin; in the midst of a statement it is ended all the same.
    func end() { input.close() }

    // MARK: one statement

    /// `message` as `PsqlText` has it; `next` gives the lines of a COPY into the server. Throws `Session.Fault` for what the
    /// server refuses, `Broken` when psql ended.
    func say(
        _ message: String, onLine: (@Sendable (UnsafeRawBufferPointer) -> Void)? = nil,
        next: (@Sendable () -> [UInt8]?)? = nil
    ) async throws -> Answer {
        let bytes = ByteText.encode(message, isUTF8: ByteText.isUTF8(encoding.withLock { $0 }))
        let script = Array("\\set ERROR unknown\n".utf8) + bytes + Array("\n\\g\n".utf8)
        let ending =
            Array(
                """
                \\echo \(endWord) :ERROR :SQLSTATE :ENCODING
                \\echo :LAST_ERROR_MESSAGE
                \\echo \(endWord).
                \\warn \(endWord).

                """.utf8)
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            let broken = state.withLock { state in
                guard state.broken == nil else { return state.broken }
                state.output = []
                state.errors = []
                state.lines = 0
                state.onLine = onLine
                state.isOutputEnded = false
                state.waiter = continuation
                return nil
            }
            if let broken { return continuation.resume(throwing: broken) }
            // What psql does not take any more is told by its end.
            DispatchQueue(label: "archon-backupd.psql").async { @Sendable [input] in
                if let next {
                    input.write(script)
                    // Where psql is gone, whoever gives the lines is still heard out.
                    while let lines = next() { input.write(lines) }
                    input.write(Array("\\.\n".utf8) + ending)
                } else {
                    input.write(script + ending)
                }
            }
        }
        let (output, errors, lines) = state.withLock { ($0.output, $0.errors, $0.lines) }
        return try answer(output, errors, lines: lines)
    }

    private func answer(_ output: [UInt8], _ errors: [UInt8], lines: Int) throws -> Answer {
        let mark = Array("\(endWord) ".utf8)
        guard let head = ByteSearch.first(mark, in: output), let lineEnd = output[head...].firstIndex(of: 0x0a) else {
            throw Failure(.unavailable, "psql gave an answer that cannot be read")
        }
        let words = String(decoding: output[(head + mark.count)..<lineEnd], as: UTF8.self).split(separator: " ")
        if words.count == 3 { encoding.withLock { $0 = String(words[2]) } }
        let isUTF8 = ByteText.isUTF8(encoding.withLock { $0 })
        guard words.first == "false" else {
            let message = ByteText.decode(output[(lineEnd + 1)...].dropLast(end1.count), isUTF8: isUTF8)
            throw fault(
                words, message.trimmingCharacters(in: .newlines),
                ByteText.decode(errors.dropLast(end1.count), isUTF8: isUTF8))
        }
        return Answer(rows: rows(output[..<head], isUTF8: isUTF8), lines: lines)
    }

    /// psql before 16 knows nothing of a COPY that broke off: then its stderr says what the server said.
    private func fault(_ words: [Substring], _ message: String, _ errors: String) -> Session.Fault {
        let detail = errors.split(separator: "\n").first { $0.hasPrefix("DETAIL:") }.map {
            $0.dropFirst("DETAIL:".count).trimmingCharacters(in: .whitespaces)
        }
        if words.first == "true", words.count > 1 {
            return Session.Fault(sqlState: String(words[1]), message: message, detail: detail)
        }
        let said = errors.split(separator: "\n").first { !$0.hasPrefix("NOTICE:") && !$0.hasPrefix("WARNING:") } ?? ""
        let text = said.range(of: ":  ").map { String(said[$0.upperBound...]) } ?? String(said)
        return Session.Fault(sqlState: Self.sqlState(of: text), message: text, detail: detail)
    }

    /// Of the few that are asked for and that may come in the midst of a COPY.
    private static func sqlState(of message: String) -> String {
        if message.contains("does not exist") { return message.hasPrefix("column") ? "42703" : "42P01" }
        if message.contains("canceling statement") { return "57014" }
        if message.contains("permission denied") { return "42501" }
        if message.contains("lock timeout") { return "55P03" }
        return ""
    }

    private func rows(_ bytes: ArraySlice<UInt8>, isUTF8: Bool) -> [[String?]] {
        let separator = Array(fieldEnd.utf8)
        let null = Array(null.utf8)
        return bytes.split(separator: 0, omittingEmptySubsequences: false).dropLast().map { row in
            ByteSearch.pieces(row, apartBy: separator).map {
                $0.elementsEqual(null) ? nil : ByteText.decode($0, isUTF8: isUTF8)
            }
        }
    }

    // MARK: what comes

    private func takeOutput(_ bytes: UnsafeRawBufferPointer) {
        // The lines of a COPY are handed over as they come: by this thread, so that psql waits while they are worked on.
        let onLine = state.withLock { state in
            state.output += bytes
            return state.onLine
        }
        if let onLine { handLines(onLine) }
        settle { state in
            if !state.isOutputEnded, ByteSearch.ends(state.output, with: end1) { state.isOutputEnded = true }
        }
    }

    private func handLines(_ onLine: @Sendable (UnsafeRawBufferPointer) -> Void) {
        // Taken out while they are worked on, and what is left of them put back: nobody else touches it meanwhile.
        let bytes = state.withLock { state in
            defer { state.output = [] }
            return state.output
        }
        let mark = Array("\(endWord) ".utf8)
        var lines = 0
        var isEnd = false
        let used = bytes.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while let end = ByteSearch.lineEnd(rest) {
                let line = rest[..<end]
                isEnd = line.starts(with: mark)
                if isEnd { break }
                onLine(UnsafeRawBufferPointer(rebasing: line))
                lines += 1
                rest = rest[(end + 1)...]
            }
            return rest.startIndex
        }
        state.withLock { state in
            state.output = Array(bytes[used...])
            state.lines += lines
            if isEnd { state.onLine = nil }
        }
    }

    private func takeErrors(_ bytes: UnsafeRawBufferPointer) {
        settle { $0.errors += bytes }
    }

    /// The statement has ended when both outputs have said so.
    private func settle(_ change: (inout sending State) -> Void) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, any Error>? in
            change(&state)
            guard state.isOutputEnded, ByteSearch.ends(state.errors, with: end1) else { return nil }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    private func breakOff(_ failure: Failure?) {
        let (waiter, broken) = state.withLock { state in
            let errors = String(decoding: state.errors, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
            let said = errors.split(separator: "\n").filter { !$0.contains(endWord) }.joined(separator: "\n")
            let broken = Broken(errors: said, failure: failure)
            state.broken = broken
            defer { state.waiter = nil }
            return (state.waiter, broken)
        }
        waiter?.resume(throwing: broken)
    }
}
