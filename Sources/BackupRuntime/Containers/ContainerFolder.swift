import BackupCore
import Foundation
import Synchronization

/// A folder inside a container for one piece of work, on a file system with room for it. A shell in there holds it: when that
/// shell's stdin ends, by `remove` or because this process is gone, it removes the folder.
final class ContainerFolder: Sendable {
    let host: ContainerHost
    /// Inside.
    let path: String
    private let input: ChildInput
    private let holder: Task<Void, Never>

    private init(_ host: ContainerHost, _ path: String, _ input: ChildInput, _ holder: Task<Void, Never>) {
        self.host = host
        self.path = path
        self.input = input
        self.holder = holder
    }

    deinit { input.close() }

    /// Nil when no place in there has so many bytes free. Throws `.unavailable` when the container cannot be worked in.
    static func make(_ host: ContainerHost, bytes: Int64) async throws -> ContainerFolder? {
        let input = try ContainerHost.input()
        let first = FirstLine()
        let holder = Task {
            do {
                let ending = try await host.run(
                    ["\(bytes / 1024 + 1)"], .hold, input: input, onOutput: { first.take($0) })
                first.end(
                    Failure(
                        .unavailable, "no folder could be made in the container \(host.container.name)",
                        hint: "Is there a /tmp that may be written to, with mktemp and df in the image?",
                        cause: ending.errors))
            } catch {
                first.end(error)
            }
        }
        let line: String
        do {
            line = try await withTaskCancellationHandler {
                try await first.line()
            } onCancel: {
                input.close()
            }
        } catch {
            input.close()
            await holder.value
            throw error
        }
        guard line.hasPrefix("/") else {
            input.close()
            await holder.value
            return nil
        }
        return ContainerFolder(host, line, input, holder)
    }

    /// Returns when it is gone, or its container; or after a while, when the container is frozen: then it goes when that thaws.
    func remove() async {
        input.close()
        let patience = Task { [holder] in
            try await Task.sleep(for: .seconds(30))
            holder.cancel()
        }
        await holder.value
        patience.cancel()
    }

    // MARK: files

    /// Of a file or of a folder's files; 0 when there is none.
    func bytes(of name: String) async throws -> Int64 {
        let script =
            "if [ -d \"$1\" ]; then cat \"$1\"/* | wc -c; elif [ -e \"$1\" ]; then wc -c <\"$1\"; else echo 0; fi"
        let said = try await host.shell(script, ["\(path)/\(name)"], timeoutSeconds: 3600)
        return said.flatMap { Int64($0.trimmingCharacters(in: .whitespacesAndNewlines)) } ?? 0
    }

    /// KiB on the disk as `du` counts them, in bytes: for the progress of a file that grows.
    func roughBytes(of name: String) async throws -> Int64 {
        let said = try await host.shell(
            "du -sk \"$1\" 2>/dev/null | { read -r n x; echo \"$n\"; }", ["\(path)/\(name)"])
        return (said.flatMap { Int64($0.trimmingCharacters(in: .whitespacesAndNewlines)) } ?? 0) * 1024
    }

    /// Copies a file, or a folder with its files, to `target` on this host.
    func copyOut(_ name: String, to target: String, timeoutSeconds: Double) async throws {
        let writer = MemberWriter(target: target)
        let script = """
            if [ -d "$1" ]; then cd "$1" && echo folder && for f in *; do s=$(wc -c <"$f"); echo $s "$f"; cat "$f" || exit 1; done
            else s=$(wc -c <"$1"); echo file; echo $s .; cat "$1"; fi
            """
        let ending = try await host.run(
            ["sh", "-c", script, "sh", "\(path)/\(name)"], timeoutSeconds: timeoutSeconds,
            onOutput: { try writer.take($0) })
        try check(ending, "be copied out of")
        guard writer.isComplete else {
            throw Failure(
                .unavailable, "the archive did not come out of the container \(host.container.name) whole",
                hint: "Try again.")
        }
    }

    /// Copies a file, or a folder with its files, from this host into it. Returns its path inside.
    func copyIn(_ source: String, as name: String) async throws -> String {
        let inside = "\(path)/\(name)"
        guard Disk.isFolder(source) else {
            try await feed(source, to: inside)
            return inside
        }
        _ = try await host.shell("mkdir \"$1\"", [inside])
        for member in try Disk.names(in: source) { try await feed("\(source)/\(member)", to: "\(inside)/\(member)") }
        return inside
    }

    func write(_ text: String, as name: String) async throws -> String {
        let inside = "\(path)/\(name)"
        let input = try ContainerHost.input()
        let bytes = Array(text.utf8)
        async let writing: Void = blocking { _ in
            input.write(bytes)
            input.close()
        }
        try check(try await host.run(["sh", "-c", "cat >\"$1\"", "sh", inside], .feed, input: input), "be put into")
        try await writing
        return inside
    }

    private func feed(_ source: String, to inside: String) async throws {
        let input = try ContainerHost.input()
        async let feeding = FileFeed.run(source, into: input)
        try check(try await host.run(["sh", "-c", "cat >\"$1\"", "sh", inside], .feed, input: input), "be put into")
        let sent = try await feeding
        let said = try await host.shell("wc -c <\"$1\"", [inside]) ?? ""
        guard Int64(said.trimmingCharacters(in: .whitespacesAndNewlines)) == sent else {
            throw Failure(
                .unavailable, "\(source) did not come into the container \(host.container.name) whole",
                hint: "Try again.")
        }
    }

    private func check(_ ending: Child.Ending, _ verb: String) throws {
        switch ending.cause {
        case .exited(0): return
        case .interrupted: throw CancellationError()
        case .timedOut, .exited, .signaled:
            let isFull = ending.errors.contains("No space left")
            throw Failure(
                isFull ? .cannotWrite : .unavailable,
                "a file could not \(verb) the container \(host.container.name): it \(ending.description)",
                hint: isFull ? "Free some room where the engine keeps its containers." : nil, cause: ending.errors)
        }
    }
}

/// Gives a file's bytes to a child.
enum FileFeed {
    /// Returns how many were taken; fewer than there are when the child has ended.
    static func run(_ path: String, into input: ChildInput) async throws -> Int64 {
        try await withTaskCancellationHandler {
            try await blocking { cancellation in
                defer { input.close() }
                var total: Int64 = 0
                try Disk.read(path, cancellation) { bytes in
                    guard input.write(bytes) else { return false }
                    total += Int64(bytes.count)
                    return true
                }
                return total
            }
        } onCancel: {
            input.close()
        }
    }
}

/// The first line of what a child says, for one who waits for it.
private final class FirstLine: Sendable {
    private struct State {
        var text: [UInt8] = []
        var result: Result<String, any Error>?
        var waiter: CheckedContinuation<String, any Error>?
    }
    private let state = Mutex(State())

    func take(_ bytes: UnsafeRawBufferPointer) {
        let line = state.withLock { state -> String? in
            state.text += bytes
            return state.text.firstIndex(of: 0x0a).map { String(decoding: state.text[..<$0], as: UTF8.self) }
        }
        if let line { settle(.success(line)) }
    }

    func end(_ error: any Error) { settle(.failure(error)) }

    private func settle(_ result: Result<String, any Error>) {
        let waiter = state.withLock { state -> CheckedContinuation<String, any Error>? in
            guard state.result == nil else { return nil }
            state.result = result
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(with: result)
    }

    func line() async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            let result = state.withLock { state in
                if state.result == nil { state.waiter = continuation }
                return state.result
            }
            if let result { continuation.resume(with: result) }
        }
    }
}
