import BackupCore
import Foundation
import Synchronization

/// A PostgreSQL made for one drill in a container of its own, of the image that the job's server runs in, so that it has the
/// same version and extensions; without network. The container ends with the stdin of its `docker run`, also when this process
/// is killed, and the engine removes it then; what an engine that was killed leaves is removed by `sweep`.
final class ContainerThrowaway: DrillServer {
    let server: Server
    var settings: ConnectionSettings { get throws { try ConnectionSettings(server, in: host) } }
    private let host: ContainerHost
    private let input: ChildInput
    private let log: LogTail
    private let running: Task<Void, Never>

    private static let label = "archon-backupd.drill"

    private init(
        _ server: Server, _ host: ContainerHost, _ input: ChildInput, _ log: LogTail, _ running: Task<Void, Never>
    ) {
        self.server = server
        self.host = host
        self.input = input
        self.log = log
        self.running = running
    }

    /// `owner` names this installation: only containers with its label are ever swept. Throws `.unavailable` when the engine
    /// makes no such container or the image no server, `.cannotWrite` when there is not room for `bytes` in it.
    static func begin(for container: Container, bytes: Int64, owner: String, _ limit: TimeLimit) async throws
        -> ContainerThrowaway
    {
        let source = try await ContainerHost.find(container)
        let name = "archon-backupd-drill-\(ContainerHost.token().prefix(12))"
        let input = try ChildInput()
        let log = LogTail()
        let seconds = try limit.remaining()
        let running = Task {
            do {
                let ending = try await Child.run(
                    source.engine.program,
                    source.engine.words([
                        "run", "-i", "--rm", "--pull=never", "--name=\(name)", "--label=\(label)=\(owner)",
                        "--network=none",
                        "--user=postgres", "--shm-size=256m", "--entrypoint=sh", source.image, "-c", script,
                        "archon-backupd", "\(bytes / 1024)", Throwaway.superuser, Throwaway.settings,
                    ]), timeoutSeconds: seconds, input: input, onErrors: { log.take($0) })
                log.end(ending.description)
            } catch {
                log.end((error as? Failure)?.message ?? "\(error)")
            }
        }
        do {
            try await withTaskCancellationHandler {
                try await log.untilReady()
            } onCancel: {
                input.close()
            }
            var made = container
            made.name = name
            made.user = Throwaway.superuser
            let server = Server(name: "throwaway", connection: "host=\(folder)", container: made)
            let host = try await ContainerHost.find(made)
            return ContainerThrowaway(server, host, input, log, running)
        } catch {
            input.close()
            await running.value
            if Task.isCancelled { throw CancellationError() }
            throw error
        }
    }

    var lastWords: String { log.lastWords }
    var dataFolder: String { "\(Self.folder)/data" }

    func end() async throws {
        input.close()
        await running.value
    }

    /// Removes those of `owner` that a crash has left. Only for who holds the drill lock. Returns their ids.
    static func sweep(_ engine: ContainerEngine, owner: String) async throws -> [String] {
        let left = try await engine.ask(["ps", "--all", "--quiet", "--filter", "label=\(label)=\(owner)"])
            .split(whereSeparator: \.isWhitespace).map(String.init)
        if !left.isEmpty { _ = try await engine.ask(["rm", "--force", "--volumes"] + left) }
        return left
    }

    /// Of its socket, and all else of it.
    private static let folder = "/tmp/archon-backupd-drill"

    /// Says `ready`, `room: …` or the programs' own words on stderr. The server is a child of the shell, and the shell is the
    /// container: nothing of it outlives the end of stdin.
    private static let script = """
        exec 3<&0 </dev/null
        \(ContainerScript.findPrograms)
        unset PGDATA PGHOST PGPORT PGUSER PGPASSWORD PGDATABASE PGOPTIONS PGTZ
        need=$1 user=$2 settings=$3
        d=\(folder); umask 077; mkdir "$d" || exit 1
        set -- $(df -Pk "$d" | tail -n 1)
        if [ "$4" -lt "$need" ] 2>/dev/null; then echo "room: $4 KiB are free in the container" >&2; exit 1; fi
        initdb --pgdata="$d/data" --username="$user" --auth=trust --no-sync --no-locale --encoding=UTF8 --no-instructions \
          >/dev/null || exit 1
        printf '%s\\nunix_socket_directories = %s\\n' "$settings" "'$d'" >>"$d/data/postgresql.conf"
        postgres -D "$d/data" >&2 & p=$!
        i=0
        while [ "$i" -lt 1200 ]; do
          kill -0 "$p" 2>/dev/null || { wait "$p"; exit 1; }
          psql --no-psqlrc --quiet --no-password --host="$d" --username="$user" --dbname=postgres --command='SELECT 1' \
            >/dev/null 2>&1 && break
          sleep 0.1 2>/dev/null || sleep 1; i=$((i + 1))
        done
        echo ready >&2
        (read -r x <&3; kill -QUIT "$p") & w=$!
        wait "$p"; kill "$w" 2>/dev/null
        """
}

/// The end of a server's log, and the word that it is ready.
private final class LogTail: Sendable {
    private struct State {
        var text: [UInt8] = []
        var isReady = false
        var end: String?
        var waiter: CheckedContinuation<Void, any Error>?
    }
    private let state = Mutex(State())

    func take(_ bytes: UnsafeRawBufferPointer) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, any Error>? in
            state.text = Array((state.text + bytes).suffix(64 << 10))
            guard !state.isReady, Self.lines(state.text).contains("ready") else { return nil }
            state.isReady = true
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// `how` it ended.
    func end(_ how: String) {
        let (waiter, failure) = state.withLock { state in
            state.end = how
            defer { state.waiter = nil }
            return (state.waiter, Self.failure(state))
        }
        waiter?.resume(throwing: failure)
    }

    func untilReady() async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            let result = state.withLock { state -> Result<Void, any Error>? in
                if state.isReady { return .success(()) }
                if state.end != nil { return .failure(Self.failure(state)) }
                state.waiter = continuation
                return nil
            }
            if let result { continuation.resume(with: result) }
        }
    }

    var lastWords: String {
        Self.lines(state.withLock { $0.text }).filter { $0.contains("PANIC: ") || $0.contains("FATAL: ") }.suffix(5)
            .joined(separator: "\n")
    }

    private static func lines(_ text: [UInt8]) -> [Substring] {
        String(decoding: text, as: UTF8.self).split(separator: "\n")
    }

    private static func failure(_ state: State) -> Failure {
        let lines = lines(state.text)
        if let room = lines.first(where: { $0.hasPrefix("room: ") }) {
            return Failure(
                .cannotWrite, "there is no room for a server with the dump restored: \(room.dropFirst("room: ".count))",
                hint:
                    "Free some room where the engine keeps its containers, or write \"drill\": { \"on\": \"SERVER\" }.")
        }
        return Failure(
            .unavailable, "a container for the drill cannot be made: `run` \(state.end ?? "ended")",
            hint: "May the service's user start containers? Else write \"drill\": { \"on\": \"SERVER\" }.",
            cause: lines.suffix(20).joined(separator: "\n"))
    }
}
