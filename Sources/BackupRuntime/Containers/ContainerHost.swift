import BackupCore
import Foundation

/// A running container as it was found by its name, and from then on meant by its id: another that takes the name over, or the
/// same one started again, is not taken for it.
package struct ContainerHost: Sendable, Equatable {
    let engine: ContainerEngine
    let container: Container
    let id: String
    /// Of its image.
    let image: String
    private let startedAt: String

    /// Throws `.unavailable` when the engine does not answer, or there is no running container of that name.
    static func find(_ container: Container) async throws -> ContainerHost {
        let engine = try ContainerEngine.find(container)
        guard let state = try await inspect(container.name, engine) else {
            throw Failure(
                .unavailable, "there is no container \(container.name)",
                hint: "`\(container.engine.rawValue) ps -a` shows their names; it may have been renamed.")
        }
        guard state.isRunning else {
            throw Failure(
                .unavailable, "the container \(container.name) does not run (\(state.word))",
                hint: "`\(container.engine.rawValue) start \(container.name)`, or `unpause`.")
        }
        return ContainerHost(
            engine: engine, container: container, id: state.id, image: state.image, startedAt: state.startedAt)
    }

    // MARK: its state

    private struct State {
        var id: String
        var image: String
        var startedAt: String
        var word: String
        var isRunning: Bool { word == "running" }
    }

    /// Nil when there is no such container.
    private static func inspect(_ name: String, _ engine: ContainerEngine) async throws -> State? {
        let format = "{{.Id}}|{{.Image}}|{{.State.StartedAt}}|{{.State.Status}}"
        let answer: String
        do {
            answer = try await engine.ask(["container", "inspect", "--format", format, name])
        } catch let failure as Failure where failure.cause?.lowercased().contains("no such container") ?? false {
            return nil
        }
        let words = answer.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        guard words.count == 4 else {
            throw Failure(.unavailable, "\(engine.kind.rawValue) says of \(name): \(answer)")
        }
        return State(id: words[0], image: words[1], startedAt: words[2], word: words[3])
    }

    /// Throws `.unavailable` when its name has come to mean another container, or it was stopped or started again.
    func checkUnchanged() async throws {
        guard let now = try await Self.inspect(container.name, engine) else {
            throw Failure(
                .unavailable, "the container \(container.name) was renamed or removed meanwhile",
                hint: "Correct \"name\" in the schedule, or try again.")
        }
        guard now.id == id, now.isRunning, now.startedAt == startedAt else {
            throw Failure(
                .unavailable,
                "the container \(container.name) was \(now.id != id ? "replaced" : now.isRunning ? "restarted" : "stopped") meanwhile",
                hint: "Try again when it stays.")
        }
    }

    /// The engine made no process of it.
    private func notBegun(_ what: String, _ ending: Child.Ending, _ said: String) -> Failure {
        Failure(
            .unavailable, "\(engine.kind.rawValue) exec could not begin \(what) in \(container.name)",
            hint: "Does `\(engine.kind.rawValue) exec \(container.name) sh -c true` work? See docs/containers.md.",
            cause: [ending.errors, said].joined(separator: "\n").trimmingCharacters(in: .whitespacesAndNewlines))
    }

    /// Why a program in there ended without a word of how.
    private func brokenOff(_ what: String, _ ending: Child.Ending) async -> Failure {
        func failure(_ fact: String, _ hint: String) -> Failure {
            Failure(.unavailable, fact, hint: hint, cause: ending.errors)
        }
        let name = container.name
        do {
            guard let now = try await Self.inspect(id, engine) else {
                return failure("the container \(name) was removed while \(what) ran in it", "Is it made anew at times?")
            }
            if !now.isRunning {
                return failure("the container \(name) was stopped while \(what) ran in it", "Start it and try again.")
            }
            if now.startedAt != startedAt {
                return failure("the container \(name) was restarted while \(what) ran in it", "Try again.")
            }
        } catch let failure as Failure {
            return Failure(
                failure.kind, "\(what) in \(name) was cut off: \(failure.message)", hint: failure.hint,
                cause: ending.errors)
        } catch {
            // Cancelled while it asked: what is known is told.
        }
        return failure(
            "\(engine.kind.rawValue) exec of \(what) in \(name) was ended from outside (it \(ending.description))",
            "Who ends such processes? The program inside was ended too.")
    }

    // MARK: programs in there

    /// Runs a program inside, by its name in the container's PATH, and carries its own exit status out. `passfile` has the
    /// lines of a password file for libpq. A caller that has something to say to the program, or ends it, gives an `input` of its
    /// own, made by `ContainerHost.input`. Throws `.unavailable` when the container or the engine is no
    /// longer as it was.
    func run(
        _ program: [String], _ mode: ContainerScript.Mode = .watch, passfile: [String] = [],
        timeoutSeconds: Double? = nil, input: ChildInput? = nil,
        onOutput: (@Sendable (UnsafeRawBufferPointer) throws -> Void)? = nil,
        onErrors: @escaping @Sendable (UnsafeRawBufferPointer) -> Void = { _ in }
    ) async throws -> Child.Ending {
        let callers = input
        let input = try callers ?? Self.input(passfile: passfile)
        let token = Self.token()
        // Docker tells there why it could not begin a program.
        let said = OutputText(limit: 2048)
        var ending = try await Child.run(
            engine.program, engine.words(["exec", "-i", id] + ContainerScript.words(mode, token: token, program)),
            timeoutSeconds: timeoutSeconds, input: input,
            onOutput: {
                said.add($0)
                try onOutput?($0)
            }, onErrors: onErrors,
            isBelieved: { ContainerScript.status(in: $0, token: token)?.status == 0 })
        if callers == nil { input.close() }
        if let (status, errors) = ContainerScript.status(in: ending.errors, token: token) {
            ending.errors = errors
            switch ending.cause {
            case .exited, .signaled: ending.cause = status > 128 ? .signaled(status - 128) : .exited(status)
            case .timedOut, .interrupted: break
            }
            return ending
        }
        switch ending.cause {
        case .timedOut, .interrupted: return ending
        case .exited(126), .exited(127): throw notBegun(program.first ?? "a program", ending, said.text)
        case .exited, .signaled: throw await brokenOff(program.first ?? "a program", ending)
        }
    }

    /// For `run`: it begins with the password file, which a socket takes before anybody reads.
    static func input(passfile: [String] = []) throws -> ChildInput {
        let input = try ChildInput()
        input.write(ContainerScript.head(passfile: passfile).utf8)
        return input
    }

    /// The stdout of a shell script that takes but a moment, or nil when it did not exit with 0.
    func shell(_ script: String, _ arguments: [String] = [], timeoutSeconds: Double = 120) async throws -> String? {
        let said = OutputText(limit: 1 << 20)
        let ending = try await run(
            ["sh", "-c", script, "sh"] + arguments, timeoutSeconds: timeoutSeconds, onOutput: { said.add($0) })
        if ending.cause == .interrupted { throw CancellationError() }
        return ending.isSuccess ? said.text : nil
    }

    /// What nobody else can have meant.
    static func token() -> String {
        (0..<2).map { _ in
            let digits = String(UInt64.random(in: .min ... .max), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}
