import BackupCore
import Foundation
import Subprocess
import Synchronization
import SystemPackage

/// A program run to its end in a session of its own: when it must go, SIGTERM to its whole group, ten seconds, SIGKILL.
package enum Child {
    /// How a child ended; nothing here is an error by itself.
    package struct Ending: Sendable, Equatable {
        package enum Cause: Sendable, Equatable {
            case exited(Int32)
            case signaled(Int32)
            /// Ended by us, for the time limit.
            case timedOut
            /// Ended by us, because the task was cancelled.
            case interrupted
        }
        package var cause: Cause
        /// The last of what it wrote to stderr.
        package var errors: String

        package var isSuccess: Bool { cause == .exited(0) }

        /// "exited with 1", "was ended by signal 9".
        package var description: String {
            switch cause {
            case .exited(let code): "exited with \(code)"
            case .signaled(let signal): "was ended by signal \(signal)"
            case .timedOut: "took too long and was ended"
            case .interrupted: "was interrupted"
            }
        }
    }

    private static let errorTailBytes = 64 << 10
    fileprivate static let grace = Duration.seconds(10)

    /// Runs `program`, with stdin closed when there is no `input`. `onOutput` gets stdout as it comes, in order; what it throws
    /// ends the child and is thrown on; `onErrors` gets stderr. `isBelieved` is asked, with the end of stderr, whether an exit
    /// status of 0 is a success. Throws `.unavailable` when the program cannot be started.
    static func run(
        _ program: String, _ arguments: [String], environment: [String: String] = [:], timeoutSeconds: Double? = nil,
        workingFolder: String? = nil, input: ChildInput? = nil, pause: ChildPause? = nil,
        onOutput: (@Sendable (UnsafeRawBufferPointer) throws -> Void)? = nil,
        onErrors: @escaping @Sendable (UnsafeRawBufferPointer) -> Void = { _ in },
        isBelieved: (String) -> Bool = { _ in true }
    ) async throws -> Ending {
        let tail = Tail(limit: errorTailBytes, alsoTo: onErrors)
        let limit = Expiry()
        let start = Start(program: program, arguments: arguments, workingFolder: workingFolder, pause: pause)
        let environment = Self.environment(adding: environment)
        let work = Task { () async throws -> TerminationStatus in
            guard let end = input?.takeChildsEnd() else {
                return try await start.run(environment, input: .none, tail, onOutput)
            }
            return try await start.run(
                environment, input: .fileDescriptor(end, closeAfterSpawningProcess: true), tail, onOutput)
        }
        let timer = timeoutSeconds.map { seconds in
            Task {
                try await Task.sleep(for: .seconds(seconds))
                limit.pass()
                work.cancel()
            }
        }
        defer { timer?.cancel() }
        let status = await withTaskCancellationHandler {
            await work.result
        } onCancel: {
            work.cancel()
        }
        return try ending(
            status, program: program, tail: tail, isTimedOut: limit.isPassed, wasCancelled: work.isCancelled,
            isBelieved: isBelieved)
    }

    private static func ending(
        _ status: Result<TerminationStatus, any Error>, program: String, tail: Tail, isTimedOut: Bool,
        wasCancelled: Bool, isBelieved: (String) -> Bool
    ) throws -> Ending {
        // A child that ended well before it noticed is a success: there is nothing to interrupt any more.
        if case .success(.exited(0)) = status, isBelieved(tail.text) {
            return Ending(cause: .exited(0), errors: tail.text)
        }
        if isTimedOut { return Ending(cause: .timedOut, errors: tail.text) }
        if wasCancelled { return Ending(cause: .interrupted, errors: tail.text) }
        switch status {
        case .success(.exited(let code)): return Ending(cause: .exited(code), errors: tail.text)
        case .success(.signaled(let signal)): return Ending(cause: .signaled(signal), errors: tail.text)
        case .failure(let failure as Failure): throw failure
        case .failure(let error):
            throw Failure(
                .unavailable, "\(program) cannot be run", hint: "Is it installed and may this user run it?",
                cause: "\(error)")
        }
    }

    /// What a child sees: our environment without what would change the meaning of its work, messages in English.
    private static func environment(adding: [String: String]) -> Subprocess.Environment {
        var updates: [Subprocess.Environment.Key: String?] = [
            "LC_ALL": "C.UTF-8", "LANGUAGE": nil, "PGDATABASE": nil, "PGOPTIONS": nil, "PGAPPNAME": nil, "PGTZ": nil,
            "PGDATESTYLE": nil, "PGCLIENTENCODING": nil, "NOTIFY_SOCKET": nil, "WATCHDOG_USEC": nil,
            "WATCHDOG_PID": nil,
        ]
        for (key, value) in adding { updates[.init(stringLiteral: key)] = value }
        return .inherit.updating(updates)
    }
}

/// A child that is to be started.
private struct Start: Sendable {
    let program: String
    let arguments: [String]
    let workingFolder: String?
    let pause: ChildPause?

    func run(
        _ environment: Subprocess.Environment, input: some InputProtocol & Sendable, _ tail: Tail,
        _ onOutput: (@Sendable (UnsafeRawBufferPointer) throws -> Void)?
    ) async throws -> TerminationStatus {
        var options = PlatformOptions()
        options.createSession = true
        options.teardownSequence = [
            .send(signal: .terminate, toProcessGroup: true, allowedDurationToNextStep: Child.grace)
        ]
        let result = try await Subprocess.run(
            .path(FilePath(program)), arguments: Arguments(arguments), environment: environment,
            workingDirectory: workingFolder.map { FilePath($0) }, platformOptions: options, input: input,
            output: .sequence, error: .sequence
        ) { execution in
            pause?.begin(execution.processIdentifier.value)
            defer { pause?.end() }
            async let errors: Void = tail.read(execution.standardError)
            for try await buffer in execution.standardOutput {
                if let onOutput { try buffer.withUnsafeBytes { try onOutput($0) } }
            }
            try await errors
        }
        return result.terminationStatus
    }
}

/// Whether a time limit was what ended something.
private final class Expiry: Sendable {
    private let passed = Mutex(false)
    var isPassed: Bool { passed.withLock { $0 } }
    func pass() { passed.withLock { $0 = true } }
}

/// The end of a stream: whatever a chatty child writes, no more than `limit` bytes are kept.
private final class Tail: Sendable {
    private let limit: Int
    private let bytes = Mutex<[UInt8]>([])
    private let alsoTo: @Sendable (UnsafeRawBufferPointer) -> Void

    init(limit: Int, alsoTo: @escaping @Sendable (UnsafeRawBufferPointer) -> Void) {
        self.limit = limit
        self.alsoTo = alsoTo
    }

    var text: String {
        let bytes = bytes.withLock { $0.count > limit ? Array($0.suffix(limit)) : $0 }
        return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func read(_ stream: SubprocessOutputSequence) async throws {
        for try await buffer in stream {
            buffer.withUnsafeBytes { new in
                alsoTo(new)
                bytes.withLock {
                    $0 += new
                    if $0.count > 2 * limit { $0.removeFirst($0.count - limit) }
                }
            }
        }
    }
}
